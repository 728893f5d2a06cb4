"""Jobs, item cache, keys, workers, console: knows no corpus and no model."""

"""The papers' numbers beside those of a run."""

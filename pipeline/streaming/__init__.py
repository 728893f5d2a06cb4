"""Recognition while pictures and sound come: sources, frames, streams, answers."""

"""The demo corpus: synthetic talking faces."""

"""Containers, decoding and clocks: pictures and sound of media files."""

"""VGG-Face fc6 of face crops."""

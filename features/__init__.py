"""From video files to feature arrays: decoding, faces, extractors, stores, windows."""

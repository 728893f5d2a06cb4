"""From video files to feature arrays: decoding, faces, fc6, low-level descriptors, stores."""

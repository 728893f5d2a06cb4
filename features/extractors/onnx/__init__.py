"""Networks of a user's own as ONNX files: of pictures, and of sound."""

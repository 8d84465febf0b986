"""Passes of the level `onnx`: roles and shapes, then the way to `lpu`."""

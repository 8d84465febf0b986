"""Run a model at every level on the same inputs, and compare with ONNX Runtime."""

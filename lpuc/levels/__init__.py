"""Running a model at each level of IR, and comparing what comes out with ONNX Runtime."""

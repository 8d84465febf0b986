"""Whether numbers depart: of a pass, by the IR before it; of an import, by ONNX Runtime."""

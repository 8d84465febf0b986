"""Import of ONNX model files: `import_model(path)` gives a module at the level `onnx`."""

from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.importer import import_model

__all__ = ["Budgets", "import_model"]

"""The command: compile and run random decoders, and compare them with ONNX Runtime."""

import sys

from benchmarks.fuzz.command import main
from benchmarks.fuzz.decoders.cases import make

if __name__ == "__main__":
    sys.exit(main("Random decoders against ONNX Runtime.", make))

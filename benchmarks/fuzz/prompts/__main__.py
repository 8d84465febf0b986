"""The command: let random decoders take prompts in chunks, and compare with ONNX Runtime."""

import sys

from benchmarks.fuzz.command import main
from benchmarks.fuzz.prompts.trial import judge, make

if __name__ == "__main__":
    sys.exit(main("Prompts in chunks against ONNX Runtime, token by token.", make, judge=judge))

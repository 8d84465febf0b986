"""
The process of one side: reads questions from stdin, a line of JSON each, and answers on stdout.

    python -m lpuc.bench.sides.worker 2      # on two threads

The first question says which side it is. What anything else prints goes to stderr.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any, TextIO

from lpuc.cli import NEW_OBJECTS
from lpuc.cli.threads import limit_threads
from lpuc.signals import leave_on_signals


def serve(questions: TextIO, answers: TextIO, threads: int) -> None:
    """Answer until there are no more questions."""
    side: Any = None
    for line in questions:
        name, arguments = json.loads(line)
        try:
            if side is None:
                side, answer = _side(name, arguments, threads), None
            else:
                answer = getattr(side, name)(*arguments)
            reply = {"answer": answer}
        except Exception as error:
            reply = {"error": f"{error}" or type(error).__name__}
        print(json.dumps(reply), file=answers, flush=True)


def _side(name: str, arguments: Any, threads: int) -> Any:
    if name == "ours":
        from lpuc.bench.sides.ours import Ours

        return Ours(arguments[0], threads)
    from lpuc.bench.sides.onnx_runtime import OnnxRuntime

    return OnnxRuntime(arguments[0], arguments[1], threads)


def main() -> None:
    """Keep stdout for answers."""
    threads = int(sys.argv[1])
    limit_threads(threads)
    leave_on_signals()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers, threads)


if __name__ == "__main__":
    main()

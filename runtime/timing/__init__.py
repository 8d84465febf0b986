"""How long a program takes: an event model with one clock per engine.

    predict(Program.load("model.lpu"), {"P": 0}).seconds

`walk` follows the control flow, `engines` keeps the clocks, `streams`, `scoreboard` and `chaining`
the hand-over between engines, `hbm` derives what the memory delivers, `work` reduces an instruction
to times and granules. Nothing here looks at data: the symbols determine everything.
"""

from runtime.timing.model import Timing, predict

__all__ = ["Timing", "predict"]

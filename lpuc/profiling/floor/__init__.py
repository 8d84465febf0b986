"""The least that a token costs, from the ONNX file alone.

    floor = floor_of(Path("model.onnx"), context=1040, precision="f16")
    floor.seconds(target, devices=1)

Nothing here is shared with the compiler: shapes are those of `onnx.shape_inference`. Each weight is
read once, the live cache once, one row of it is written, and each product multiplies what its
shapes say; there is no padding, no mask, nothing that leaves the chip for want of room.
"""

from lpuc.profiling.floor.bound import Floor, Least
from lpuc.profiling.floor.graph import floor_of, prompt_of

__all__ = ["Floor", "Least", "floor_of", "prompt_of"]

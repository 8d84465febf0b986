"""The reference of the instruction set with what each instruction costs: `docs/isa.md`.

`python -m runtime.reference` prints it.
"""

from runtime.isa import docs
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import LATENCIES, DataInst, Inst
from runtime.target import Target
from runtime.timing.costs import (
    BURSTS,
    LANES,
    PIECES,
    SORT,
    SPILL,
    TILE,
    charged,
    cost,
    sample,
)
from runtime.timing.hbm import rates

TARGET = Target.load("lpu-4nm")
VECTOR, PANEL = (1, 1, 1, 2048), (1, 1, 64, 2048)
ENTRIES = (
    "control_latency", "issue_latency", "vxe_lanes", "vector_latency", "vector_lanes", "mac_trees",
    "matrix_latency", "link_bytes_per_cycle", "link_hop_latency", "hbm_latency", "hbm_channels",
    "hbm_burst_bytes", "hbm_nbl", "vxe_ports", "f32_tile_cycles",
    "accumulators", "reuse_bytes", "branch_latency", "fetch_cycles", "lmu_banks", "lmu_granule",
    *LATENCIES,
)  # fmt: skip


def page() -> str:
    """The whole reference."""
    return docs.reference(_costs(), _cost)


def _costs() -> str:
    """What the formulas are about."""
    known = rates(TARGET)
    rows = [f"| {name} | {float(getattr(TARGET, name)):g} |" for name in ENTRIES]
    rows += [f"| units | {known.units} |", f"| beat | {known.beat} |"]
    return f"""\
## Costs

A cost is the number of cycles from when an engine takes an instruction up to its last result, where
the instruction waits for nothing: the formula is what the timing model charges (`runtime/timing`),
the figure is what it charges on `{TARGET.name}` for dense operands of halves. What else an
instruction waits for, and what runs at the same time, is said in [timing.md](timing.md). Engines
work side by side; the control processor spends `control_latency` cycles on each word, two for an
instruction on data.

An engine takes the next instruction up when the last step of the one before is over: its latency,
the last term, does not keep it. A branch that is taken takes `branch_latency` more, and from it on
a word comes every `fetch_cycles`. A step takes a cycle for each granule of an operand that lies in
the same bank of the LMU (`runtime/timing/lmu.py`). In a formula `e0` to `e3` are the extents and
`size` the bytes of an element; `bits(n)` is how many bits n has.
What the channels of HBM take counts in `units`, parts of a cycle; `beat` are those of a burst of
every channel, refresh included. Of `pieces` runs of `run` bytes a channel serves

    bursts = {BURSTS}

and `clocks` are those of the memory for which the busiest channel serves a request, there and back
where elements are read and written (a `scatter` that adds). Ascending bytes take

    clocks = bursts * hbm_nbl

and [hbm.md](hbm.md) says what banks and their groups take of what is strided or chosen by an index.
Where there are no elements, nothing of HBM is waited for: the cost is 0.

{_engines()}
The entries of `{TARGET.name}`:

| entry | value |
|---|---|
""" + "\n".join([*rows, ""])


def _engines() -> str:
    """What formulas of the vector and the matrix engine name."""
    return f"""\
The vector engine takes `row` elements of each of `rows` rows, `lanes` at a time. Axes over which
all operands step evenly are one row; where one jumps, or stays (of `reduce` the result), a row
ends. `reads` are the operands that are read and not the same in all points, `k` those that `topk`
chooses:

    lanes = {LANES}
    passes = {SORT}

In the formulas of `map1`, `map2` and `reduce` other entries take the place of `vector_latency` for
some functions: {_latencies()}.

A product of elements of `size` bytes takes `tile` cycles for each tile. Tiles are held while the
rows that share a panel pass; where the buffer holds less than a group of columns, partial sums go
through the LMU, for each row

    tile = {TILE}
    pieces = {PIECES}
    spill = {SPILL}
"""


def _latencies() -> str:
    """Which entry says when a function is there."""
    return "; ".join(
        f"`{entry}` for {', '.join(f'`{name}`' for name in names)}"
        for entry, names in LATENCIES.items()
    )


def _cost(cls: type[Inst]) -> str:
    """A formula and a figure."""
    extents = PANEL if cls in (Stream, Vecmat) else VECTOR
    inst, registers, before = sample(cls, extents)
    of = f" for extents {', '.join(map(str, extents))}" if issubclass(cls, DataInst) else ""
    cycles = charged(inst, registers, TARGET, before)
    return f"`{cost(cls).cycles}`; {cycles} on {TARGET.name}{of}."


if __name__ == "__main__":
    print(page())

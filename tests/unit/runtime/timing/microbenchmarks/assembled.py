"""Microbenchmarks: a few lines of assembly, and a time that follows from entries of the target.

`@N` in the text stands for a register that holds N when the program starts, so that nothing but
the lines that are shown takes time. Answers use the names below, each a formula of entries.
"""

import json
import re
from dataclasses import replace
from fractions import Fraction
from math import ceil

from runtime.program.assembly import assemble
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict

LPU = Target.load("lpu-4nm")
HBM = 1 << 24
"""The first byte of device memory that these programs use."""

ISSUE = 2 * LPU.control_latency
"""The two words of an instruction on data."""
SETUP = LPU.issue_latency
LANES, WAY = LPU.vxe_lanes, LPU.hbm_latency
TREE = (LANES - 1).bit_length() * LPU.vector_latency
"""The adders or comparators behind a pass over LANES elements."""
ADD, PRODUCT = LPU.vector_latency, LPU.matrix_latency
HOP = LPU.link_hop_latency


def passes(elements: int, lanes: int = LANES) -> int:
    """Cycles of the vector engine for one row."""
    return ceil(elements / lanes)


def tiles(depth: int, columns: int) -> int:
    """Tiles of a panel."""
    return ceil(depth / LPU.vector_lanes) * ceil(columns / LPU.mac_trees)


def eta(target: Target = LPU) -> Fraction:
    """What a refresh of all banks leaves, with the banks closed and opened around it."""
    closed = target.hbm_nrtp + target.hbm_nrp + target.hbm_nrcd - target.hbm_nbl
    closed += (target.hbm_bank_groups - 1) * (target.hbm_nrrd - target.hbm_nbl)
    lost = Fraction(target.hbm_trfc_ns) + closed * Fraction(target.hbm_tck_ns)
    return 1 - lost / Fraction(target.hbm_trefi_ns)


def streamed(size: int, target: Target = LPU) -> Fraction:
    """Cycles in which the channels serve so many bytes, a multiple of a burst of each."""
    return Fraction(size) / Fraction(target.hbm_bandwidth) * Fraction(target.clock_hz) / eta(target)


def linked(size: int) -> int:
    """Cycles in which so many bytes pass a link."""
    return ceil(size / (Fraction(LPU.link_bandwidth) / Fraction(LPU.clock_hz)))


def assembled(text: str, target: Target = LPU, devices: int = 1) -> Program:
    """The program of some lines and `halt`."""
    values = list(dict.fromkeys(int(found) for found in re.findall(r"@(\d+)", text)))
    places = {value: f"r{number}" for number, value in enumerate(values, 1)}
    code = re.sub(r"@(\d+)", lambda found: places[int(found[1])], text)
    interface = {
        "arena_base": HBM, "arena_size": 1 << 30, "inputs": [], "outputs": [], "params_size": HBM,
        "pc": 0, "registers": [[n, v] for n, v in enumerate(values, 1)], "symbols": [],
    }  # fmt: skip
    head = [f'.target "{LPU.name}"', f".interface {json.dumps(interface)}"]
    head += [f".devices {devices}"] if devices > 1 else []
    made = assemble("\n".join([*head, ".no_weights", code, "        halt", ""]))
    return replace(made, target=target)


def cycles(text: str, target: Target = LPU) -> int:
    """The predicted time of some lines."""
    return predict(assembled(text, target), {}).cycles

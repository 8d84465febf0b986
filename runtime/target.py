"""Target descriptions: every number of a machine with its unit, its source and how sure it is.

`Target.load("lpu-4nm")` reads a preset, `Target.load("mine.toml")` a file. Each entry is a table

    lmu_bytes = { value = 4194304, unit = "B", source = "...", grade = "assumption" }
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from math import ceil
from pathlib import Path
from typing import Any, cast

from runtime.errors import Invalid
from runtime.files import read_text

GRADES = ("paper", "jedec", "vendor", "derived", "assumption")
CHOICES = {
    "hbm_refresh": ("all-bank", "per-bank"),
    "hbm_skew": ("fold", "none"),
    "hbm_partial_writes": ("strobe", "read-modify-write"),
}
"""What words may say."""
GRANULE_UNIT = 8
"""Bytes of the largest element: granules of the LMU hold whole elements."""
MOST_BYTES, MOST_DOTS = 1 << 16, 1 << 12
"""Of a file, which here have four thousand bytes; reading a name takes the square of its dots."""
MOST, MOST_COUNT = 1 << 62, 1 << 31
"""Bytes and rates are below; what counts things, cycles or nanoseconds keeps i64 from its end."""
MOST_GRANULES, MOST_STATES, MOST_BEAT = 1 << 22, 1 << 20, 1 << 20
"""Of the LMU; banks and bursts looked ahead in all channels, each held; cycles of a burst."""
PRESETS = resources.files("runtime") / "targets"


@dataclass(frozen=True)
class Entry:
    """One number of a machine: value, unit, where it comes from, and its grade (see GRADES)."""

    value: int | float | str
    unit: str
    source: str
    grade: str


@dataclass(frozen=True)
class Target:
    """A machine description. Latencies are in cycles of `clock_hz`, bandwidth in bytes/s.

    `hbm_latency` is what a program sees; the clocks of the memory itself, `hbm_n*`, are
    `hbm_tck_ns`. Where a request begins no channel is more than `hbm_lead` bursts ahead. One MAC
    tree has `vector_lanes`, the vector engine `vxe_lanes`, which take `vxe_ports` operands a cycle.
    `link_bandwidth` is that of one link, one way; a link holds `link_depth` messages. An adder or
    comparator takes `vector_latency`, what is neither that, nor a product, nor `exp` takes
    `function_latency`. A tree has `accumulators`; `reuse_bytes` of tiles are held for further rows.
    A word of code takes `fetch_cycles`; granules of the LMU lie in `lmu_banks` in turn.
    """

    name: str
    mac_trees: int
    vector_lanes: int
    clock_hz: float
    hbm_stacks: int
    hbm_bandwidth: float
    hbm_bytes: int
    lmu_bytes: int
    registers: int
    fifo_bytes: int
    queue_depth: int
    lmu_granule: int
    vxe_lanes: int
    issue_latency: int
    hbm_channels: int
    hbm_banks: int
    hbm_bank_groups: int
    hbm_burst_bytes: int
    hbm_row_bytes: int
    hbm_tck_ns: float
    hbm_nbl: int
    hbm_nccdl: int
    hbm_nrcd: int
    hbm_nrcdwr: int
    hbm_nrp: int
    hbm_nrc: int
    hbm_nrtp: int
    hbm_nwtp: int
    hbm_nrrd: int
    hbm_nfaw: int
    hbm_nrtw: int
    hbm_nwtr: int
    hbm_lookahead: int
    hbm_lead: int
    hbm_skew: str
    hbm_partial_writes: str
    hbm_refresh: str
    hbm_trfc_ns: float
    hbm_trefi_ns: float
    hbm_latency: int
    link_bandwidth: float
    link_hop_latency: int
    link_depth: int
    matrix_latency: int
    vector_latency: int
    control_latency: int
    mul_latency: int
    exp_latency: int
    function_latency: int
    vxe_ports: int
    f32_tile_cycles: int
    accumulators: int
    reuse_bytes: int
    branch_latency: int
    fetch_cycles: int
    lmu_banks: int
    entries: Mapping[str, Entry] = field(
        default_factory=dict[str, Entry], compare=False, repr=False
    )

    @property
    def bytes_per_cycle(self) -> float:
        """HBM bytes delivered per clock cycle at full bandwidth."""
        return self.hbm_bandwidth / self.clock_hz

    @property
    def link_bytes_per_cycle(self) -> Fraction:
        """Bytes that pass a link one way per clock cycle."""
        return exact(self.link_bandwidth) / exact(self.clock_hz)

    def link_cycles(self, size: int) -> int:
        """Clock cycles in which so many bytes pass a link one way."""
        return ceil(size / self.link_bytes_per_cycle)

    def fed(self, reads: int) -> int:
        """Lanes of the vector engine that work where so many operands change between points."""
        return max(1, self.vxe_lanes * self.vxe_ports // max(self.vxe_ports, reads))

    def sort_passes(self, best: int, row: int) -> int:
        """Passes over a row that find its first elements one by one, or sort all of it."""
        bits = max(1, (row - 1).bit_length())
        return max(1, min(best, bits * (bits + 1) // 2))

    def tile_cycles(self, size: int) -> int:
        """Cycles of a tile whose elements have so many bytes."""
        return 1 if size <= 2 else self.f32_tile_cycles

    def spill_cycles(self, rows: int, depth: int, size: int) -> int:
        """Cycles of one row and group of columns in which partial sums pass the LMU.

        Tiles of a group stay in the reuse buffer until all rows have passed. What it cannot hold at
        a time ends a piece of K, and the sums of a piece, f32 of each tree, are written and read
        again by a port as wide as one chunk of x.
        """
        held = max(1, self.reuse_bytes // (self.vector_lanes * self.mac_trees * size))
        pieces = -(-depth // (held * self.vector_lanes))
        if rows <= self.accumulators or pieces < 2:
            return 0
        return (pieces - 1) * ceil(2 * 4 * self.mac_trees / (2 * self.vector_lanes))

    @property
    def refresh_leaves(self) -> Fraction:
        """Share of the time that refresh leaves to HBM's transfers (see `runtime.timing.hbm`)."""
        tck, interval = exact(self.hbm_tck_ns), exact(self.hbm_trefi_ns)
        rows = (self.hbm_bank_groups - 1) * max(0, self.hbm_nrrd - self.hbm_nbl)
        clocks = self.hbm_nrtp + self.hbm_nrp + self.hbm_nrcd - self.hbm_nbl + rows
        lost = exact(self.hbm_trfc_ns) + clocks * tck
        if self.hbm_refresh == "all-bank":
            return 1 - lost / interval
        bursts = self.hbm_row_bytes // self.hbm_burst_bytes
        idle = (self.hbm_banks - self.hbm_bank_groups) * bursts * self.hbm_nbl * tck
        return 1 - self.hbm_banks * max(Fraction(0), lost - idle) / interval

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Names of the presets, sorted."""
        return tuple(sorted(p.name[:-5] for p in PRESETS.iterdir() if p.name.endswith(".toml")))

    @staticmethod
    def load(name_or_path: str | Path) -> "Target":
        """A preset by name, or the file at a path that ends in `.toml`."""
        text = str(name_or_path)
        if text.endswith(".toml"):
            return Target.parse(text, Target.text_of(Path(text)))
        if text not in Target.presets():
            raise Invalid(f"unknown target {text!r}; known are {', '.join(Target.presets())}")
        return Target.parse(text, (PRESETS / f"{text}.toml").read_text("utf-8"))

    @staticmethod
    def text_of(path: Path) -> str:
        """What a file says that describes a machine."""
        try:
            return read_text(path, MOST_BYTES)
        except OSError as error:
            raise Invalid(f"{path}: cannot read the target: {error.strerror}") from None

    @staticmethod
    @lru_cache(16)
    def parse(where: str, text: str) -> "Target":
        """The target of the text of a file, made once; `where` names it in errors."""
        if text.count(".") > MOST_DOTS:
            raise Invalid(f"{where}: holds more than {MOST_DOTS} dots")
        try:
            data = tomllib.loads(text)
        except ValueError as error:
            raise Invalid(f"{where}: not TOML: {error}") from None
        except RecursionError:
            raise Invalid(f"{where}: is nested too deeply") from None
        return _build(where, data)

    @staticmethod
    def from_json(where: str, data: object) -> "Target":
        """The target of `to_json`; `where` names the file in errors."""
        if not isinstance(data, dict):
            raise Invalid(f"{where}: a target is a table of entries")
        return _build(where, cast(dict[str, object], data))

    def to_json(self) -> dict[str, Any]:
        """Entries as JSON-able tables, by key."""
        return {key: dict(vars(entry)) for key, entry in self.entries.items()}


def exact(value: float) -> Fraction:
    """The number that a decimal fraction in a target means: 1.1111111111111112 is 10/9."""
    return Fraction(value).limit_denominator(10**6) or Fraction(value)


def _build(where: str, data: dict[str, object]) -> Target:
    wanted = {f.name: f.type for f in fields(Target) if f.name != "entries"}
    if extra := sorted(set(data) - set(wanted)):
        raise Invalid(f"{where}: unknown entry {extra[0]!r}")
    entries = {key: _entry(where, key, data.get(key)) for key in wanted}
    values = {key: _value(where, key, e.value, wanted[key]) for key, e in entries.items()}
    target = Target(**values, entries=entries)
    if not 2 <= target.registers <= 256:
        raise Invalid(f"{where}: registers: expected 2 to 256, got {target.registers}")
    for key, words in CHOICES.items():
        if getattr(target, key) not in words:
            raise Invalid(f"{where}: {key}: expected one of {', '.join(words)}")
    _check_memory(where, target)
    return target


def _check_memory(where: str, target: Target) -> None:
    """Refuse a memory that never delivers, or that nobody can keep track of."""
    refresh = f"{target.hbm_trfc_ns} ns every {target.hbm_trefi_ns} ns"
    beat = target.hbm_channels * target.hbm_burst_bytes
    tile = 2 * target.mac_trees * target.vector_lanes
    ahead = max(target.hbm_banks, target.hbm_bank_groups) + target.hbm_lookahead
    for is_so, problem in (
        (not 0 < target.refresh_leaves <= 1,
         f"hbm_trfc_ns: a refresh of {refresh} leaves no time to read"),
        (target.fifo_bytes < beat,
         f"fifo_bytes: less than the {beat} bytes of a burst of all channels"),
        (target.reuse_bytes < tile, f"reuse_bytes: less than the {tile} bytes of a tile of halves"),
        (target.lmu_granule % GRANULE_UNIT, f"lmu_granule: expected a multiple of {GRANULE_UNIT}"),
        (target.lmu_bytes > MOST_GRANULES * target.lmu_granule, "lmu_bytes: too many granules"),
        (target.hbm_channels * ahead > MOST_STATES, "hbm_channels: too many banks and bursts"),
        (beat > MOST_BEAT * target.bytes_per_cycle, f"hbm_bandwidth: too little for {beat} bytes"),
    ):  # fmt: skip
        if is_so:
            raise Invalid(f"{where}: {problem}")


def _entry(where: str, key: str, table: object) -> Entry:
    if table is None:
        raise Invalid(f"{where}: entry {key!r} is missing")
    if not isinstance(table, dict):
        raise Invalid(f"{where}: {key}: expected a table of value, unit, source, grade")
    cells = cast(dict[str, object], table)
    if set(cells) != {"value", "unit", "source", "grade"}:
        raise Invalid(f"{where}: {key}: expected exactly value, unit, source, grade")
    value, unit, source, grade = (cells[k] for k in ("value", "unit", "source", "grade"))
    if not (isinstance(unit, str) and isinstance(source, str) and grade in GRADES):
        raise Invalid(f"{where}: {key}: unit and source are text, grade is one of {GRADES}")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Invalid(f"{where}: {key}: value is a number or text")
    return Entry(value, unit, source, str(grade))


def _value(where: str, key: str, value: int | float | str, kind: Any) -> Any:
    is_large = key.endswith("_bytes") or (kind is float and not key.endswith("_ns"))
    most = MOST if is_large else MOST_COUNT
    if not isinstance(value, str) and not 0 < value < most:
        raise Invalid(
            f"{where}: {key}: expected a positive number below {most}, got {_shown(value)}"
        )
    if kind is float and isinstance(value, int):
        value = float(value)
    if type(value) is not kind:
        raise Invalid(f"{where}: {key}: expected {kind.__name__}, got {_shown(value)}")
    return value


def _shown(value: float | str) -> str:
    """A value in a message; Python does not spell out integers of any length."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"one of {value.bit_length()} bits"
    return repr(value)

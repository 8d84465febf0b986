"""The fast path and the reference give the same bytes and the same traps, for every instruction."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.device.fast.views import lmu_view
from runtime.isa import ISA, DataInst, Inst, Operand, Stream, Vecmat
from runtime.isa.kinds import Bits, Choice
from runtime.numerics.elements import ElementType
from runtime.run.code import Code
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.device.bench import ARENA, PARAMS, Bench
from tests.unit.runtime.isa import rows_ctrl, rows_data
from tests.unit.runtime.isa.test_encoding import legal
from tests.unit.runtime.isa.test_semantics import ROWS

E = ElementType
DATA = sorted(m for m, cls in ISA.items() if issubclass(cls, DataInst))
SINGLE = [m for m in DATA if m not in ("stream", "vecmat")]
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SIZES = st.sampled_from([1, 1, 2, 3, 5, 0])
STEPS = st.sampled_from([0, 1, 1, 2, 3, 4, 8, -1, 15])


class Fast(Bench):
    """A bench without a shadow."""

    def __init__(self) -> None:
        super().__init__(reference=False)


@pytest.mark.parametrize("mnemonic", sorted(ISA))
def test_rows(mnemonic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the instruction table hold on the fast path too."""
    for module in (rows_ctrl, rows_data):
        monkeypatch.setattr(module, "Bench", Fast)
    ROWS[mnemonic](Fast())


def _filled(seed: int, reference: bool) -> Bench:
    """Memory of small numbers: i64 first, then bytes 0 and 1, then f32."""
    random = np.random.default_rng(seed)
    bench = Bench(random.integers(-6, 7, PARAMS // 4).astype(np.float32).view(np.uint8), reference)
    for region in (bench.device.lmu, bench.device.arena):
        region.data[:1024].view(np.int64)[:] = random.integers(-2, 3, 128)
        region.data[1024:2048] = random.integers(0, 2, 1024)
        floats = region.data[2048:].view(np.float32)
        floats[:] = random.integers(-6, 7, floats.size)
        if region.written is not None:
            region.written[:] = True
    return bench


class Drawn:
    """Draws register values, so that both machines get the same."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.values: list[int] = []

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        """One value."""
        return self.data.draw(strategy)

    def register(self, value: int) -> int:
        """A register with a value."""
        self.values.append(value)
        return len(self.values)

    def operand(self, element: ElementType, hbm: bool) -> Operand:
        """An operand: mostly inside its memory and aligned, where the values are of its type."""
        size, place = element.itemsize, self.draw(st.integers(0, 60))
        base = ARENA if hbm else 0
        if hbm and self.draw(st.integers(0, 3)) == 0:
            base = 0
        start = {E.I64: 0, E.BOOL: 1024}.get(element, 2048)
        odd = self.draw(st.sampled_from([0] * 12 + [1, 9000]))
        a, b, c, d = (
            0 if not (s := self.draw(STEPS)) else self.register(s * size) for _ in range(4)
        )
        return Operand(element, self.register(base + start + place * size + odd), (a, b, c, d))

    def extents(self) -> tuple[int, int, int, int]:
        """Small extents."""
        a, b, c, d = (self.register(self.draw(SIZES)) for _ in range(4))
        return (a, b, c, d)

    def fill(self, bench: Bench) -> None:
        """Set the registers of a machine."""
        for register, value in enumerate(self.values, 1):
            bench.device.registers[register] = value


def _instruction(drawn: Drawn, cls: type[DataInst]) -> Inst:
    named = drawn.draw(st.sampled_from(legal(cls)))
    values: dict[str, Any] = {}
    for field in cls.LAYOUT:
        if isinstance(field.kind, Choice):
            values[field.name] = named[field.name]
        elif field.name in named:
            values[field.name] = drawn.operand(named[field.name], field.name == cls.HBM)
        elif field.name in ("extents", "steps"):
            values[field.name] = drawn.extents()
        elif isinstance(field.kind, Bits):
            top = (1 << field.kind.width) - 1
            value = drawn.draw(st.integers(int(top > 1), top))
            values[field.name] = bool(value) if top == 1 else value
        else:
            values[field.name] = drawn.register(drawn.draw(st.sampled_from([0, 1, 1, 2, 8, 64])))
    return cls(**values)


def _outcome(bench: Bench, code: list[Inst]) -> TrapKind | None:
    """Runs twice, so that what is remembered is used as well."""
    bound = Code(code)
    bench.device.attach(len(code))
    steps = [bound.steps_for(bench.device)[pc] for pc in bound.instructions]
    with np.errstate(all="ignore"):
        try:
            for step in (*steps, *steps):
                step(bench.device)
        except Trap as trap:
            return trap.kind
    return None


@pytest.mark.parametrize("mnemonic", SINGLE)
@SETTINGS
@given(data=st.data())
def test_same_bytes_or_same_trap(mnemonic: str, data: st.DataObject) -> None:
    drawn, cls = Drawn(data), ISA[mnemonic]
    assert issubclass(cls, DataInst)
    inst, seed = _instruction(drawn, cls), data.draw(st.integers(0, 99))
    fast, reference = (_filled(seed, kind) for kind in (False, True))
    for bench in (fast, reference):
        drawn.fill(bench)
    assert _outcome(fast, [inst]) == _outcome(reference, [inst])
    np.testing.assert_array_equal(fast.device.lmu.data, reference.device.lmu.data)
    np.testing.assert_array_equal(fast.device.arena.data, reference.device.arena.data)


def _product(drawn: Drawn) -> tuple[list[Inst], Operand, tuple[int, ...]]:
    """Stream and vecmat with types that go together, and the shape of the result."""
    kind = drawn.draw(st.sampled_from([(E.F32, E.F16, E.BF16), (E.I64, E.I8)]))
    panel, x, dst = (drawn.draw(st.sampled_from(kind)) for _ in range(3))
    b, m, k, n = drawn.extents()
    streamed = drawn.operand(panel, True)
    result, source = drawn.operand(dst, False), drawn.operand(x, False)
    onto = drawn.draw(st.booleans())
    code: list[Inst] = [
        Stream((b, drawn.register(1), k, n), streamed),
        Vecmat((b, m, k, n), result, source, onto),
    ]
    shape = (drawn.values[b - 1], drawn.values[m - 1], 1, drawn.values[n - 1])
    return code, result, shape


@settings(SETTINGS, max_examples=300)
@given(data=st.data())
def test_same_products_within_the_error_of_their_sums(data: st.DataObject) -> None:
    """At most 5 terms, each of at most 6 x 6, unless bits happen to mean more."""
    drawn = Drawn(data)
    code, result, shape = _product(drawn)
    seed = data.draw(st.integers(0, 99))
    fast, reference = (_filled(seed, kind) for kind in (False, True))
    for bench in (fast, reference):
        drawn.fill(bench)
    outcome = _outcome(fast, code)
    assert outcome == _outcome(reference, code)
    if outcome is not None:
        return
    strides = tuple(fast.device.registers[s] for s in result.strides)
    address = fast.device.registers[result.base]
    found, expected = (
        lmu_view(bench.device, address, shape, strides, result.type)[1].astype(np.float64)  # pyright: ignore[reportArgumentType]
        for bench in (fast, reference)
    )
    np.testing.assert_allclose(
        found, expected, rtol=1e-5 if result.type is E.F32 else 1e-2, atol=1e-4
    )

"""16-bit panels of the arena are products of what is there, whoever wrote it and as what type."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runtime.device.device import Device
from runtime.device.fast.binding import bind
from runtime.device.mirror import PAGE_BYTES
from runtime.device.panels import Panel
from runtime.device.specified import Specified
from runtime.isa import Inst, Operand, Scatter, Store, Stream, Vecmat
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.weights.image import Image
from tests.unit.runtime.native.kernels import needs_library

E = ElementType
ARENA, SIZE = 1 << 16, 5 * PAGE_BYTES
COLUMNS, DEPTH = 3, 4
Step = Callable[..., Any]


def _device(reference: bool, cap: int = 1 << 20) -> Device:
    device = Device(
        Target.load("lpu-tiny"), Image(np.zeros(0, np.uint8)), ARENA, SIZE, cap, reference
    )
    device.reset()
    random = np.random.default_rng(1)
    for region in (device.lmu, device.arena):
        values = random.integers(-9, 10, region.data.size // 2).astype(np.float16)
        region.data[:] = values.view(np.uint8)
        region.touch(region.base, region.end)
        if region.written is not None:
            region.written[:] = True
    device.lmu.data[:16] = np.array([1, 3]).view(np.uint8)
    return device


def _set(device: Device, *values: int) -> None:
    device.registers[1 : 1 + len(values)] = values


def _store(device: Device, element: ElementType, spot: int, step: int) -> None:
    """Four elements from the LMU to the arena."""
    _set(device, 1, 4, ARENA + 8 * spot, 256, element.itemsize, step * element.itemsize)
    row, gaps = (0, 0, 0, 5), (0, 0, 0, 6)
    _run(device, Store((1, 1, 1, 2), Operand(element, 3, gaps), Operand(element, 4, row)))


def _scatter(device: Device, spot: int, both: bool) -> None:
    """One indexed row, or two."""
    _set(device, 1, 2, ARENA + 8 * spot, 256, 2, 8, 32, 0)
    index = Operand(E.I64, 8, (0, 0, 6, 0) if both else (0, 0, 0, 0))
    source = Operand(E.F16, 4, (0, 0, 0, 5))
    target = Operand(E.F16, 3, (0, 0, 0, 5))
    _run(device, Scatter("set", (1, 1, 2, 2), target, source, index, 6, 7))


def _product(device: Device, element: ElementType, spot: int, row: int) -> np.ndarray[Any, Any]:
    """The sum over four rows of a panel."""
    _set(device, 1, DEPTH, COLUMNS, ARENA + 8 * spot, 512, 640, 2, 2 * row, 4)
    device.lmu.data[512:528] = np.ones(4, np.float32).view(np.uint8)
    panel, x = Operand(element, 4, (0, 0, 8, 7)), Operand(E.F32, 5, (0, 0, 9, 0))
    extents = (1, 1, 2, 3)
    _run(device, Stream(extents, panel), Vecmat(extents, Operand(E.F32, 6, (0, 0, 0, 9)), x))
    return device.lmu.data[640 : 640 + 4 * COLUMNS].view(np.float32).copy()


def _error(device: Device, element: ElementType, spot: int, row: int) -> float:
    """n u times the sum of magnitudes, of which each of the two products may be off by one."""
    strides = (2 * row, 2)
    array: Any = np.ndarray((DEPTH, COLUMNS), element.dtype, device.arena.buffer, 8 * spot, strides)
    total = np.nan_to_num(np.abs(array.astype(np.float64)), posinf=0).sum()
    return 2 * DEPTH * 2.0**-24 * float(total)


def step(device: Device, inst: Inst) -> None:
    """Execute one instruction, remembering nothing."""
    if device.checked:
        Specified(device).step(inst, 1)
    else:
        device.ready[:] = [{}]
        bind(inst, 0, 1)(device)


def _run(device: Device, *code: Inst) -> None:
    with np.errstate(all="ignore"):
        for inst in code:
            step(device, inst)


def _step(random: np.random.Generator, at: int) -> tuple[Step, list[Any]]:
    """A store, a scatter or a product near a spot, so that writes meet panels."""
    spot = at + int(random.integers(40))
    kind = random.integers(10)
    if kind < 3:
        element = (E.F16, E.F16, E.BF16, E.U8, E.F32)[random.integers(5)]
        return _store, [element, spot, (1, 2, 500)[random.integers(3)]]
    if kind < 5:
        return _scatter, [spot, bool(random.integers(2))]
    element = (E.F16, E.F16, E.F16, E.BF16)[random.integers(4)]
    return _product, [element, spot, (4, 8, 1000)[random.integers(3)]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("numpy_products")
def test_mirrored_products_see_every_write(seed: int) -> None:
    _see_every_write(seed)


@pytest.mark.parametrize("seed", range(6))
def test_products_see_every_write(seed: int) -> None:
    _see_every_write(seed)


def _see_every_write(seed: int) -> None:
    """Around the end of a page, with new values in the LMU before each write."""
    random = np.random.default_rng(seed)
    fast, reference = _device(False), _device(True)
    for _ in range(150):
        action, values = _step(random, PAGE_BYTES // 8 - 20)
        fresh = random.integers(-9, 10, 8).astype(np.float16).view(np.uint8)
        fast.lmu.data[256:272] = reference.lmu.data[256:272] = fresh
        found, expected = (action(device, *values) for device in (fast, reference))
        np.testing.assert_array_equal(fast.arena.data, reference.arena.data)
        if action is _product:
            np.testing.assert_allclose(found, expected, rtol=0, atol=_error(reference, *values))


@pytest.mark.usefixtures("numpy_products")
@pytest.mark.parametrize(("cap", "mirrored"), [(1 << 20, True), (2 * SIZE, True), (99, False)])
def test_the_mirror_stays_within_the_cap(cap: int, mirrored: bool) -> None:
    device = _device(False, cap)
    expected = _product(_device(True), E.F16, 3, 8)
    np.testing.assert_array_equal(_product(device, E.F16, 3, 8), expected)
    assert device.products.mirror.active is mirrored


@pytest.mark.usefixtures("numpy_products")
def test_a_written_row_is_all_that_is_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    device = _device(False)
    _product(device, E.F16, 0, 8)
    monkeypatch.setattr(device.products.mirror, "_widen", pytest.fail)
    _store(device, E.F16, 1, 1)
    _product(device, E.F16, 0, 8)


@pytest.mark.usefixtures("numpy_products")
def test_a_reset_forgets_the_mirror() -> None:
    device = _device(False)
    _product(device, E.F16, 0, 8)
    device.reset()
    assert np.isnan(_product(device, E.F16, 0, 8)).all()


@pytest.mark.usefixtures("numpy_products")
def test_a_store_of_nothing_anywhere_leaves_the_mirror_alone() -> None:
    device = _device(False)
    _product(device, E.F16, 0, 8)
    pages = bytes(device.products.mirror.state)
    _set(device, 1, 0, 1 << 40)
    _run(device, Store((1, 1, 1, 2), Operand(E.F16, 3), Operand(E.F16, 3)))
    assert device.products.mirror.state == pages


@needs_library
@pytest.mark.parametrize("element", [E.F16, E.BF16])
def test_where_the_kernel_serves_nothing_is_widened(element: ElementType) -> None:
    """Not even a panel that keeps its bytes while the arena is written."""
    device = _device(False)
    _product(device, element, 3, 8)
    assert not device.products.mirror.active
    assert not device.products.widening.kept
    values: Any = device.arena.data[:24].view(element.dtype)
    panel = Panel.of(device.arena, ARENA, values.reshape(1, 3, 4).swapaxes(1, 2), element)
    copy = panel.copied()
    assert copy.wide is None
    assert copy.matrix.strides[1:] == panel.matrix.strides[1:]


@pytest.mark.parametrize("element", [E.I8, E.U8])
@pytest.mark.parametrize("depth", [3, 5000])
def test_products_of_bytes_are_exact(element: ElementType, depth: int) -> None:
    """Also where sums do not fit into the 24 bits of f32."""
    random, device = np.random.default_rng(depth), _device(False)
    limits = np.iinfo(element.dtype)
    numbers = random.integers(limits.max - 20, limits.max + 1, (1, depth, 3)).astype(element.dtype)
    x = random.integers(200, 256, (1, 2, depth)).astype(np.uint8)
    out = np.ones((1, 2, 3), np.int32)
    product = device.products.prepare(x, out, True, (E.U8, E.I32))
    product(Panel.of(device.arena, ARENA, numbers, element))
    exact = [[sum(map(int.__mul__, row, column)) for column in numbers[0].T.tolist()]
             for row in x[0].tolist()]  # fmt: skip
    assert (out[0] - 1).tolist() == exact

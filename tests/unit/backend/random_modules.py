"""
Random `lpu` functions: tensor operations, resident state, loops in loops, tokens.

All elements are whole numbers up to `LIMIT`, so that no order of additions rounds: what may be
larger is clamped right behind the operation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, zip_longest

from dialects.affine import Affine
from dialects.lpu.contents import fill_hex
from runtime.numerics.elements import ElementType
from tests.unit.backend.levels import step_text

LIMIT = 64
P = Affine.symbol("P")
P_MOST = 5
STATE = (3, 4, 6)
Dims = tuple[Affine, ...]
INPUTS: dict[str, Dims] = {
    "a": (Affine(2), Affine(3)),
    "b": (Affine(4),),
    "c": (P, Affine(4)),
    "d": (Affine(1), P + 1),
    "e": (Affine(40), Affine(60)),
    "f": (Affine(2), Affine(1), Affine(4)),
}


def kind(dims: Sequence[Affine], dtype: str = "f32") -> str:
    return f"!lpu.tensor<[{', '.join(map(str, dims))}], {dtype}>"


def broadcast(a: Dims, b: Dims) -> Dims | None:
    """The extents of an elementwise operation, None when these do not go together."""
    pairs = list(zip_longest(reversed(a), reversed(b), fillvalue=Affine(1)))
    if any(x != y and Affine(1) not in (x, y) for x, y in pairs):
        return None
    return tuple(y if x == Affine(1) else x for x, y in reversed(pairs))


@dataclass
class Writer:
    """The text so far, the values in scope and the variables of the loops around."""

    rng: random.Random
    names: Iterator[int] = field(default_factory=count)
    lines: list[str] = field(default_factory=list[str])
    pool: list[tuple[str, Dims]] = field(default_factory=list[tuple[str, Dims]])
    loops: dict[str, int] = field(default_factory=dict[str, int])

    def fresh(self) -> str:
        return f"%v{next(self.names)}"

    def pick(self) -> tuple[str, Dims]:
        """Any value in scope, late ones more often."""
        return self.pool[max(self.rng.randrange(len(self.pool)) for _ in range(2))]

    def line(self, operation: str, operands: Sequence[tuple[str, str]], dims: Dims, to: str) -> str:
        """An operation with one result of the element type `to`; `{}` is where the operands go."""
        result = self.fresh()
        names, types = ", ".join(o[0] for o in operands), ", ".join(o[1] for o in operands)
        self.lines.append(f"{result} = {operation.format(names)} : {types} -> {kind(dims, to)}")
        return result

    def op(self, operation: str, *operands: tuple[str, Dims], dims: Dims, clamp: bool = False):
        """A new value in scope, clamped to the limit when it may be larger."""
        value = self.line(operation, [(n, kind(d)) for n, d in operands], dims, "f32")
        for fn, most in (("min", LIMIT), ("max", -LIMIT)) if clamp else ():
            bound = self.fresh()
            digits = fill_hex(most, ElementType.F32)
            self.lines.append(f'{bound} = lpu.fill "{digits}" : {kind(())}')
            pairs = [(value, kind(dims)), (bound, kind(()))]
            value = self.line(f'lpu.map "{fn}" {{}}', pairs, dims, "f32")
        self.pool.append((value, dims))


def unary(w: Writer) -> None:
    value, dims = w.pick()
    w.op(f'lpu.map "{w.rng.choice(["neg", "abs"])}" {{}}', (value, dims), dims=dims)


def binary(w: Writer) -> None:
    a = w.pick()
    fitting = [(v, d) for v, dims in w.pool if (d := broadcast(a[1], dims)) is not None]
    value, dims = w.rng.choice(fitting)
    b = (value, next(d for v, d in w.pool if v == value))
    fn = w.rng.choice(["add", "mul", "sub", "max"])
    w.op(f'lpu.map "{fn}" {{}}', a, b, dims=dims, clamp=True)


def transpose(w: Writer) -> None:
    value, dims = w.pick()
    perm = w.rng.sample(range(len(dims)), len(dims))
    w.op(f"lpu.transpose {{}} <{perm}>", (value, dims), dims=tuple(dims[p] for p in perm))


def slice_(w: Writer) -> None:
    """Any part of the axes that have a number; one element at the variable of a loop."""
    value, dims = w.pick()
    starts, steps, kept = [Affine()] * len(dims), [1] * len(dims), list(dims)
    for axis, extent in enumerate(dims):
        if not extent.is_const or extent.const < 2:
            continue
        around = [name for name, most in w.loops.items() if most < extent.const]
        if around and w.rng.random() < 0.6:
            starts[axis], kept[axis] = Affine.symbol(w.rng.choice(around)), Affine(1)
            continue
        start, step = w.rng.randrange(extent.const), w.rng.randint(1, 2)
        most = -(-(extent.const - start) // step)
        starts[axis], steps[axis] = Affine(start), step
        kept[axis] = Affine(w.rng.randint(1, most))
    at = ", ".join(map(str, starts))
    w.op(f"lpu.slice {{}} at <[{at}]> step <{steps}>", (value, dims), dims=tuple(kept))


def reshape(w: Writer) -> None:
    """Merge two neighbours, split an axis, add one or flatten all."""
    value, dims = w.pick()
    axis = w.rng.randrange(len(dims) + 1)
    new = (*dims[:axis], Affine(1), *dims[axis:])
    if axis + 1 < len(dims) and (dims[axis].is_const or dims[axis + 1].is_const):
        new = (*dims[:axis], dims[axis] * dims[axis + 1], *dims[axis + 2 :])
    elif axis < len(dims) and dims[axis].is_const and dims[axis].const % 2 == 0:
        new = (*dims[:axis], Affine(2), Affine(dims[axis].const // 2), *dims[axis + 1 :])
    if len(new) <= 5:
        w.op("lpu.reshape {}", (value, dims), dims=new)


def repeat(w: Writer) -> None:
    value, dims = w.pick()
    new = tuple(Affine(w.rng.choice([1, 3])) if d == Affine(1) else d for d in dims)
    if len(new) < 4:
        w.op("lpu.broadcast {}", (value, dims), dims=(Affine(2), *new))


def concat(w: Writer) -> None:
    a, axis = w.pick(), 0
    same = [p for p in w.pool if len(p[1]) == len(a[1]) and p[1][1:] == a[1][1:]]
    b = w.rng.choice(same)
    if a[1]:
        dims = (a[1][0] + b[1][0], *a[1][1:])
        w.op(f"lpu.concat {{}} axis {axis}", a, b, dims=dims)


def reduce(w: Writer) -> None:
    value, dims = w.pick()
    axes = sorted(w.rng.sample(range(len(dims)), w.rng.randint(min(1, len(dims)), len(dims))))
    new = tuple(Affine(1) if axis in axes else d for axis, d in enumerate(dims))
    fn = w.rng.choice(["sum", "max", "min"])
    w.op(f'lpu.reduce "{fn}" {{}} over <{axes}>', (value, dims), dims=new, clamp=True)


def scan(w: Writer) -> None:
    value, dims = w.pick()
    if dims:
        axis, exclusive = w.rng.randrange(len(dims)), w.rng.randint(0, 1)
        text = f"lpu.scan {{}} axis {axis} exclusive {exclusive}"
        w.op(text, (value, dims), dims=dims, clamp=True)


def matmul(w: Writer) -> None:
    """With whatever fits, or with its own transpose."""
    a = w.pick()
    if len(a[1]) < 2:
        return
    fitting = [p for p in w.pool if len(p[1]) >= 2 and p[1][-2] == a[1][-1]]
    fitting = [p for p in fitting if broadcast(a[1][:-2], p[1][:-2]) is not None]
    if not fitting or w.rng.random() < 0.5:
        dims = (*a[1][:-2], a[1][-1], a[1][-2])
        perm = [*range(len(dims) - 2), len(dims) - 1, len(dims) - 2]
        w.op(f"lpu.transpose {{}} <{perm}>", a, dims=dims)
        fitting = w.pool[-1:]
    b = w.rng.choice(fitting)
    batch = broadcast(a[1][:-2], b[1][:-2])
    assert batch is not None
    w.op("lpu.matmul {}", a, b, dims=(*batch, a[1][-2], b[1][-1]), clamp=True)


def cast(w: Writer) -> None:
    """There and back: all elements are whole and small."""
    value, dims = w.pick()
    near = w.rng.choice(["f16", "i64", "i32"])
    other = w.line("lpu.cast {}", [(value, kind(dims))], dims, near)
    back = w.line("lpu.cast {}", [(other, kind(dims, near))], dims, "f32")
    w.pool.append((back, dims))


def gather(w: Writer) -> None:
    """Elements 0, 1, .. of an axis, or the one that the variable of a loop names, twice."""
    value, dims = w.pick()
    axes = [a for a, d in enumerate(dims) if d.is_const and d.const >= 2]
    if not axes or len(dims) > 3:
        return
    axis, index = w.rng.choice(axes), w.fresh()
    around = [name for name, most in w.loops.items() if most < dims[axis].const]
    steps = f"[{w.rng.choice(around)}, 0]" if around else "[1, -1]"
    w.lines.append(f"{index} = lpu.iota <{steps}> : !lpu.tensor<[2], i64>")
    new = (*dims[:axis], Affine(2), *dims[axis + 1 :])
    operands = [(value, kind(dims)), (index, "!lpu.tensor<[2], i64>")]
    found = w.line(f"lpu.gather {{}} axis {axis}", operands, new, "f32")
    w.pool.append((found, new))


def _window(w: Writer, dims: Sequence[Affine]) -> str:
    """Offsets at which such a window lies in the state."""
    at: list[str] = []
    for extent, size in zip(dims, STATE, strict=True):
        room = size - extent.const
        around = [name for name, most in w.loops.items() if most <= room]
        at.append(w.rng.choice([*around, str(w.rng.randint(0, room))]))
    return ", ".join(at)


def read(w: Writer) -> None:
    dims = tuple(Affine(w.rng.randint(1, size)) for size in STATE)
    result, state = w.fresh(), w.rng.choice(["s", "t"])
    text = f"{result} = lpu.read %{state} at <[{_window(w, dims)}]>"
    w.lines.append(f"{text} : !lpu.state<{list(STATE)}, f32> -> {kind(dims)}")
    w.pool.append((result, dims))


def write(w: Writer) -> None:
    def fits(dims: Dims) -> bool:
        bounds = zip(dims, STATE, strict=False)
        return len(dims) == 3 and all(d.is_const and 1 <= d.const <= s for d, s in bounds)

    fitting = [p for p in w.pool if fits(p[1])]
    if fitting:
        (value, dims), state = w.rng.choice(fitting), w.rng.choice(["s", "t"])
        text = f"lpu.write %{state}, {value} at <[{_window(w, dims)}]>"
        w.lines.append(f"{text} : !lpu.state<{list(STATE)}, f32>, {kind(dims)}")


def loop(w: Writer) -> None:
    """Carries some values, often permuted, stacks another, may be left early or never entered."""
    if len(w.loops) >= 2:
        return
    upper = w.rng.choice([Affine(0), Affine(1), Affine(2), Affine(3), P, P + -2])
    most = max((upper.const if upper.is_const else upper.upper({"P": (0, P_MOST)})) - 1, 0)
    first = w.rng.choice([None, None, "1"])
    name, init = f"l{next(w.names)}", [w.pick() for _ in range(w.rng.randint(0, 3))]
    init += [p for p in w.pool if init and p[1] == init[0][1]][:1]
    arguments = [(w.fresh(), dims) for _, dims in init]
    inner = Writer(w.rng, w.names, [], [*w.pool, *arguments], {**w.loops, name: max(most, 1)})
    block(inner, w.rng.randint(0, 2))
    stop = w.rng.random() < 0.25
    if stop:
        emit(inner, name)
    block(inner, w.rng.randint(1, 4))
    yields = [w.rng.choice([p for p in inner.pool if p[1] == dims]) for _, dims in init]
    results = [(w.fresh(), dims) for _, dims in init]
    if upper.is_const and first is None and not stop and upper.const:
        value = inner.pick()
        yields.append(value)
        results.append((w.fresh(), (upper, *value[1])))
    _write_loop(w, inner, f'"{name}" {f"from <{first}> " if first else ""}to <{upper}>', init,
                arguments, yields, results)  # fmt: skip
    w.pool += [p for p in results if len(p[1]) <= 4]


Values = Sequence[tuple[str, Dims]]


def _write_loop(
    w: Writer, inner: Writer, head: str, init: Values, arguments: Values, yields: Values,
    results: Values,
) -> None:  # fmt: skip
    def typed(values: Values) -> str:
        if not values:
            return ""
        return f"{', '.join(v for v, _ in values)} : {', '.join(kind(d) for _, d in values)}"

    left = f"{', '.join(v for v, _ in results)} = " if results else ""
    right = f" -> {', '.join(kind(d) for _, d in results)}" if results else ""
    w.lines.append(f"{left}lpu.for {head} ({typed(init)}){right} {{")
    if arguments:
        w.lines.append(f"^bb0({', '.join(f'{v} : {kind(d)}' for v, d in arguments)}):")
    w.lines += inner.lines
    w.lines += [f"lpu.yield {typed(yields)}", "}"]


def emit(w: Writer, name: str) -> None:
    token, stop, one = w.fresh(), w.fresh(), "!lpu.tensor<[1], i64>"
    w.lines += [
        f"{token} = lpu.iota <[{name} + {w.rng.randint(1, 9)}, 0]> : {one}",
        f"{stop} = lpu.iota <[{name} + {-w.rng.randint(0, 3)}, 0]> : {one}",
        f"lpu.emit {token}, {stop} : {one}, {one}",
    ]


KINDS: list[Callable[[Writer], None]] = [
    unary, binary, binary, transpose, slice_, slice_, reshape, reshape, repeat, concat, reduce,
    scan, matmul, matmul, cast, gather, read, read, write, write, loop, loop,
]  # fmt: skip


def block(w: Writer, operations: int) -> None:
    for _ in range(operations):
        w.rng.choice(KINDS)(w)


def random_module(seed: int) -> str:
    """A function `step` of the inputs `INPUTS`; both states are written before they are read."""
    w = Writer(random.Random(seed), pool=[(f"%{name}", dims) for name, dims in INPUTS.items()])
    state, whole = f"!lpu.state<{list(STATE)}, f32>", kind([Affine(s) for s in STATE])
    for number, name in enumerate("st"):
        digits = fill_hex(number + 2, ElementType.F32)
        ports = f'inputs <[]> outputs <["{name}" data f32 {list(STATE)} at [0, 0, 0]]>'
        w.lines += [
            f'%{name} = lpu.state "{name}" {ports} : {state}',
            f'%{name}0 = lpu.fill "{digits}" : {whole}',
            f"lpu.write %{name}, %{name}0 at <[0, 0, 0]> : {state}, {whole}",
        ]
    block(w, w.rng.randint(4, 16))
    chosen = [*w.pool[-3:], w.pick()]
    types = [kind(dims) for _, dims in chosen]
    w.lines.append(f"func.return {', '.join(v for v, _ in chosen)} : {', '.join(types)}")
    inputs = {name: kind(dims) for name, dims in INPUTS.items()}
    return step_text("\n".join(w.lines), inputs, types, f"P in 0 to {P_MOST}")

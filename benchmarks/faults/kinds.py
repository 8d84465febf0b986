"""
What can be wrong with one node of a syntax tree.

Each kind is a function of a node that gives the nodes which may stand in its place. A change that
is known to mean the same is not made: sums and products of two names are not swapped, a tuple of
equal elements is not reordered.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy

Change = Callable[[ast.AST], Iterator[ast.AST]]

ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift, ast.MatMult)
"""Operators whose operands have an order."""
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ALIKE = (
    "add sub", "sub add", "mul div", "div mul", "max min", "min max", "maximum minimum",
    "minimum maximum", "sum max", "exp tanh", "rsqrt sqrt", "sqrt rsqrt", "lt le", "le lt",
    "cos sin", "sin cos", "f32 f16", "f16 bf16",
)  # fmt: skip
WORDS: dict[str, str] = dict(words.split() for words in _ALIKE)
"""Names of functions and types that could be mistaken for each other."""
SHAPING = frozenset(["sorted", "reversed", "min", "max", "abs", "round"])
BUILDERS = frozenset(["b", "build", "np"])
"""Functions, and those whose methods, give something like their first argument."""
METHODS = frozenset(["astype", "reshape", "copy", "transpose", "ravel", "swapaxes", "with_dims"])
"""Methods that give something like what they are of."""
SINGULAR = frozenset(["b", "build", "self", "op", "module", "context", "node"])
"""Names of what nothing else can stand for."""
UNORDERED = frozenset(["isinstance", "cast", "zip", "min", "max", "add", "mul", "gcd", "lcm"])
"""Calls whose arguments are not exchanged: it is the same, or fails at once."""
AXES = frozenset({"axis", "axes", "dim", "perm"})


def _binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.BinOp:
    return ast.BinOp(left, op, right)


def _by_one(node: ast.expr, step: int) -> ast.expr:
    """A number or an expression, and one more or less."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.Constant(node.value + step)
    return _binary(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(1))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _is_sequence(node: ast.AST) -> bool:
    return _is_text(node) or isinstance(node, ast.Tuple | ast.List)


def operands_swapped(node: ast.AST) -> Iterator[ast.AST]:
    """`a - b` becomes `b - a`, `x + (y,)` becomes `(y,) + x`."""
    if not isinstance(node, ast.BinOp) or _is_text(node.left):
        return
    joins = isinstance(node.op, ast.Add) and any(map(_is_sequence, (node.left, node.right)))
    if isinstance(node.op, ORDERED) or joins:
        yield _binary(node.right, node.op, node.left)


def operator_changed(node: ast.AST) -> Iterator[ast.AST]:
    """`a + b` becomes `a - b`."""
    if not isinstance(node, ast.BinOp) or type(node.op) not in OPERATORS:
        return
    if not any(map(_is_sequence, (node.left, node.right))):
        yield _binary(node.left, OPERATORS[type(node.op)](), node.right)


def off_by_one(node: ast.AST) -> Iterator[ast.AST]:
    """Indices, bounds of slices, ends of ranges and lengths, one off."""
    match node:
        case ast.Subscript(slice=ast.Slice(lower=lower, upper=upper), ctx=ast.Load()):
            if lower is not None:
                yield _with_slice(node, _by_one(lower, 1), upper)
            if upper is not None:
                yield _with_slice(node, lower, _by_one(upper, -1))
        case ast.Subscript(slice=ast.Constant(value=int()) as at, ctx=ast.Load()):
            yield ast.Subscript(node.value, _by_one(at, -1), ast.Load())
        case ast.Call(func=ast.Name(id="range"), args=[*starts, end], keywords=[]):
            yield ast.Call(node.func, [*starts, _by_one(end, -1)], [])
            yield ast.Call(node.func, [*starts, _by_one(end, 1)], [])
        case ast.Call(func=ast.Name(id="len")):
            yield _by_one(node, -1)
        case _:
            return


def _with_slice(node: ast.Subscript, lower: ast.expr | None, upper: ast.expr | None) -> ast.AST:
    assert isinstance(node.slice, ast.Slice)
    return ast.Subscript(node.value, ast.Slice(lower, upper, node.slice.step), ast.Load())


def guard_negated(node: ast.AST) -> Iterator[ast.AST]:
    """The test of an `if`, of a choice or of a comprehension; not of one that only refuses."""
    match node:
        case ast.If(body=[ast.Raise(), *_]):
            return
        case ast.If() | ast.IfExp():
            changed = deepcopy(node)
            changed.test = ast.UnaryOp(ast.Not(), changed.test)
            yield changed
        case ast.comprehension(ifs=[first, *others]):
            changed = deepcopy(node)
            changed.ifs = [ast.UnaryOp(ast.Not(), first), *others]
            yield changed
        case _:
            return


def guard_dropped(node: ast.AST) -> Iterator[ast.AST]:
    """One of several conditions, or that of a comprehension, or an early return."""
    match node:
        case ast.BoolOp(op=op, values=values):
            for at in range(len(values)):
                kept = values[:at] + values[at + 1 :]
                yield kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)
        case ast.comprehension(ifs=[_, *others]):
            yield ast.comprehension(node.target, node.iter, others, node.is_async)
        case ast.If(body=[ast.Return() | ast.Continue()], orelse=[]):
            yield ast.Pass()
        case _:
            return


def comparison_changed(node: ast.AST) -> Iterator[ast.AST]:
    """`a < b` becomes `a <= b`, `a == b` becomes `a != b`."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)


def connective_changed(node: ast.AST) -> Iterator[ast.AST]:
    """`and` becomes `or`."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def call_dropped(node: ast.AST) -> Iterator[ast.AST]:
    """A call that is a statement, or one that only changes its first argument."""
    match node:
        case ast.Expr(value=ast.Call(func=func)):
            if not (isinstance(func, ast.Attribute) and func.attr == "require"):
                yield ast.Pass()
        case ast.Call(func=ast.Name(id=name), args=[first, *_]):
            if name in SHAPING and not isinstance(first, ast.Starred | ast.GeneratorExp):
                yield first
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=[first, *_]):
            if name in BUILDERS and isinstance(first, ast.Name | ast.Attribute):
                yield first
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in METHODS:
            yield value
        case _:
            return


def constant_changed(node: ast.AST) -> Iterator[ast.AST]:
    """Another number, truth value or function's name."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 1:
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)
    elif isinstance(value, str) and value in WORDS:
        yield ast.Constant(WORDS[value])


def axis_changed(node: ast.AST) -> Iterator[ast.AST]:
    """`axis=-1` becomes `axis=0`, `x[-1]` becomes `x[0]`, `(1, 0)` as a permutation is undone."""
    match node:
        case ast.keyword(arg=str(name), value=value) if name in AXES:
            yield ast.keyword(name, _other_axis(value))
        case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))):
            if isinstance(node.ctx, ast.Load):
                yield ast.Subscript(node.value, ast.Constant(0), ast.Load())
        case ast.Subscript(slice=ast.Constant(value=0), ctx=ast.Load()):
            yield ast.Subscript(node.value, ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.Load())
        case _:
            return


def _other_axis(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return ast.Constant(0)
    if isinstance(value, ast.Constant) and value.value == 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(1))
    return _by_one(value, -1)


def argument_dropped(node: ast.AST) -> Iterator[ast.AST]:
    """A keyword of a call, which then has its default."""
    if not isinstance(node, ast.Call):
        return
    for at, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in ("encoding", "strict"):
            yield ast.Call(node.func, node.args, node.keywords[:at] + node.keywords[at + 1 :])


def arguments_reordered(node: ast.AST) -> Iterator[ast.AST]:
    """Two arguments of a call that are neighbours and differ."""
    if not isinstance(node, ast.Call) or _named(node.func) in UNORDERED:
        return
    args = node.args
    for at in range(len(args) - 1):
        if _are_alike(args[at], args[at + 1]):
            swapped = [*args[:at], args[at + 1], args[at], *args[at + 2 :]]
            yield ast.Call(node.func, swapped, node.keywords)


def _are_alike(first: ast.expr, second: ast.expr) -> bool:
    """Whether two expressions may give the same kind of thing, as far as it shows; not the same."""
    if type(first) is not type(second) or ast.dump(first) == ast.dump(second):
        return False
    match first, second:
        case ast.Name(id=one), ast.Name(id=other):
            return SINGULAR.isdisjoint((one, other))
        case ast.Constant(value=one), ast.Constant(value=other):
            return type(one) is type(other) and not isinstance(one, str)
        case ast.Call(func=one), ast.Call(func=other):
            return ast.dump(one) == ast.dump(other)
        case ((ast.Lambda() | ast.GeneratorExp() | ast.JoinedStr()), _):
            return False
        case _:
            return True


def _named(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")


def list_reordered(node: ast.AST) -> Iterator[ast.AST]:
    """Two elements of a list or tuple that are neighbours and differ."""
    if not isinstance(node, ast.Tuple | ast.List) or not isinstance(node.ctx, ast.Load):
        return
    for at in range(len(node.elts) - 1):
        first, second = node.elts[at : at + 2]
        if _are_alike(first, second):
            elements = [*node.elts[:at], second, first, *node.elts[at + 2 :]]
            yield type(node)(elements, ast.Load())


KINDS: dict[str, Change] = {
    "operands swapped": operands_swapped,
    "operator changed": operator_changed,
    "off by one": off_by_one,
    "guard negated": guard_negated,
    "guard dropped": guard_dropped,
    "comparison changed": comparison_changed,
    "connective changed": connective_changed,
    "call dropped": call_dropped,
    "constant changed": constant_changed,
    "axis changed": axis_changed,
    "argument dropped": argument_dropped,
    "arguments reordered": arguments_reordered,
    "list reordered": list_reordered,
}

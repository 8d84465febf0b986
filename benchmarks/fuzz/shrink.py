"""
Make a failing model small: cut away nodes for as long as it fails in the same way.

    python -m benchmarks.fuzz.shrink FOLDER

FOLDER holds `model.onnx`, `inputs*.npz` and, in `about.txt`, the settings, as `--only K` writes
them; `small/` below it receives the result. Three kinds of cut are tried at every node, in passes,
until none helps: its result becomes the only output; its result becomes a constant or an input; its
readers read one of its operands instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper

from benchmarks.fuzz.command import Case, outcome_of, write_case
from benchmarks.fuzz.judging import Array, Outcome, Settings, session
from benchmarks.fuzz.report import masked

Signature = tuple[str, str, str]
Values = dict[str, list[Array]]
"""What a node gives in each call, by the name of its result."""
Attempt = Callable[[Case, str, Values], Iterator[Case]]

ROUNDS = 8


def signature(outcome: Outcome) -> Signature:
    """What makes two failures the same; of wrong numbers only that they are wrong."""
    detail = "" if outcome.verdict == "wrong" else masked(outcome.detail.partition("[")[0])
    return outcome.verdict, outcome.stage, detail


def shrink(case: Case) -> Case:
    """The smallest case found that fails as the given one does."""
    found = outcome_of(case)
    wanted = signature(found)
    settings = replace(case.settings, reference_path=found.stage == "reference")
    if found.stage != "compile":
        settings = replace(settings, with_summary=False)
    case = _fewer_calls(replace(case, settings=settings), wanted)
    for _ in range(ROUNDS):
        before = len(case.model.graph.node)
        case = _fewer_outputs(case, wanted)
        for attempt, backwards in ((_alone, False), (_cut, True), (_bypassed, True)):
            case = _smaller(case, wanted, attempt, backwards)
        if len(case.model.graph.node) == before:
            break
    return case


def _fewer_calls(case: Case, wanted: Signature) -> Case:
    ones = (replace(case, calls=[inputs]) for inputs in case.calls)
    return next((one for one in ones if signature(outcome_of(one)) == wanted), case)


def _fewer_outputs(case: Case, wanted: Signature) -> Case:
    for name in [output.name for output in case.model.graph.output]:
        model = _copy(case)
        kept = [output for output in model.graph.output if output.name != name]
        del model.graph.output[:]
        model.graph.output.extend(kept)
        candidate = _pruned(case, model)
        if kept and signature(outcome_of(candidate)) == wanted:
            case = candidate
    return case


def _smaller(case: Case, wanted: Signature, attempt: Attempt, backwards: bool) -> Case:
    """One pass over all nodes with one kind of cut."""
    names = [name for node in case.model.graph.node for name in node.output if name]
    values = _values(case)
    for name in names[::-1] if backwards else names:
        if name not in values:
            continue
        for candidate in attempt(case, name, values):
            if len(candidate.model.graph.node) >= len(case.model.graph.node):
                continue
            if signature(outcome_of(candidate)) == wanted:
                case, values = candidate, _values(candidate)
                break
    return case


def _values(case: Case) -> Values:
    """All results of all nodes; those that the reference cannot show are left out."""
    model = _copy(case)
    shown = {output.name for output in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(ValueInfoProto(name=name) for name in names if name not in shown)
    try:
        runner = session(model)
        found = [runner.run(names, dict(inputs)) for inputs in case.calls]
    except Exception:  # those of ONNX Runtime have no other common base
        return {}
    return {name: [np.asarray(r[i]) for r in found] for i, name in enumerate(names)}


def _info(name: str, arrays: list[Array]) -> ValueInfoProto:
    """The type of a value; extents that differ between calls are left open."""
    extents = zip(*(array.shape for array in arrays), strict=True)
    dims = [column[0] if len(set(column)) == 1 else None for column in extents]
    dtype = helper.np_dtype_to_tensor_dtype(arrays[0].dtype)
    return helper.make_tensor_value_info(name, dtype, dims)


def _copy(case: Case) -> ModelProto:
    model = ModelProto()
    model.CopyFrom(case.model)
    return model


def _pruned(case: Case, model: ModelProto) -> Case:
    """The case without nodes, constants and inputs that nothing needs."""
    needed = {output.name for output in model.graph.output}
    nodes: list[NodeProto] = []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            nodes.append(node)
    kept = [i for i in model.graph.input if i.name in needed]
    used = [t for t in model.graph.initializer if t.name in needed]
    graph = helper.make_graph(nodes[::-1], "small", kept, model.graph.output, used)
    small = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    names = {i.name for i in kept}
    calls = [{n: a for n, a in inputs.items() if n in names} for inputs in case.calls]
    return replace(case, model=small, calls=calls)


def _alone(case: Case, name: str, values: Values) -> Iterator[Case]:
    """The result is the only output."""
    model = _copy(case)
    del model.graph.output[:]
    model.graph.output.append(_info(name, values[name]))
    yield _pruned(case, model)


def _cut(case: Case, name: str, values: Values) -> Iterator[Case]:
    """The result is a constant, if it is the same in all calls, or an input."""
    arrays = values[name]
    if name in {output.name for output in case.model.graph.output}:
        return
    model = _copy(case)
    for node in model.graph.node:
        node.output[:] = [f"{o}_unread" if o == name else o for o in node.output]
    if all(a.tobytes() == arrays[0].tobytes() for a in arrays):
        constant = ModelProto()
        constant.CopyFrom(model)
        constant.graph.initializer.append(numpy_helper.from_array(arrays[0], name))
        yield _pruned(case, constant)
    model.graph.input.append(_info(name, arrays))
    calls = [{**inputs, name: a} for inputs, a in zip(case.calls, arrays, strict=True)]
    yield _pruned(replace(case, calls=calls), model)


def _bypassed(case: Case, name: str, values: Values) -> Iterator[Case]:
    """The readers of a result read an operand of the same type and shape."""
    node = next(node for node in case.model.graph.node if name in node.output)
    fed = {n: [inputs[n] for inputs in case.calls] for n in case.calls[0]}
    want = [(a.shape, a.dtype) for a in values[name]]
    for operand in node.input:
        have = values.get(operand, fed.get(operand, []))
        if [(a.shape, a.dtype) for a in have] != want:
            continue
        model = _copy(case)
        for other in model.graph.node:
            other.input[:] = [operand if read == name else read for read in other.input]
        yield _pruned(case, model)


def load(folder: Path) -> Case:
    """A case that `--only` wrote."""
    calls = [dict(np.load(path)) for path in sorted(folder.glob("inputs*.npz"))]
    text = (folder / "about.txt").read_text(encoding="utf-8").splitlines()[0]
    return Case(onnx.load(folder / "model.onnx"), calls, Settings(**json.loads(text)))


def main() -> int:
    """Shrink the case of a folder."""
    folder = Path(sys.argv[1])
    case = load(folder)
    small = shrink(case)
    write_case(small, folder / "small")
    outcome = outcome_of(small)
    print(f"{len(case.model.graph.node)} nodes became {len(small.model.graph.node)}")
    print(f"{outcome.verdict} {outcome.stage}: {outcome.detail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Models that are wrong are refused in one line, and no bytes can make the importer crash."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from dialects.errors import CompileError
from lpuc.onnx_import import import_model
from tests.unit.onnx_import.models import BIG, linear, model, refusal, unary


def _edited(edit: Callable[[ModelProto], object], proto: ModelProto | None = None) -> ModelProto:
    proto = proto or linear()
    edit(proto)
    return proto


def _subgraph(op_type: str, inputs: Sequence[str], **others: int) -> ModelProto:
    nodes = [helper.make_node(op_type, inputs, ["y"], body=GraphProto(), name="loop", **others)]
    return model(nodes, {"x": []}, ["y"], dtype=TensorProto.BOOL)


def _tensor(**fields: object) -> ModelProto:
    return linear(TensorProto(name="w", **fields))


def _two(first: tuple[str, str], second: tuple[str, str]) -> ModelProto:
    nodes = [helper.make_node("Relu", [i], [o], name=f"to_{o}") for i, o in (first, second)]
    return model(nodes, {"x": [2]}, ["y"])


def _foreign(domain: str) -> NodeProto:
    return helper.make_node("Mystery", ["x"], ["y"], "it", domain=domain)


def _type(kind: int) -> ModelProto:
    return _edited(
        lambda m: setattr(m.graph.node[0].attribute[0], "type", kind), unary("Elu", alpha=1.0)
    )


F32, RAW = TensorProto.FLOAT, BIG.tobytes()

WRONG: dict[str, tuple[ModelProto, str]] = {
    "no outputs": (model([], {"x": [1]}, []), "the graph has no outputs"),
    "unknown output": (
        model([], {"x": [1]}, ["q"]),
        "output 'q' is not defined",
    ),
    "output twice": (model([], {"x": [1]}, ["x", "x"]), "'x' is listed twice"),
    "undefined": (_two(("q", "t"), ("t", "y")), "to_t: Relu: input 'q' is not defined"),
    "cycle": (
        _two(("y", "t"), ("t", "y")),
        "to_t: Relu: input 'y' is not defined before this node, but by the node to_y; "
        "the nodes form a cycle, or are not in order",
    ),
    "defined twice": (_two(("x", "y"), ("x", "y")), "'y' is defined twice"),
    "shadowed input": (_two(("x", "x"), ("x", "y")), "'x' is defined twice"),
    "unknown operator": (unary("Reluu"), "it: Reluu: unknown operator; did you mean Relu"),
    "operator in lower case": (unary("relu"), "unknown operator; did you mean Relu"),
    "lacking operator of ONNX Runtime": (
        model([_foreign("com.microsoft")], {"x": [2]}, ["y"]),
        "it: com.microsoft.Mystery: unknown operator; an operator of ONNX Runtime's own",
    ),
    "another runtime's operator": (
        model([_foreign("ai.example")], {"x": [2]}, ["y"]),
        "it: ai.example.Mystery: unknown operator; it is another runtime's",
    ),
    "other domain": (unary("FastGelu"), "exists in the domain 'com.microsoft'"),
    "unknown attribute": (unary("Elu", alpa=1.0), "no attribute 'alpa'; did you mean alpha?"),
    "attribute kind": (unary("Elu", alpha=1), "attribute 'alpha' is INT, expected FLOAT"),
    "attribute type": (_type(AttributeProto.UNDEFINED), "expected FLOAT"),
    "attribute missing": (unary("Cast"), "attribute 'to' is required"),
    "attribute twice": (
        _edited(
            lambda m: m.graph.node[0].attribute.append(m.graph.node[0].attribute[0]),
            unary("Elu", alpha=1.0),
        ),
        "attribute 'alpha' is given twice",
    ),
    "subgraph": (
        _subgraph("Scan", ["x"], num_scan_inputs=1),
        "loop: Scan: attribute 'body' holds a graph",
    ),
    "empty loop": (
        _subgraph("Loop", ["", "x"]),
        "loop: Loop: the body takes 0 inputs and gives 0 outputs, for 0 states",
    ),
    "too many inputs": (
        _edited(lambda m: m.graph.node[0].input.append("x"), unary()),
        "takes at most 1 inputs, not 2",
    ),
    "too few inputs": (unary("Add"), "takes 2 inputs, not 1"),
    "input needed": (
        _edited(lambda m: m.graph.node[0].input.insert(0, ""), unary("Add")),
        "input 0 must be given",
    ),
    "mixed types": (
        model(
            [helper.make_node("Add", ["x", "w"], ["y"], name="sum")],
            {"x": [1]},
            ["y"],
            {"w": np.array([1])},
        ),
        "sum: Add: input 'B' is i64 where another is f32",
    ),
    "type not allowed": (
        model([helper.make_node("Not", ["x"], ["y"])], {"x": [1]}, ["y"]),
        "input 'X' may not be f32",
    ),
    "cast to uint16": (
        unary("Cast", to=TensorProto.UINT16),
        "element type uint16 is not supported",
    ),
    "string constant": (
        model([helper.make_node("Constant", [], ["y"], value_string=b"s")], {}, ["y"]),
        "'value_string' is not supported",
    ),
    "no opset": (_edited(lambda m: m.ClearField("opset_import")), "imports no opset"),
    "new opset": (_edited(lambda m: setattr(m.opset_import[0], "version", 999)), "is too new"),
    "old opset": (_edited(lambda m: setattr(m.opset_import[0], "version", 6)), "is too old"),
    "operator newer": (
        _edited(lambda m: setattr(m.opset_import[0], "version", 13), unary("Gelu")),
        "does not exist in opset 13",
    ),
    "two opsets": (
        _edited(lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 13))),
        "two versions of 'ai.onnx'",
    ),
    "new format": (_edited(lambda m: setattr(m, "ir_version", 99)), "IR version 99"),
    "uint16": (_tensor(data_type=TensorProto.UINT16, dims=[1]), "'w' has element type uint16"),
    "int4": (_tensor(data_type=TensorProto.INT4, dims=[1]), "'w' has element type int4"),
    "string": (_tensor(data_type=TensorProto.STRING, dims=[1]), "'w' has element type string"),
    "strange type": (_tensor(data_type=77, dims=[1]), "'w' has element type type 77"),
    "raw short": (_tensor(data_type=F32, dims=[2], raw_data=b"123"), "holds 3 bytes"),
    "raw long": (_tensor(data_type=F32, dims=[2], raw_data=RAW), "holds 2048 bytes"),
    "negative": (_tensor(data_type=F32, dims=[-1], raw_data=b""), "negative extent"),
    "huge": (_tensor(data_type=F32, dims=[1 << 60, 1 << 60]), "impossible extents"),
    "rank": (_tensor(data_type=F32, dims=[1] * 9, raw_data=b"1234"), "--max-rank"),
    "few numbers": (_tensor(data_type=F32, dims=[3], float_data=[1]), "cannot be read"),
    "many integers": (
        _tensor(data_type=TensorProto.INT64, dims=[200], int64_data=range(200)),
        "as a list of numbers; store it as raw_data",
    ),
    "bad booleans": (
        _tensor(data_type=TensorProto.BOOL, dims=[2048], raw_data=RAW),
        "booleans other than 0 and 1",
    ),
    "negative input": (
        _edited(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", -3)),
        "the input 'x' has a negative extent: -3",
    ),
    "sequence input": (
        _edited(lambda m: m.graph.input[0].type.sequence_type.SetInParent()),
        "the input 'x' is no tensor",
    ),
}


@pytest.mark.parametrize(("proto", "message"), WRONG.values(), ids=WRONG)
def test_wrong_models_are_refused(tmp_path: Path, proto: ModelProto, message: str):
    assert message in str(refusal(tmp_path, proto))


@pytest.mark.parametrize(
    "data", [b"\0", b"not a model", b"\xff" * 99, b"{}", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b\x0c"]
)
def test_foreign_files_are_refused(tmp_path: Path, data: bytes):
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(CompileError, match="no ONNX model"):
        import_model(tmp_path / "m.onnx")


def _fuzz_seeds() -> list[bytes]:
    nodes = [
        helper.make_node("Constant", [], ["c"], value=helper.make_tensor("", F32, [1], [2.0])),
        helper.make_node("Gemm", ["x", "w", "c"], ["t"], alpha=0.5, transB=0, name="gemm"),
        helper.make_node("Clip", ["t", "", "c"], ["u"]),
        helper.make_node("ReduceSum", ["u"], ["y"], keepdims=1),
    ]
    small = model(nodes, {"x": ["n", 16]}, ["y"], {"w": BIG})
    return [small.SerializeToString(), linear(BIG[:1, :4]).SerializeToString()]


def _mutated(data: bytes, source: random.Random) -> bytes:
    out = bytearray(data)
    match source.randrange(4):
        case 0:
            return bytes(out[: source.randrange(len(out))])
        case 1:
            at = source.randrange(len(out))
            del out[at : at + source.randrange(1, 20)]
        case _:
            for _ in range(source.choice((1, 1, 2, 8))):
                out[source.randrange(len(out))] = source.choice((0, 1, 127, 128, 255, 10, 18))
    return bytes(out)


def _outcome(path: Path) -> str | None:
    """The message with which a file is refused, None if it is not."""
    try:
        import_model(path).verify()
    except CompileError as error:
        return str(error)
    return None


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_import_or_are_refused(tmp_path: Path, seed: int):
    source = random.Random(seed)
    seeds = _fuzz_seeds()
    path = tmp_path / "m.onnx"
    for _ in range(100):
        path.write_bytes(_mutated(source.choice(seeds), source))
        outcome = _outcome(path)
        assert outcome is None or "\n" not in outcome


def test_no_prefix_is_more_than_an_error(tmp_path: Path):
    data = _fuzz_seeds()[1]
    path = tmp_path / "m.onnx"
    for end in range(1, len(data)):
        path.write_bytes(data[:end])
        with suppress(CompileError):
            import_model(path).verify()

"""A model file as a checked `ModelProto` without weights, and the opsets it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import (
    IR_VERSION,
    AttributeProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TensorProto,
    defs,
)

from dialects.errors import CompileError
from dialects.lpu.weights import INLINE_LIMIT
from dialects.names import escape
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.reading.window import FileBytes
from lpuc.onnx_import.reading.wire import Taken, strip

OLDEST_OPSET = 7
NEWEST = {"": defs.onnx_opset_version(), "com.microsoft": 1}

TEXT, MESSAGE = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE
NUMBERS = frozenset(
    {AttributeProto.INT, AttributeProto.INTS, AttributeProto.FLOAT, AttributeProto.FLOATS}
)
UNREAD = frozenset({"value_info", "metadata_props", "doc_string", "producer_name"})
"""Fields of a model that the importer does not look at."""


def parse(data: FileBytes, budgets: Budgets) -> tuple[ModelProto, Taken]:
    """The model that these bytes encode, its large tensors replaced by markers."""
    stripped, taken = strip(data, INLINE_LIMIT, budgets)
    try:
        model = ModelProto.FromString(stripped)
    except DecodeError:
        raise CompileError("the file is truncated or no ONNX model") from None
    check_text(model)
    if not model.HasField("graph") or not model.ir_version:
        raise CompileError("the file is no ONNX model", hint="give the path of an .onnx file")
    if model.ir_version > IR_VERSION:
        raise CompileError(
            f"the model has IR version {model.ir_version}, the newest known is {IR_VERSION}"
        )
    return model, taken


def check_text(message: Message) -> None:
    """Refuse strings that are not UTF-8: protobuf hands them out as bytes."""
    if isinstance(message, NodeProto) and _is_plain(message):
        return
    if isinstance(message, TensorProto) and _is_text([message.name, *_places(message)]):
        return
    for descriptor, value in message.ListFields():
        if descriptor.name in UNREAD or descriptor.type not in (TEXT, MESSAGE):
            continue
        single = isinstance(value, str | bytes | Message)
        items = (cast("object", value),) if single else cast("Iterable[object]", value)
        for item in items:
            if isinstance(item, Message):
                check_text(item)
            elif not isinstance(item, str):
                raise CompileError(f"the model holds a {descriptor.name} that is no text")


def _is_plain(node: NodeProto) -> bool:
    """Whether a node is seen at once to hold text and numbers only, as nearly all do."""
    names = [node.name, node.op_type, node.domain, node.overload, *node.input, *node.output]
    for attribute in node.attribute:
        if attribute.type not in NUMBERS:
            return False
        names += (attribute.name, attribute.ref_attr_name)
    return _is_text(names)


def _places(tensor: TensorProto) -> Iterator[str]:
    """What a tensor says of its external data."""
    for entry in tensor.external_data:
        yield from (entry.key, entry.value)


def _is_text(names: Iterable[str]) -> bool:
    """Whether all of them are what their type says, and not bytes."""
    try:
        "".join(names)
    except TypeError:
        return False
    return True


def opsets(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    """The version of each domain that a model or function imports; `ai.onnx` is the empty one."""
    versions: dict[str, int] = {}
    for entry in imports:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if versions.setdefault(domain, entry.version) != entry.version:
            raise CompileError(f"the model imports two versions of '{escape(domain or 'ai.onnx')}'")
        _check_version(domain, entry.version)
    if not versions:
        raise CompileError("the model imports no opset")
    return versions


def _check_version(domain: str, version: int) -> None:
    newest = NEWEST.get(domain)
    if newest is not None and version > newest:
        what = f"opset {version} of {domain or 'ai.onnx'}"
        raise CompileError(f"{what} is too new", hint=f"export with opset {newest} or older")
    if domain == "" and version < OLDEST_OPSET:
        raise CompileError(
            f"opset {version} is too old", hint=f"export with opset {OLDEST_OPSET} or newer"
        )

"""
Operator schemas in one form, whether `onnx.defs` has them or we wrote them down.

A schema says what a version of an operator takes and gives: formal inputs and outputs in order
(only the last may be variadic), the element types each may have, and attributes with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import NamedTuple

from onnx import AttributeProto, defs

from dialects.spelling import did_you_mean

DOMAINS = ("", "com.microsoft")
"""The domains whose operators have schemas; the empty one is `ai.onnx`."""

PACKED_PRODUCTS = frozenset({"MatMulNBits", "MatMulBnb4"})
"""Products with packed weights: attributes say their rows N and columns K."""

AttributeValue = int | float | str | list[int] | list[float] | list[str]


class Arity(Enum):
    """How many values a formal input or output stands for: one, at most one, any number."""

    SINGLE = "single"
    OPTIONAL = "optional"
    VARIADIC = "variadic"


class Formal(NamedTuple):
    """A formal input or output; `type_var` names a type parameter or a type (`tensor(int64)`)."""

    name: str
    type_var: str
    arity: Arity = Arity.SINGLE
    homogeneous: bool = True


class AttributeSpec(NamedTuple):
    """An attribute: the kind it has in a model (`INT`, `FLOATS`, `TENSOR`, ...) and its default."""

    kind: str
    required: bool = False
    default: AttributeValue | None = None


@dataclass(frozen=True)
class Schema:
    """One version of one operator."""

    name: str
    domain: str
    since_version: int
    inputs: tuple[Formal, ...]
    outputs: tuple[Formal, ...]
    type_vars: Mapping[str, frozenset[str]]
    attributes: Mapping[str, AttributeSpec]
    min_inputs: int
    min_outputs: int
    deprecated: bool = False

    @property
    def max_inputs(self) -> int | None:
        return _limit(self.inputs)

    @property
    def max_outputs(self) -> int | None:
        return _limit(self.outputs)

    @cached_property
    def input_index(self) -> dict[str, int]:
        return {formal.name: i for i, formal in enumerate(self.inputs)}

    def allowed(self, formal: Formal) -> frozenset[str]:
        """The types a formal may have, as the schema names them."""
        return self.type_vars.get(formal.type_var, frozenset({formal.type_var}))


def formal_at(formals: Sequence[Formal], position: int) -> Formal:
    """The formal that the actual at a position stands for: the variadic one takes the rest."""
    return formals[min(position, len(formals) - 1)]


def _limit(formals: Sequence[Formal]) -> int | None:
    """The largest number of actuals; None when the last formal is variadic."""
    variadic = bool(formals) and formals[-1].arity is Arity.VARIADIC
    return None if variadic else len(formals)


def _text(data: bytes) -> str:
    """Strings of attributes are bytes in a model, of any kind."""
    return data.decode("utf-8", "surrogateescape")


def attribute_value(proto: AttributeProto) -> AttributeValue:
    """The value of a scalar or list attribute in Python types."""
    match proto.type:
        case AttributeProto.INT:
            return proto.i
        case AttributeProto.FLOAT:
            return proto.f
        case AttributeProto.STRING:
            return _text(proto.s)
        case AttributeProto.INTS:
            return list(proto.ints)
        case AttributeProto.FLOATS:
            return list(proto.floats)
        case _:
            assert proto.type == AttributeProto.STRINGS
            return [_text(s) for s in proto.strings]


ARITIES = {
    defs.OpSchema.FormalParameterOption.Single: Arity.SINGLE,
    defs.OpSchema.FormalParameterOption.Optional: Arity.OPTIONAL,
    defs.OpSchema.FormalParameterOption.Variadic: Arity.VARIADIC,
}


def _formal(formal: defs.OpSchema.FormalParameter) -> Formal:
    arity = ARITIES[formal.option]
    return Formal(formal.name, formal.type_str, arity, formal.is_homogeneous)


def _attribute(attribute: defs.OpSchema.Attribute) -> AttributeSpec:
    default = attribute.default_value
    plain = default.type and default.type not in (AttributeProto.TENSOR, AttributeProto.GRAPH)
    kind = str(attribute.type).removeprefix("AttrType.")
    return AttributeSpec(kind, attribute.required, attribute_value(default) if plain else None)


def _schema(schema: defs.OpSchema) -> Schema:
    type_vars = {c.type_param_str: frozenset(c.allowed_type_strs) for c in schema.type_constraints}
    return Schema(
        schema.name,
        schema.domain,
        schema.since_version,
        tuple(map(_formal, schema.inputs)),
        tuple(map(_formal, schema.outputs)),
        type_vars,
        {name: _attribute(a) for name, a in schema.attributes.items()},
        schema.min_input,
        schema.min_output,
        schema.deprecated,
    )


@cache
def _standard(name: str) -> tuple[defs.OpSchema, ...]:
    """Every version of an operator of the default domain, oldest first; none if there is none."""
    found: list[defs.OpSchema] = []
    opset = defs.onnx_opset_version()
    while opset > 0 and defs.has(name):
        try:
            found.append(defs.get_schema(name, opset))
        except defs.SchemaError:
            break
        opset = found[-1].since_version - 1
    return tuple(reversed(found))


@cache
def _versions(domain: str, name: str) -> tuple[Schema, ...]:
    """Those of `onnx.defs`; where it has none, the one that we wrote down."""
    standard = () if domain else _standard(name)
    if standard:
        return tuple(map(_schema, standard))
    from dialects.onnx.extra import SCHEMAS

    ours = SCHEMAS.get((domain, name))
    return (ours,) if ours else ()


def is_operator(domain: str, name: str) -> bool:
    """Whether a domain has an operator in any version."""
    return bool(_versions(domain, name))


def operators(domain: str) -> tuple[str, ...]:
    """The names of all operators of a domain, sorted."""
    from dialects.onnx.extra import SCHEMAS

    names = {name for owner, name in SCHEMAS if owner == domain}
    if domain == "":
        names.update(s.name for s in defs.get_all_schemas() if s.domain == "")
    return tuple(sorted(names))


def versions(domain: str, name: str) -> tuple[int, ...]:
    """The opsets that changed an operator, the oldest first; not those that deprecated it."""
    return tuple(s.since_version for s in _versions(domain, name) if not s.deprecated)


@cache
def input_names(domain: str, name: str) -> frozenset[str]:
    """Every formal input that any version of an operator has."""
    return frozenset(f.name for schema in _versions(domain, name) for f in schema.inputs)


@cache
def attribute_names(domain: str, name: str) -> tuple[str, ...]:
    """Every attribute that any version of an operator has, sorted."""
    if domain == "" and _standard(name):
        return tuple(sorted({a for s in _standard(name) for a in s.attributes}))
    return tuple(sorted({a for s in _versions(domain, name) for a in s.attributes}))


def find_schema(domain: str, name: str, opset: int) -> Schema | None:
    """The version of an operator that a model of this opset means."""
    older = [s for s in _versions(domain, name) if s.since_version <= opset]
    return older[-1] if older else None


@cache
def schema_at(domain: str, name: str, since_version: int) -> Schema | None:
    """The schema whose `since_version` is exactly this."""
    found = find_schema(domain, name, since_version)
    return found if found and found.since_version == since_version else None


def nearest(domain: str, name: str) -> str | None:
    """A hint for a name that is no operator: where else it exists, or what looks like it."""
    for other in DOMAINS:
        if other != domain and name in operators(other):
            return f"'{name}' exists in the domain '{other or 'ai.onnx'}'"
    if domain not in DOMAINS:
        return "it is another runtime's; the domains known are ai.onnx and com.microsoft"
    if domain and name.startswith(("QLinear", "QGemm")):
        return "an operator of ONNX Runtime's own: quantise in the format QDQ"
    own = "an operator of ONNX Runtime's own: export without its optimisations" if domain else None
    return did_you_mean(name, operators(domain)) or own

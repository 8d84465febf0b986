"""Which changes may leave a recogniser's find in place, and why that is exact."""

from __future__ import annotations

from fnmatch import fnmatchcase

from benchmarks.fuzz.nearmiss.graph import Case

Row = tuple[str, str, str, str]

ANY: tuple[Row, ...] = (
    ("*", "unchanged", "*", "it is the case itself"),
    ("*", "input_special", "*", "the model is the case's: the numbers alone are judged"),
    ("*", "extent_*", "*", "the same model with other extents"),
    ("*", "operands_commuted", "*", "the same value"),
    ("*", "operand_*", "*!>*", "behind the result"),
    ("*", "result_rounded", "*!", "the result is rounded, which a cast says"),
    ("*", "reader*", "*!", "the result is there for all its readers"),
    ("*", "reader_of_input", "*", "what the place reads is there as before"),
)
ANY += (
    ("*/*__*", "*", "*", "a cut: the change may be elsewhere, the numbers alone are judged"),
    ("*/casts", "*_rounded", "Cast*", "it is in f16 already"),
    ("*", "all_in_half", "*", "which roundings inside stay is decided in front; numbers count"),
    ("*/casts", "operand_*", "*>Cast.0", "behind the last cast, or in front of the first"),
    ("*/casts", "operand_*", "Cast>Softmax.0", "the softmax of another value"),
)
ACTIVATION: tuple[Row, ...] = (
    ("activation/*", "input_*", "x.*", "the same model of another input"),
    ("activation/gelu_op", "node_in_half", "*", "the operator computes in f32"),
    ("activation/fast_gelu", "node_in_half", "*", "the operator computes in f32"),
    ("activation/gelu_op", "operand_*", "x>Gelu.0", "the gelu of another value"),
    ("activation/fast_gelu", "operand_*", "x>FastGelu.0", "the gelu of another value"),
    ("activation/*_factored", "constant_one_ulp", "cubic", "a computed constant, within one ulp"),
    ("activation/*", "constant_one_ulp", "root", "a computed constant, within one ulp"),
    ("activation/gelu_tanh", "constant_one_ulp", "cubic", "times the root, within one ulp"),
)
SOFTMAX: tuple[Row, ...] = (
    ("softmax/*", "input_*", "*", "the same model of other inputs"),
    ("softmax/*", "operand_*", "x>Softmax.0", "the softmax of another value"),
    ("softmax/*", "attribute", "Softmax.axis", "the axis is moved behind the others in front"),
    ("softmax/*", "node_in_half", "Softmax*", "the operator computes in f32"),
    ("softmax/guarded_mask", "*", "least", "the softmax of other scores"),
    ("softmax/guarded_mask", "reader*", "Where", "the scores are there for all their readers"),
    ("softmax/guarded_mask", "operand*", "x>Where.?", "the softmax of other scores"),
    ("softmax/guarded_mask", "operand*", "keep>Where.?", "the softmax of other scores"),
    ("softmax/guarded_mask", "operand*", "Where>Softmax.0", "the softmax of other scores"),
    ("softmax/casts", "result_rounded", "*", "rounded once more to the same type"),
    ("softmax/casts", "reader*", "Div", "the softmax without the last cast"),
    ("softmax/casts", "reader*", "Softmax", "the softmax without the last cast"),
    ("softmax/guarded_mask", "result_rounded", "Where", "the softmax of other scores"),
    ("softmax/guarded_mask", "node_in_half", "Where", "the softmax of other scores"),
    ("softmax/casts", "reader*", "Cast", "casts are made anew for their other readers"),
    ("softmax/casts", "operand_*", "x>Cast.0", "the softmax of another value"),
)
NORM: tuple[Row, ...] = (
    ("norm/*", "input_*", "*", "the same model of other inputs"),
    ("norm/*", "constant_*", "weight", "any weight is an operand, or stays behind the norm"),
    ("norm/*", "constant_*", "bias", "any bias is an operand, or stays behind the norm"),
    ("norm/*", "constant_*", "one_w", "a part of the weight"),
    ("norm/rms_plus_one", "node_in_half", "Add", "a part of the weight"),
    ("norm/*", "attribute", "*.epsilon", "any epsilon is a property of the norm"),
    ("norm/*_operator", "operand_*", "x>*", "the norm of another value"),
    ("norm/*", "operand_*", "weight>*", "any weight is an operand, or stays behind the norm"),
    ("norm/*", "operand_*", "bias>*", "any bias is an operand, or stays behind the norm"),
    ("norm/*operator", "operands_swapped", "*.1.2", "any weight and bias"),
    ("norm/skip_*", "operands_swapped", "*.2.3", "any weight and bias"),
    ("norm/skip_*", "operands_swapped", "*.0.1", "the same sum"),
    ("norm/casts", "reader*", "Cast", "casts are made anew for their other readers"),
    ("norm/casts", "operand_*", "x>Cast.0", "the norm of another value"),
    ("norm/casts", "operand_rounded", "Div>Mul.0", "the norm without its weight is rounded"),
    ("norm/casts", "result_rounded", "Div", "the norm without its weight is rounded"),
    ("norm/*", "reader*", "Div", "the norm without its weight, or inner values made anew"),
    ("norm/*", "reader*", "Mul", "the norm without its weight, or inner values made anew"),
    ("norm/*", "node_in_half", "Mul*", "a weight in f16 rounds what it multiplies"),
    ("norm/*", "node_in_half", "Add!", "a bias in f16 stays behind"),
    ("norm/*", "result_rounded", "Mul", "in front of the weight; the numbers show others"),
    ("norm/rms_plus_one", "operand_*", "Add>Mul.1", "any weight"),
    ("norm/rms_plus_one", "operand_*", "Mul>Mul.0", "the weight stays behind"),
    ("norm/layer", "operator", "Mul:*", "the weight stays behind; the numbers show the rest"),
    ("norm/rms*", "operator", "Mul:*", "the weight stays behind; the numbers show the rest"),
    ("norm/*", "operand_reversed", "Mul>Mul.1", "a norm without its weight, which stays behind"),
    ("norm/*", "operand_moved", "Mul>Mul.1", "the weight stays behind; the numbers show the rest"),
    ("norm/*", "operand_*", "Div>Mul.?", "the weight stays behind; the numbers show the rest"),
    ("norm/layer", "operand_*", "Mul>Add.*", "the bias stays behind"),
    ("norm/*", "node_in_half", "*Normalization*", "the operator computes in f32 up to the weight"),
    ("norm/skip_*", "operand_*", "x>*", "the norm of another value"),
    ("norm/skip_*", "operand_*", "skip>*", "the norm of another value"),
)
EPSILON = (
    "near",
    "*_ulp*",
    "as_half",
    "zero",
    "one",
    "negated",
    "infinite",
    "least",
    "nan",
    "large",
)
NORM += tuple(
    ("norm/*", f"constant_{change}", "epsilon", "any epsilon is a property of the norm")
    for change in EPSILON
)
ROTARY: tuple[Row, ...] = (
    ("rotary/*", "input_*", "*", "the same model of other inputs, which spread alike"),
    ("rotary/*", "operand_*", "cos>*", "whatever is the cosine, once"),
    ("rotary/*", "operand_*", "sin>*", "whatever is the sine, once"),
    ("rotary/operator", "operand_*", "*", "the operator on other values"),
    ("rotary/microsoft", "operand_*", "*", "the operator on other values"),
    ("rotary/operator", "operands_swapped", "*", "the operator with other tables"),
    ("rotary/microsoft", "operands_swapped", "*", "the operator with other tables"),
    ("rotary/operator", "node_in_half", "*", "the operator computes in f32"),
    ("rotary/microsoft", "node_in_half", "*", "the operator computes in f32"),
    ("rotary/operator", "constant_*", "*", "other tables"),
    ("rotary/microsoft", "constant_*", "*", "other tables"),
    ("rotary/whole", "integer_+*", "end_high", "an end behind the last channel"),
    ("rotary/halves", "integer_+*", "end_high", "an end behind the last channel"),
    ("rotary/casts", "integer_+*", "end_high", "an end behind the last channel"),
    ("rotary/partial", "integer_*", "*_rest", "what does not turn is put behind"),
    ("rotary/casts", "operand_*", "x>Cast.0", "the embedding of another value"),
    ("rotary/casts", "result_rounded", "Add", "rounded once more to the same type"),
    ("rotary/*", "reader*", "Concat", "made anew for its other readers"),
    ("rotary/partial", "reader*", "Add", "what turned is there for all its readers"),
    ("rotary/casts", "reader*", "Add", "what turned is there for all its readers"),
    ("rotary/partial", "operand_*", "Add>Concat.0", "behind what turned"),
    ("rotary/partial", "result_rounded", "Add", "behind what turned"),
    ("rotary/*", "reader*", "Slice*", "views are made anew for their other readers"),
    ("rotary/*", "reader*", "Split*", "views are made anew for their other readers"),
    ("rotary/casts", "reader*", "Cast", "casts are made anew for their other readers"),
    ("rotary/partial", "integer_+*", "end_high", "an end behind the last channel"),
    ("rotary/partial", "node_in_half", "Slice", "channels of another value turn, or stay"),
    ("rotary/partial", "result_rounded", "Slice", "channels of another value turn, or stay"),
    ("rotary/partial", "operand_*", "x>Slice.0", "channels of another value turn, or stay"),
    ("rotary/partial", "operand_*", "*Concat.1", "what does not turn is put behind"),
    ("rotary/partial", "attribute", "Concat.axis", "what does not turn is put behind, or beside"),
)
ATTENTION: tuple[Row, ...] = (
    ("attention/*", "input_*", "*", "the same model of other inputs"),
    ("attention/*", "constant_*", "scale*", "any number is a scale"),
    ("attention/*", "constant_*", "divisor", "any number is a scale"),
    ("attention/*", "constant_*", "*cap", "any two numbers are a scale and a cap"),
    ("attention/chosen_bias", "constant_*", "*", "any bias may be added"),
    ("attention/chosen_bias", "operand_*", "Where>Add.?", "any bias may be added"),
    ("attention/chosen_bias", "operand*", "*>Where.?", "any bias may be added"),
    ("attention/chosen_bias", "operands_swapped", "Where.1.2", "any bias may be added"),
    ("attention/chosen_bias", "reader*", "Where", "the bias is there for all its readers"),
    ("attention/*", "operand_moved", "MatMul>*.?", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Div>Softmax.0", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Div>Add.?", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Reshape>Add.0", "a number added to all scores is a bias"),
    ("attention/keep", "operands_swapped", "Where.1.2", "the opposite condition"),
    ("attention/chosen_bias", "*_rounded", "Where*", "any bias may be added"),
    ("attention/chosen_bias", "node_in_half", "Where", "any bias may be added"),
    ("attention/*", "reader*", "Reshape", "views are made anew for their other readers"),
    ("attention/*", "reader*", "Expand", "views are made anew for their other readers"),
    (
        "attention/grouped_query",
        "integer_*",
        "one_i",
        "lengths are operands; the numbers show them",
    ),
    ("attention/*", "operator", "Mul:*", "other queries; of other scores the numbers show it"),
    ("attention/*", "operand_*", "[qkv]>*", "attention of other values"),
    ("attention/*", "result_rounded", "Transpose", "attention of other keys or values"),
    ("attention/*", "result_rounded", "Reshape", "attention of other keys or values"),
    ("attention/*", "result_rounded", "Concat", "attention of other keys or values"),
    ("attention/*", "node_in_half", "MatMul!", "probabilities are rounded to the type of values"),
    ("attention/*", "result_rounded", "Mul", "other queries; of scores the numbers show it"),
    ("attention/*", "operand_moved", "Mul>Where.?", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Div>Where.?", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Mul>Add.0", "a number added to all scores is a bias"),
    ("attention/*", "operand_moved", "Add>Softmax.0", "a number added to all scores is a bias"),
    ("attention/*", "node_in_half", "Mul", "other queries; of scores the numbers show it"),
    ("attention/cached", "operands_swapped", "Concat*", "attention of other keys or values"),
    ("attention/*", "node_in_half", "Transpose", "attention of other keys or values"),
    ("attention/*", "node_in_half", "Concat*", "attention of other keys or values"),
    ("attention/*", "node_in_half", "Unsqueeze", "attention of other keys or values"),
    ("attention/*", "node_in_half", "Reshape", "attention of other keys or values"),
    ("attention/*", "node_in_half", "Expand", "attention of other keys or values"),
    ("attention/grouped_query", "operand_*", "past*>GroupQuery*", "attention of other keys"),
    ("attention/*", "operand_*", "Mul>MatMul.0", "attention of other queries"),
    ("attention/*", "operand_*", "Reshape>MatMul.0", "attention of other queries"),
    ("attention/*", "operand_*", "Transpose>M*.?", "attention of other keys"),
    ("attention/*", "operand_*", "Mul>MatMul.1", "attention of other keys"),
    ("attention/*", "operand_*", "Concat>Transpose.0", "attention of other keys"),
    ("attention/*", "operand_*", "Concat>MatMul.1", "attention of other values"),
    ("attention/*", "operand_*", "*past*>Concat*", "attention of other keys and values"),
    ("attention/*", "operand_*", "new_*>Concat*", "attention of other keys and values"),
    ("attention/*", "reader*", "Transpose", "views are made anew for their other readers"),
    ("attention/*", "reader*", "Concat", "keys and values are there for all their readers"),
    ("attention/grouped_query", "integer_*", "mask_axis", "another way to say a shape"),
    ("attention/operator", "*", "Attention*", "the operator as a whole"),
    ("attention/grouped_query", "*", "GroupQueryAttention*", "the operator as a whole"),
    ("attention/*", "operator", "Div:Mul", "any number is a scale"),
    ("attention/*", "operator", "Mul:Div", "any number is a scale"),
    ("attention/*", "integer_-2", "*", "a dimension that was 1 is inferred, and is 1"),
    ("attention/grouped", "operand_expanded", "Unsqueeze>Expand.0", "it was expanded anyway"),
    (
        "attention/grouped",
        "operand_other",
        "Unsqueeze>Expand.0",
        "attention of other keys or values",
    ),
    ("attention/grouped", "integer_-1", "dims_*", "Expand by 1 repeats nothing"),
    ("attention/grouped_query", "cache_read", "*", "attention does not read what is shown"),
    ("attention/grouped_query", "reader*", "*", "lengths are there for all their readers"),
    ("attention/*", "operand_*", "bias>*", "any bias may be added"),
    ("attention/*", "operand_*", "keep>*", "any condition may choose"),
    ("attention/keep", "operand_*", "Not>Where.0", "any condition may choose"),
    ("attention/keep", "reader*", "Not", "any condition may choose"),
    ("attention/guarded", "operands_swapped", "Where.1.2", "the opposite condition"),
    ("attention/grouped", "integer_-1", "axis_*", "in front of one head; the numbers show others"),
    ("attention/grouped_rows", "operand_*", "Reshape>Mul.0", "attention of other queries"),
    ("attention/chosen_bias", "attribute", "Transpose.perm", "axes of extent 1 change places"),
    ("attention/operator", "attribute", "Attention.*", "a mask, a scale or a cap of its own"),
    ("attention/grouped_query", "attribute", "*", "a mask, a scale or a cap of its own"),
    ("attention/cached", "cache_read", "*", "attention of other keys and values"),
    ("attention/*", "present", "*", "attention does not read what is shown"),
    ("attention/*", "past", "*", "attention of other keys and values"),
    ("attention/*", "debug*", "*", "attention does not read what is shown"),
    ("attention/*", "outputs_reversed", "*", "the same values in another order"),
)
PRODUCTS: tuple[Row, ...] = (
    ("products/*", "*", "*", "products of one value by any weights; the numbers show others"),
)
CACHES: tuple[Row, ...] = (
    ("caches/*", "cache_read", "*", "what reads a cache may be anything"),
    ("caches/*", "debug*", "*", "what reads a cache may be anything"),
    ("caches/half", "*_rounded", "Cast*", "it is in f16 already"),
    ("caches/*", "node_in_half", "Concat", "it is held in f16, to which the model casts it"),
    ("caches/*", "outputs_reversed", "*", "the same outputs in another order"),
    ("caches/*", "input_*", "*", "the same model of other inputs"),
    ("caches/*", "operand_other", "past*", "another input with the extent of a cache is one"),
    ("caches/*", "operand_*", "new_*>*", "whatever is new is written"),
    ("caches/half", "operand_*", "Cast>Concat.1", "whatever is new is written"),
    *(
        ("caches/*", "*", f"*{reader}*", "what reads a cache may be anything")
        for reader in ("Neg", "Exp", "MatMul", "ReduceSum", "axes", "Cast>Neg", "Concat>Cast")
    ),
    ("caches/*", "reader*", "*", "what reads a cache may be anything"),
    ("caches/layout", "*", "*Transpose*", "what reads a cache may be anything"),
    ("caches/two", "*", "*Transpose*", "what reads a cache may be anything"),
)
GATHERS: tuple[Row, ...] = (
    ("gathers/*", "*", "*", "a view of other rows; all elements differ, so the numbers show it"),
)
LAYERS: tuple[Row, ...] = (
    ("layers/*", "*", "*", "what differs is stacked; equal bits of both ways show what does not"),
)
EXACT = (
    *ANY,
    *ACTIVATION,
    *SOFTMAX,
    *NORM,
    *ROTARY,
    *ATTENTION,
    *PRODUCTS,
    *CACHES,
    *GATHERS,
    *LAYERS,
)
"""(recogniser/spelling, kind, place, reason), the first three with wildcards."""


def reason_for(case: Case, kind: str, place: str) -> str | None:
    """Why finding the target in a changed case is right; None if it is not."""
    for name, kinds, places, reason in EXACT:
        fits = fnmatchcase(case.name, name) and fnmatchcase(kind, kinds)
        if fits and fnmatchcase(place, places):
            return reason
    return None

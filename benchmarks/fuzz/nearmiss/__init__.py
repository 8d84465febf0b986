"""
Near misses: models in which a recogniser finds something, changed so that it must not, or may not.

    python -m benchmarks.fuzz.nearmiss --count 5000 --seed 0 --jobs 2

`cases` write a small model for each spelling that a recogniser knows. `mutations` change one thing
in it. A mutant is compiled as users do, and again without the passes that recognise; both are
compared with ONNX Runtime, and its IR is looked at: what was recognised in the model must not be
found in the mutant, unless `exact` says why finding it is right.
"""

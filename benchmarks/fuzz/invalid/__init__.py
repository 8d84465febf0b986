"""
Invalid models: one node each, valid, then made wrong in one place.

`cases` holds valid models of every operator that the compiler takes (`operators`), `mutations` and
`attributes` make them wrong, `trial` judges by ONNX Runtime, `laxities` lists where it is no judge.

    python -m benchmarks.fuzz.invalid --jobs 2 [--count N --seed S] [--operator NAME]
"""

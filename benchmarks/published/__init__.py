"""
Published figures of LPUs beside what the model predicts for the same shapes.

    python -m benchmarks.published [--context 1040 2047] [--bound 2048] [--only opt-1.3b] [--json F]
    python -m benchmarks.published --held-out --context 33 1039 2047

Each row is a model compiled without weights, in f16, and one token timed in the middle of the
published run, 32 tokens in and 2016 out. `floor` is the least that the ONNX shapes allow. Nothing
is fitted: the machines are `lpu-4nm` and `lpu-u280` as their files say. What is published, and how
sure that is:

| model | devices | ms | where |
|---|---|---|---|
| OPT 1.3B | 1 | 1.25 | LPU (arXiv 2408.07326), abstract |
| OPT 30B | 1 | 20.28 | the same, from its 90.2 % of the bandwidth |
| OPT 66B | 2 | 22.2 | notes on its body; the abstract says 20.9 |
| a 20B shape | 8 over 1 | 5.43x | notes on its body |
| GPT-2 345M | 1 | 5.40 | DFX (MICRO 2022): shown, not judged, nobody says where its head was |

*Frozen* is the code that the compiler made of these shapes before the model of the machine was
mended, kept as assembly in `frozen`: what changes in that column, the model changed. *Today* is
what it makes now. `--freeze FOLDER` writes such files. `--held-out` takes shapes that no figure is
published of and no pass was made for.

Beside it: `fits` (single assumptions), `genz` (another model), `layers` (what a layer spends above
its bytes), `prompts` (first tokens), `plots`.
"""

"""
Fuzzers: models that nobody wrote, compiled and run, judged by ONNX Runtime.

`judging` says what becomes of one model, `pool` runs many of them in processes that may die or
hang, `report` counts, `command` is the command line that all fuzzers share. Each case follows from
a seed and its number alone: `--seed N --only K` makes it again and writes it to a folder.
"""

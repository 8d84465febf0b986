"""
The node tests of the ONNX standard, each compiled down to a program and run.

    python -m benchmarks.fuzz.nodes --jobs 2 [--constants] [--only PART]

The numbers to reach are those that a test brings with it. What it says of the shapes of its outputs
is taken away first, so that they are found by the code that users run; the inputs keep theirs.
With `--constants` integer and boolean inputs of at most 1 KiB become initialisers, as axes, shapes
and indices mostly are. Right results are counted apart where the machine had nothing to do: where
the program only lays out constants. Exit code 1 if a result is wrong or a crash.
"""

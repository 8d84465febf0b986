"""
Broken rings: a program for several devices with one change in what they exchange.

    python -m benchmarks.fuzz.ring --count 400 --seed 0 --jobs 2

`bases` compiles the programs, `places` finds the instructions that exchange and those that make
their addresses and blocks, `changes` changes them in one place each. `judging` asks each of the two
checks alone, with no digest in the way, and runs what one of them lets pass: outputs, caches and
tokens must be those of the whole program. `rules` says which rule may refuse which kind of change.
"""

"""
Faults that are planted on purpose, and whether the compiler's own diagnosis finds them.

    python -m benchmarks.faults --seed 0 --jobs 2

A fault is a small change to the syntax tree of a function that runs while a model is compiled and
run. It is planted in memory, in a process of its own, and judged by the numbers alone: can it show
at all, and if so, does the diagnosis name the pass and the operation?

`kinds` and `mutation` make faults, `planting` puts one into a process, `settings`
and `asking` say what is compiled and called, `ground` is what the right compiler does, `showing`
and `detecting` judge one fault, `processes` keeps each in a process that may die.
"""

"""
Decoders that nobody wrote: random graphs of the shape that exporters give, from a seed.

    python -m benchmarks.fuzz.decoders --count 1000 --seed 0 --jobs 2

`sizes` draws what a decoder is, `graph` holds what is drawn on the way, one file has the spellings
of one part, `decoder` puts the parts together, `feeds` draws the inputs of its calls. The labels of
a graph name the spellings that it has; the command prints how many graphs have each.
"""

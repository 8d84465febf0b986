"""
Time, memory and size of what is compiled, beside what a user would take instead.

    python -m benchmarks.speed [PART ...] [--models DIR] [--repeat 3]

Parts are `compile`, `step`, `copy`, `layers`, `ring`, `dump` and `prove`; all of them take many
minutes.
Models come from `benchmarks.decoders`, are written to `--models` on first use and stay there (6 GB
for all).
The figures of one part come from one run of this command on one machine; those of compilers that
are not installed are printed as constants, with where they were seen.
"""

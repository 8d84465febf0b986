"""The machine: instruction set, program file, interpreter and target descriptions.

`runtime` is the bottom layer. It imports numpy and ml_dtypes and nothing of the compiler, so
whoever runs a program needs no compiler. Read `runtime.isa` for the instructions,
`runtime.program` for the file, `runtime.run` for execution, `runtime.timing` for time.
"""

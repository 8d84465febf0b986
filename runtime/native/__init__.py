"""Products of floats in C, which `runtime.device.products` uses where the library is there.

`products.h` says what is computed and in what order; `library` finds the library and tries it.
"""

"""How long a token takes on the modelled machine, why, and how much of that no machine could save.

`profile` folds a recorded run (`runtime.timing.profiling`) into a report; `floor` says from the
ONNX file alone what must be moved and multiplied. The two share no code.
"""

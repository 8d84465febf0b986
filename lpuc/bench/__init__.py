"""
How fast a decoder is: `lpuc bench`, beside ONNX Runtime where it is installed.

Each of the two runs in a process of its own (`sides`): so each has its own peak of memory, and its
limits of threads are set before numpy is there. The command (`measuring`) asks them in turn, token
by token, for what they time themselves; what may not be compared is refused before (`likeness`).
"""

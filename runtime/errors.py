"""Faults of the user's files and inputs, each with one clear sentence.

What goes wrong while a program executes is a `runtime.traps.Trap`.
"""


class Error(Exception):
    """Base of every error that lpuc raises on purpose, those of the compiler too."""


class BadOption(Error, ValueError):
    """An option or an argument that nobody can mean; `option` is its name in Python."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


class RuntimeFault(Error):
    """Base of every error that a wrong file or a wrong input causes."""


class Malformed(RuntimeFault):
    """Bytes or text that do not follow the format: truncated, damaged, not a program at all."""


class Unreadable(Malformed):
    """A file that is a pipe, a folder or a device, no text, or longer than what is read of it."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.file = str(path)


class Invalid(RuntimeFault):
    """A well-formed file whose contents contradict each other or the target."""


class Unlinked(RuntimeFault):
    """Weights that a program needs and that are not there, or not as they were."""


class Unserved(RuntimeFault):
    """A request for tokens that a program cannot serve: it is no decoder, or has no room."""


class Unlinkable(RuntimeFault):
    """Inputs that do not fit the interface of the program."""

    def __init__(self, name: str, expected: str, got: str) -> None:
        super().__init__(f"{name}: expected {expected}, got {got}")
        self.name = name
        self.expected = expected
        self.got = got


class Misuse(RuntimeFault):
    """A part of the machine is used as it must not be, such as a run by two threads."""

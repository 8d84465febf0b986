"""Names from a model in printable ASCII: what stands in IR, locations and interfaces."""


def escape(name: str) -> str:
    """A name from a model in printable ASCII, as in a Python string; double quotes too."""
    return name.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def quoted(name: str) -> str:
    """An escaped name as a string of the IR."""
    text = name.replace("\\", "\\\\").replace('"', "\\22")
    return f'"{text}"'


def unescape(text: str) -> str:
    """The name that `escape` was given."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")

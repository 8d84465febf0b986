"""What a module says of how several devices share it, and how a plan is refused."""

from dialects.errors import CompileError

PLAN = "lpu_esl.plan"
"""The attribute that says how the columns of each product are cut."""
WHOLE = "lpu_esl.whole"
"""The attribute that says what every device holds all of."""


class Unplannable(CompileError):
    """What a plan says cannot be done with the model; the plan, not the model, is at fault."""

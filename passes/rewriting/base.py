"""What all passes of ours are: a change of a module whose faults are named."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from passes.analysis.levels import require
from passes.rewriting.session import rewriting
from passes.rewriting.standing import DUMP, note_passed
from passes.specification import Specification


class RewritingPass(ModulePass):
    """
    A pass, which says what it is; IR that it does not take is refused.

    Whatever its `rewrite` changes is checked, and refused in the name of the pass.
    """

    specification: ClassVar[Specification]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require(self.name, self.specification, op)
        with rewriting(self.name, op):
            self.rewrite(op)
        if DUMP in op.attributes:
            note_passed(op, str(self.spec()))

    @abstractmethod
    def rewrite(self, module: ModuleOp) -> None:
        """Change a module, in place."""

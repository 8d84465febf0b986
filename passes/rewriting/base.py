"""What all passes of ours are: a change of a module whose faults are named."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from passes.rewriting.session import rewriting


@dataclass(frozen=True)
class RewritingPass(ModulePass):
    """A pass; whatever its `rewrite` changes is checked, and refused in the name of the pass."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        with rewriting(self.name, op):
            self.rewrite(op)

    @abstractmethod
    def rewrite(self, module: ModuleOp) -> None:
        """Change a module, in place."""

"""The proof that is made when a program for several devices is compiled."""

from runtime.ring.checks.compile.proof import Proof, Rule, Unproved
from runtime.ring.checks.compile.proving import prove, proved

__all__ = ["Proof", "Rule", "Unproved", "prove", "proved"]

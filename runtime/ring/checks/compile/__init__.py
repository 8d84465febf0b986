"""The proof that is made when a program for several devices is compiled."""

from runtime.ring.checks.compile.proof import Proof, Report, Rule, Unproved
from runtime.ring.checks.compile.proving import prove, proved

__all__ = ["Proof", "Report", "Rule", "Unproved", "prove", "proved"]

"""How tensors of the `lpu` level come to lie in buffers."""

from passes.lpu.bufferise import control, exchange, fused, tensors

RULE_MODULES = (control, exchange, fused, tensors)
"""The modules that register rules when they are imported."""

"""How tensors of the `lpu` level come to lie in buffers."""

"""Passes of the level `lpu_esl`, where tensors lie on several devices in parts."""

"""The passes of level `lpu_esl`, and what they are made of."""

"""The terms of a loss beside that of the words, by name."""

AT_TARGETS = ("logits", "squared_error")
"""Terms that compare a student's logits with its teacher's, at masked positions."""
INSIDE = ("states", "layers", "relations")
"""Terms that compare what stands inside of a student and its teacher, at every token."""

"""The terms of a loss, by name."""

AT_TARGETS = ("logits", "squared_error")
"""Terms that compare a student's logits with its teacher's, at masked positions."""
INSIDE = ("states", "layers", "relations")
"""Terms that compare what stands inside of a student and its teacher, at every token."""
WORDS = {
    "states": "last hidden states",
    "logits": "logits (cosine)",
    "squared_error": "logits (squared error)",
    "layers": "hidden states in every layer",
    "relations": "relations of queries, keys and values",
}
"""Term beside that of the words -> what is compared."""
UNITS = {
    "states": "1 \N{MINUS SIGN} cosine, per token",
    "logits": "1 \N{MINUS SIGN} cosine, per masked position",
    "squared_error": "squared difference, per masked position",
    "layers": "squared error as a share of the squares, per token",
    "relations": "nats per token",
}
"""The same -> what it is counted in; other terms, and their sum, in nats per masked position."""

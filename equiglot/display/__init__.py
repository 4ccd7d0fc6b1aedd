"""What the terminal shows: progress, plans, states, scores, labels."""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

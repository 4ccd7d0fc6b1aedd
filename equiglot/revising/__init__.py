"""Models made of models that are there: fewer vocabulary entries or more, and the proof of what stays as it was."""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

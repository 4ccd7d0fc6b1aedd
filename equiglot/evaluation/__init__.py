"""Evaluation: how well a model does, as rows of numbers with intervals.

Whatever is measured, and of whichever model, ends as a `Score`: one row, one number. Scores are written as JSON lines
and are all that the report needs to know of a model's quality.
"""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used: scores can be read without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

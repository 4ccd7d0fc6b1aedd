"""Labelled data: from treebanks, entity files, tables and documents to checked sentences on disk."""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

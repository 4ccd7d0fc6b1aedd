"""Models for use without PyTorch: written as ONNX, compared with what they were, and what they cost."""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used: settings can be read without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The graph of jobs that a recipe is, and what runs it.

`steps` holds the kinds of steps, one a file; `graph` lists those of a recipe, `records` what is known of finished ones.
`running` lets `execution` do what is left, and `results` make scores and page of it; `planning` says before what that
will take.
"""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used: a status does not wait for torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The report: what a run ends in, one HTML page that says who won, language by language, and how sure that is.

`Report` is all that the page shows; `write_report` writes it. In between, `verdict` puts the numbers in a sentence,
`tables` and `figures` lay them out, and `contents` lists those that a report has: `write_tables` and `write_figures`
write them for papers. `write_card` tells of one model, `write_comparison` of several runs.
"""

import lazy_loader

# What it has stands in __init__.pyi, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

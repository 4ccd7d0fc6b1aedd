"""The command line: words around the functions of the package, nothing more.

The package is imported inside the commands: it brings torch, and `equiglot --help` should not take seconds.
"""

from equiglot.cli import models, runs  # they have the commands
from equiglot.cli.program import app, main

__all__ = ["app", "main", "models", "runs"]

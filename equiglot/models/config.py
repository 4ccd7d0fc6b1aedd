"""The config.json of a model folder, as it stands there; read without torch."""

from pathlib import Path
from typing import Any

from equiglot.reading import read_json_object


def read_config(folder: Path) -> dict[str, Any]:
    """What stands in the config.json of a model folder.

    Raises:
        InputError: it is no JSON object.
    """
    return read_json_object(folder / "config.json")

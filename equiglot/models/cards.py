"""What stands at the top of every model's card: the fields that the Hugging Face hub reads."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from equiglot.corpus.languages import base_language


def card_head(metadata: Mapping[str, Any]) -> str:
    """The fields as YAML, between lines that say where they begin and end."""
    return f"---\n{yaml.safe_dump(dict(metadata), allow_unicode=True, sort_keys=False)}---\n"


def card_languages(codes: Iterable[str]) -> list[str]:
    """Languages as the hub takes them: without script and region, each once."""
    return list(dict.fromkeys(base_language(code) for code in codes))

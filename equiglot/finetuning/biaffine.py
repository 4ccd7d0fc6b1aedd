"""A graph-based dependency parser on an encoder: biaffine scores of arcs and of their relations (Dozat and Manning,
2017: Deep biaffine attention for neural dependency parsing), and its files.

What that parser has an LSTM for is the encoder here, as in paper 3 (section 3.2); nothing but its states is read.
"""

from pathlib import Path
from typing import Any, cast

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from equiglot.errors import InputError
from equiglot.files import read_json, write_json
from equiglot.models import load_classifier, read_config
from equiglot.models.heads import PARSER_CONFIG, PARSER_WEIGHTS
from equiglot.settings import Settings

_SLOPE = 0.1  # of leaky ReLU below 0
_WIDEST = 10_000


class ParserSettings(Settings):
    """The size of a parser; the defaults are Dozat and Manning's (2017, Table 1)."""

    arcs: int = Field(500, gt=0, le=_WIDEST, description="Width of what a word is as a dependent, and as a head.")
    relations: int = Field(100, gt=0, le=_WIDEST, description="The same, for relations.")
    dropout: float = Field(0.33, ge=0, lt=1, description="Of both.")


class Parser(PreTrainedModel):
    """An encoder that scores, for each word of a sentence, every other word and the root as its head.

    The root has a vector of its own, learnt, in place of a word's state: a first special token would be another one in
    each window of a long sentence, and not every encoder has one.

    Args:
        encoder: bare; its configuration names the relations (`id2label`) and is the parser's, too.
        settings: its size.
    """

    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, encoder: PreTrainedModel, settings: ParserSettings) -> None:
        super().__init__(encoder.config)
        self.encoder, self.settings = encoder, settings
        width, relations = int(encoder.config.hidden_size), len(encoder.config.id2label or ())
        self.root = nn.Parameter(torch.zeros(width))
        self.dependents, self.heads, self.relation_dependents, self.relation_heads = (
            _perceptron(width, size, settings.dropout)
            for size in (settings.arcs, settings.arcs, settings.relations, settings.relations)
        )
        self.arcs = nn.Parameter(torch.zeros(settings.arcs + 1, settings.arcs))
        self.relations = nn.Parameter(torch.zeros(relations, settings.relations + 1, settings.relations + 1))

    def head_scores(self, states: Tensor, lengths: Tensor) -> Tensor:
        """How well each word would be the head of each: a biaffine score of the pair, and one of the head alone.

        Args:
            states: float32 [sentences, words, width], of words; anything behind the last word of a sentence.
            lengths: int64 [sentences], words.

        Returns:
            Logits float32 [sentences, words, words + 1], of the root first; the lowest number of all for heads behind
            the last word.
        """
        dependents, heads = _with_one(self.dependents(states)), self.heads(self._with_root(states))
        scores: Tensor = dependents @ self.arcs @ heads.mT
        beyond = torch.arange(scores.shape[2], device=scores.device) > lengths[:, None]
        return scores.masked_fill(beyond[:, None], torch.finfo(scores.dtype).min)

    def relation_scores(self, states: Tensor, heads: Tensor) -> Tensor:
        """How well each relation fits the arc of each word: a biaffine score for each relation.

        Args:
            states: as above.
            heads: int64 [sentences, words], the number of each word's head; 0 for the root.

        Returns:
            Logits float32 [sentences, words, relations].
        """
        dependents, every = self.relation_dependents(states), self.relation_heads(self._with_root(states))
        chosen = every.gather(1, heads[..., None].expand(-1, -1, every.shape[2]))
        return torch.einsum("swi,rij,swj->swr", _with_one(dependents), self.relations, _with_one(chosen))

    def _with_root(self, states: Tensor) -> Tensor:
        return torch.cat([self.root.expand(len(states), 1, -1), states], dim=1)

    def save_pretrained(self, save_directory: Any, **options: Any) -> None:  # type: ignore[override]
        """Writes the encoder, as `AutoModel.from_pretrained` loads it, and beside it the parser's own weights and size.

        Args:
            save_directory: a folder.
            options: of `save_pretrained`, for the encoder.
        """
        folder = Path(save_directory)
        self.encoder.save_pretrained(folder, **options)
        own = {name: value.contiguous() for name, value in self._own_weights().items()}
        save_file(own, folder / PARSER_WEIGHTS, metadata={"format": "pt"})
        write_json(folder / PARSER_CONFIG, self.settings.model_dump(mode="json"))

    def _own_weights(self) -> dict[str, Tensor]:
        """All but the encoder's."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}


def _perceptron(width: int, size: int, dropout: float) -> nn.Sequential:
    linear = nn.Linear(width, size)
    nn.init.orthogonal_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(linear, nn.LeakyReLU(_SLOPE), nn.Dropout(dropout))


def _with_one(values: Tensor) -> Tensor:
    """With a 1 behind the last of each vector, whose products are those of one end of an arc alone."""
    return torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)


def new_parser(
    folder: Path, relations: tuple[str, ...], *, seed: int, settings: ParserSettings | None = None
) -> Parser:
    """The encoder in a Hugging Face folder with a new parser: orthogonal layers, all scores 0 (as Dozat and Manning's
    code begins).

    Args:
        folder: a masked language model, a bare encoder, or one that was fine-tuned.
        relations: names, written to the configuration.
        seed: of the new weights.
        settings: its size.

    Raises:
        InputError: as `load_classifier`.
    """
    encoder = cast(PreTrainedModel, load_classifier(folder, "token", relations, seed=seed).base_model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Parser(encoder, settings or ParserSettings())


def load_parser(folder: Path) -> Parser:
    """The parser in a folder that `Parser.save_pretrained` filled: safetensors only, no code of the folder.

    Raises:
        InputError: as `load_classifier`; or the folder has no parser, or one that does not fit its encoder.
    """
    if not (folder / PARSER_CONFIG).is_file():
        fix = "give a folder that `equiglot finetune --task parse` made"
        raise InputError("the model is no dependency parser", where=folder, fix=fix)
    named, again = read_config(folder).get("id2label"), "get or make the folder again"
    if not isinstance(named, dict) or [*named] != [str(place) for place in range(len(named))]:
        raise InputError("the configuration does not name the relations", where=folder / "config.json", fix=again)
    try:
        settings = ParserSettings.model_validate(read_json(folder / PARSER_CONFIG))
        parser = new_parser(folder, tuple(map(str, named.values())), seed=0, settings=settings)
        parser.load_state_dict({**parser.state_dict(), **load_file(folder / PARSER_WEIGHTS)})
    except (OSError, ValidationError, ValueError, RuntimeError, SafetensorError) as error:
        what = f"the parser is damaged, or does not fit its encoder: {str(error).splitlines()[0]}"
        raise InputError(what, where=folder, fix=again) from None
    return parser

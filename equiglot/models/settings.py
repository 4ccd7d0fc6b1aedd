"""What an encoder is to be, and which of its layers another one starts from."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from equiglot.errors import InputError
from equiglot.settings import LONGEST, MOST_LAYERS, MOST_PARAMETERS, SHORTEST, WIDEST, ByteCount, Settings

_UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


def _from_words(value: Any) -> Any:
    """160M -> 160_000_000."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMB]?)", value.strip().upper()) if isinstance(value, str) else None
    if isinstance(value, str) and match is None:
        raise ValueError("a number of parameters is written as 160M (K, M or B), or in full")
    return round(float(match[1]) * _UNITS[match[2]]) if match else value


_Count = Annotated[int, Field(gt=0, le=MOST_PARAMETERS)]
Parameters = Annotated[
    int, Field(gt=0, le=MOST_PARAMETERS), BeforeValidator(_from_words, json_schema_input_type=_Count | str)
]
"""A number of parameters in a recipe: 160000000, or 160M."""

LayerChoice = (
    Literal["all", "alternate", "distilbert", "first", "last"]
    | Annotated[tuple[Annotated[int, Field(ge=0, lt=MOST_LAYERS)], ...], Field(min_length=1)]
)
Precision = Literal["fp32", "int8"]
"""Of the weights whose bytes are counted: those of a model folder, or those of its export in int8."""


class EncoderSettings(Settings):
    """The size of an encoder; the defaults are paper 1's (appendix E.1)."""

    architecture: Literal["bert", "electra", "modernbert"] = Field(
        "bert", description="The kind of encoder; electra's embeddings may be narrower than its layers."
    )
    layers: int = Field(6, gt=0, le=MOST_LAYERS, description="Transformer layers.")
    heads: int = Field(4, gt=0, le=WIDEST, description="Attention heads of a layer; a divisor of hidden_size.")
    hidden_size: int = Field(512, gt=0, le=WIDEST, description="Width of the embeddings and layers.")
    embedding_size: int | None = Field(
        None,
        gt=0,
        le=WIDEST,
        description="electra: width of the embeddings alone (paper 2: 256 under 768); null: hidden_size.",
    )
    parameters: Parameters | None = Field(
        None, description="electra: at most so many parameters, such as 160M; decides embedding_size."
    )
    feed_forward: int | None = Field(
        None,
        gt=0,
        le=WIDEST,
        description="Width of the feed-forward layers; null: 4 x hidden_size (modernbert: two thirds, with a gate).",
    )
    max_length: int = Field(
        128, ge=SHORTEST, le=LONGEST, description="Positions: longer sentences are cut into pieces."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Share dropped in training, of hidden states and attention.")
    initializer_range: float = Field(0.02, gt=0, le=1, description="Standard deviation of the initial weights.")

    @model_validator(mode="after")
    def _can_be_built(self) -> "EncoderSettings":
        weights = self.layers * self.hidden_size * (4 * self.hidden_size + 2 * (self.feed_forward or self.hidden_size))
        if weights > MOST_PARAMETERS:
            raise ValueError(
                f"{self.layers} layers of width {self.hidden_size} have {weights:,} weights or more, and no more than "
                f"{MOST_PARAMETERS:,} are built: lower layers, hidden_size or feed_forward"
            )
        return self

    @model_validator(mode="after")
    def _narrow_embeddings(self) -> "EncoderSettings":
        given = [name for name in ("embedding_size", "parameters") if getattr(self, name) is not None]
        if given and self.architecture != "electra":
            raise ValueError(f"{given[0]} needs `architecture: electra`, whose embeddings may be narrower")
        if len(given) == 2:
            raise ValueError("give either embedding_size or parameters: the one follows from the other")
        return self

    @model_validator(mode="after")
    def _heads_divide(self) -> "EncoderSettings":
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}: change either")
        if self.architecture == "modernbert" and self.hidden_size // self.heads % 2:
            width = self.hidden_size // self.heads
            raise ValueError(f"modernbert needs heads of an even width, hidden_size / heads is {width}: change either")
        return self


class Part(Settings):
    """What is taken of a model to start from: its layers, and how much of their width."""

    layers: LayerChoice = Field(
        "all",
        description="Which of its layers: all; alternate, from 0 every second one (paper 4, section 3); as many as "
        "that: distilbert, evenly from the first to the last (0, 2, 4, 7, 9, 11 of 12), first or last; or a list of "
        "numbers, counted from 0.",
    )
    fit: ByteCount | None = Field(
        None,
        description="Or as many of its layers, evenly spread, as fit into so many bytes, such as 40MB: of the finished "
        "model's weights and its tokenizer.",
    )
    precision: Precision = Field(
        "fp32",
        description="What `fit` counts: fp32, the weights of the model's folder; int8, those of its export in int8 "
        "(`equiglot export --quantize int8`) when it is fine-tuned to label words or texts.",
    )
    width: int | None = Field(
        None, gt=0, le=WIDEST, description="A smaller hidden_size, a multiple of its heads' width; its own if null."
    )
    by: Literal["svd", "cut"] = Field(
        "svd",
        description="How it is made narrower: svd, the directions in which its embeddings vary most; cut, the first "
        "of their numbers.",
    )

    @model_validator(mode="after")
    def _one_amount_of_layers(self) -> "Part":
        if self.fit is not None and "layers" in self.model_fields_set:
            raise ValueError("give either `layers` or `fit`, which chooses them")
        if self.fit is None and self.precision != "fp32":
            raise ValueError("`precision` says what `fit` counts: give `fit` as well, or leave it out")
        return self

    def with_layers(self, layers: LayerChoice) -> Self:
        """The same part with layers that are named, in the place of a size."""
        return self.model_copy(update={"layers": layers, "fit": None, "precision": "fp32"})

    def encoder(self, source: EncoderSettings) -> EncoderSettings | None:
        """The encoder that this part of `source` is; None where that hangs on the vocabulary."""
        if self.fit is not None:
            return None
        changed: dict[str, int] = {"layers": len(chosen_layers(self.layers, source.layers))}
        if self.width is not None:
            changed |= {"hidden_size": self.width, "heads": max(1, source.heads * self.width // source.hidden_size)}
            if source.feed_forward is not None:
                changed["feed_forward"] = max(1, round(source.feed_forward * self.width / source.hidden_size))
        return source.model_copy(update=changed)


def chosen_layers(choice: LayerChoice, count: int) -> tuple[int, ...]:
    """The numbers, from 0, of the layers that are taken from an encoder of `count`.

    alternate is paper 4's rule (section 3): layer n of the student is layer 2n - 1 of the teacher, counted from 1.
    first and last are what it compares with: the same number of layers from either end. distilbert is the list of
    DistilBERT's code, for other numbers of layers as well: as many, evenly from the first to the last.
    """
    half = (count + 1) // 2
    named = {
        "all": range(count),
        "alternate": range(0, count, 2),
        "distilbert": [round(place * (count - 1) / max(1, half - 1)) for place in range(half)],
        "first": range(half),
        "last": range(count)[-half:],
    }
    return tuple(named[choice] if isinstance(choice, str) else choice)


def spread_layers(number: int, count: int) -> tuple[int, ...]:
    """So many of an encoder's `count` layers, from 0 on, as far apart as can be; every second one where it is half."""
    return tuple(-(-place * count // number) for place in range(number))


def check_width_of(width: int, old: int, heads: int, *, where: str) -> None:
    """Refuses a width to which an encoder, `old` wide in so many heads, cannot be narrowed by leaving heads out.

    Raises:
        InputError: it is larger, or no multiple of a head's width.
    """
    head = old // heads
    if width > old or width % head:
        fitting = ", ".join(str(head * number) for number in range(1, heads + 1))
        what = f"a width of {width} does not fit: the model is {old} wide, in heads of {head}"
        raise InputError(what, where=where, fix=f"take one of: {fitting}")


def check_layers(choice: LayerChoice, count: int, architecture: str, *, where: str) -> None:
    """Refuses layers that an encoder of `count` layers does not have, or that cannot stand in the order asked for.

    Raises:
        InputError: there are such; one is named twice.
    """
    chosen = chosen_layers(choice, count)
    fix = f"name layers from 0 to {count - 1}, each once"
    if beyond := [number for number in chosen if number >= count]:
        raise InputError(f"the encoder has {count} layers, and none with the number {beyond[0]}", where=where, fix=fix)
    if len({*chosen}) < len(chosen):
        raise InputError("a layer is named twice", where=where, fix=fix)
    if architecture == "modernbert" and chosen[0] != 0:
        raise InputError(
            "modernbert's first layer has no norm before its attention, all others have one: none of them can be first",
            where=where,
            fix="begin the list with 0, or take alternate or first",
        )

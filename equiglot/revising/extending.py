"""A model with more vocabulary entries for languages that it cuts into too many pieces, and what that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from equiglot.errors import InputError
from equiglot.files import atomic_folder, read_json, write_json, write_text
from equiglot.models import device, find_or_fetch, own_name
from equiglot.models.cards import card_head, card_languages
from equiglot.models.extending import extend_weights
from equiglot.models.transplanting import transplanted_rows
from equiglot.models.trimming import check_trimmable, copy_modules, longest_input
from equiglot.models.whole import load_whole
from equiglot.revising.proof import SegmentationCounts, count_cuts, cut_both
from equiglot.run import CARD
from equiglot.training import CheckpointFolder, FittingSettings, NewRows, Progress, RowFitting, Trainer
from equiglot.vocabulary import (
    Extension,
    ExtensionSettings,
    PairedSentence,
    choose_contexts,
    count_words,
    extend_tokenizer,
    load_tokenizer,
    pair_sentences,
    piece_text,
    shared_pieces,
    write_tokenizer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EXTENSION = "extend.json"
"""What stands beside the model: what was learnt, and what it changed."""
Begin = Literal["mean", "fitted", "transplanted"]
_LONGEST = 128  # tokens of a sentence that rows are fitted on
_FITTED_ON = 50_000  # sentences of a language at most
FITTING_HELD_OUT = 500
"""Sentences of a language, with new entries, on which hidden states are compared."""


@dataclass(frozen=True)
class ExtensionText:
    """Text of one language.

    Attributes:
        learning: gives the sentences by which entries are learnt, and their rows fitted; asked for twice.
        held_out: sentences that show what was learnt.
    """

    learning: Callable[[], Iterable[str]]
    held_out: Sequence[str]


@dataclass(frozen=True)
class Donor:
    """A model whose rows are transplanted.

    Attributes:
        folder: of the model.
        anchors: entries of both models, at most, that stand for a new one.
    """

    folder: Path
    anchors: int


class LearntEntry(BaseModel):
    """A new entry: as it is written, what it was cut into (texts and ids), and how often the text that it is from has
    it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    parts: tuple[str, ...]
    part_ids: tuple[int, ...]
    uses: int


class SegmentedText(SegmentationCounts):
    """How sentences that taught nothing are cut, before and after."""

    changed: int
    """Of the sentences, those that have a new entry."""


class ExtensionRecord(BaseModel):
    """What a model got, and what that changed; stands beside the model as extend.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    languages: tuple[str, ...]
    start: Begin
    entries_before: int
    entries_after: int
    first: int
    """The id of the first of `entries`; the others follow."""
    texts: tuple[SegmentedText, ...]
    distances: dict[str, dict[str, float]]
    """mean, and where rows are others also these (fitted, transplanted): language -> squared distance of hidden states
    of held-out sentences from those in the old segmentation, in percent of their squared length."""
    fitted_on: dict[str, int]
    """Language -> sentences that rows were fitted on."""
    transplanted: int | None = None
    """New entries that the donor has; the others' rows are means. None without a donor."""
    anchors: int | None = None
    """Entries that both models had."""
    entries: tuple[LearntEntry, ...]


def extend_model(
    source: str,
    texts: Mapping[str, ExtensionText],
    into: Path,
    amount: ExtensionSettings,
    *,
    start: Begin,
    fitting: FittingSettings,
    donor: Donor | None = None,
    checkpoints: CheckpointFolder | None = None,
    checkpoint_seconds: float = 60.0,
    watch: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> ExtensionRecord:
    """Gives a model vocabulary entries that the text of some languages needs, each with a row.

    The folder that is written loads with `from_pretrained` as the model did; text without new entries is cut and read
    as before. Beside the model stand `EXTENSION` and a model card.

    Args:
        source: a model folder, RUN/model, or a name on the hub.
        texts: language -> its text.
        into: made; what is there already is replaced.
        amount: how many entries.
        start: what a new row is: the mean of the rows of its parts; that, fitted (`RowFitting`); or, where a donor has
            the entry, what it is there, said by entries that both models have (`transplanted_rows`).
        fitting: how.
        donor: whose rows are transplanted.
        checkpoints: where a fitting is continued from and saved to.
        checkpoint_seconds: time between checkpoints.
        watch: told how far the fitting is.
        stop: asked after every update; when true, `Stopped` is raised, and the same call continues.

    Raises:
        InputError: the model or its tokenizer cannot be extended; no entry can be learnt; or a loss is not a number.
    """
    folder = find_or_fetch(source)
    check_trimmable(folder)
    tokenizer = load_tokenizer(folder)
    words = Counter[str]()
    for text in texts.values():
        words.update(count_words(tokenizer, text.learning()))
    extension = extend_tokenizer(tokenizer, words, amount)
    fitter = _Fitter(folder, tokenizer, extension, texts, fitting)
    distances = {"mean": fitter.distances()}
    rows, counts = None, dict[str, int]()
    if start == "fitted" and any(fitter.sentences.values()):
        rows = fitter.fit(checkpoints, checkpoint_seconds, watch, stop)
    if donor is not None:
        rows, counts = fitter.transplant(donor)
    if rows is not None:
        distances[start] = fitter.distances()
    with atomic_folder(into) as made:
        extend_weights(folder, extension.first, extension.parts, made, rows)
        write_tokenizer(extension.tokenizer, made)
        copy_modules(folder, made)
        record = ExtensionRecord(
            source=own_name(source),
            languages=tuple(texts),
            start=start,
            entries_before=len(tokenizer),
            entries_after=len(extension.tokenizer),
            first=extension.first,
            texts=tuple(segmented(tokenizer, extension, text.held_out, code) for code, text in texts.items()),
            distances=distances,
            fitted_on=fitter.sentences if start == "fitted" else {},
            **counts,
            entries=tuple(_entries(tokenizer, extension)),
        )
        write_json(made / EXTENSION, record.model_dump())
        write_text(made / CARD, _card(record))
    return record


def segmented(
    tokenizer: PreTrainedTokenizerFast, extension: Extension, lines: Sequence[str], language: str
) -> SegmentedText:
    """Cuts sentences with both tokenizers."""
    rows = cut_both(tokenizer, extension.tokenizer, lines)
    return SegmentedText(
        **count_cuts(language, lines, rows, (tokenizer, extension.tokenizer)),
        changed=sum(bool((after >= extension.first).any()) for _, after in rows),
    )


def extension_parts(folders: Sequence[Path]) -> tuple[int, list[tuple[int, ...]]]:
    """What new entries are in the vocabulary that was extended: the id of the first, and the old ids of each.

    Args:
        folders: of models that `extend_model` made; where there are several, each of the one before.
    """
    records = [ExtensionRecord.model_validate(read_json(folder / EXTENSION)) for folder in folders]
    first, parts = records[0].first, list[tuple[int, ...]]()
    for entry in chain.from_iterable(record.entries for record in records):
        old = ((number,) if number < first else parts[number - first] for number in entry.part_ids)
        parts.append(tuple(chain.from_iterable(old)))
    return first, parts


class _Fitter:
    """The rows of a model's new entries, and sentences to fit and to judge them on."""

    def __init__(
        self,
        folder: Path,
        tokenizer: PreTrainedTokenizerFast,
        extension: Extension,
        texts: Mapping[str, ExtensionText],
        settings: FittingSettings,
    ) -> None:
        longest = min(_LONGEST, tokenizer.model_max_length, longest_input(folder))

        def pairs(lines: Iterable[str], contexts: int, most: int) -> list[PairedSentence]:
            paired = pair_sentences(tokenizer, extension, lines, longest)
            return choose_contexts(paired, extension.first, contexts=contexts, most=most)

        self._settings, self._extension = settings, extension
        training = {code: pairs(text.learning(), settings.contexts, _FITTED_ON) for code, text in texts.items()}
        held_out = {code: pairs(text.held_out, FITTING_HELD_OUT, FITTING_HELD_OUT) for code, text in texts.items()}
        padding, seed = int(tokenizer.pad_token_id or 0), settings.seed
        self._task = RowFitting(training, held_out, padding=padding, sentences=settings.sentences, seed=seed)
        self.sentences = {code: len(each) for code, each in training.items()}
        with TemporaryDirectory() as means:
            extend_weights(folder, extension.first, extension.parts, Path(means))
            model = load_whole(Path(means)).requires_grad_(False)
        model.to(device())  # type: ignore[arg-type]
        table = cast(Tensor, model.get_input_embeddings().weight)
        rows = table[extension.first : extension.first + len(extension.parts)]
        self._table, self._rows = table, NewRows(model, extension.first, rows).to(device())

    def distances(self) -> dict[str, float]:
        """Language -> how far hidden states of held-out sentences are from those in the old segmentation."""
        validation = self._task.validate(self._rows)
        return {} if validation is None else dict(validation.scores)

    def transplant(self, donor: Donor) -> tuple[Tensor, dict[str, int]]:
        """The rows, float32 [new, width], with those of a donor in place of means; how many these are, and of what."""
        first, theirs = self._extension.first, load_whole(donor.folder).get_input_embeddings()
        pairs = shared_pieces(load_tokenizer(donor.folder), self._extension.tokenizer)
        anchors, new = pairs[pairs[:, 1] < first], pairs[pairs[:, 1] >= first]
        if not len(anchors):
            what, fix = "the donor has no entry that the model has", "take a donor whose tokenizer is more like it"
            raise InputError(what, where=donor.folder, fix=fix)
        rows = self._rows.rows
        made = transplanted_rows(
            cast(Tensor, theirs.weight).detach().cpu(), self._table.cpu(), anchors, new[:, 0], donor.anchors
        )
        with torch.no_grad():
            rows[torch.from_numpy(new[:, 1] - first)] = made.to(rows)
        return rows.detach().cpu(), {"transplanted": len(new), "anchors": len(anchors)}

    def fit(
        self,
        checkpoints: CheckpointFolder | None,
        checkpoint_seconds: float,
        watch: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> Tensor:
        """The rows when they are fitted, float32 [new, width]."""
        settings = self._settings
        trainer = Trainer(
            self._rows,
            self._task,
            settings.training(),
            updates=settings.updates,
            seed=settings.seed,
            checkpoints=checkpoints,
            checkpoint_seconds=checkpoint_seconds,
            watch=watch,
            stop=stop,
        )
        trainer.train()
        return self._rows.rows.detach().cpu()


def _entries(tokenizer: PreTrainedTokenizerFast, extension: Extension) -> Iterator[LearntEntry]:
    for place, parts in enumerate(extension.parts):
        yield LearntEntry(
            token=piece_text(extension.tokenizer, extension.first + place),
            parts=tuple(piece_text(tokenizer, part) for part in parts),
            part_ids=tuple(parts),
            uses=int(extension.uses[place]),
        )


def _card(record: ExtensionRecord) -> str:
    """The card in Markdown; its first lines are the hub's fields."""
    name = record.source.replace("`", "'").replace("\n", " ")
    rows = {
        "mean": "the mean of the rows of its parts",
        "fitted": "fitted so that hidden states stay (extend.json)",
        "transplanted": "what it is in a model that has it, said by entries that both have, or a mean (extend.json)",
    }
    head = "| language | sentences | with new entries | tokens a word |\n|---|---:|---:|---:|"
    lines = [
        f"| {text.language} | {text.sentences:,} | {text.changed:,} | {text.fertilities[0]:.2f} to "
        f"{text.fertilities[1]:.2f} |"
        for text in record.texts
    ]
    parts = [
        card_head({"language": card_languages(record.languages), "tags": ["extended"]}).rstrip(),
        f"# `{name}` with more entries for {', '.join(record.languages)}",
        f"The weights are those of `{name}`, and {record.entries_after - record.entries_before:,} rows for new "
        f"vocabulary entries, each {rows[record.start]}. Text without new entries is cut and read as before. Its "
        "licence is that model's. On sentences from which nothing was learnt, before and after:",
        "\n".join([head, *lines]),
        f"`{EXTENSION}` has every number and every new entry.",
    ]
    return "\n\n".join(parts) + "\n"

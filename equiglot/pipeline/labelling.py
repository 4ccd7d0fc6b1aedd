"""What the jobs around stored labels do: agreement of tokenizers, labels, losses by sentence; and likelihood."""

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from equiglot.corpus import read_sentences
from equiglot.errors import InputError
from equiglot.evaluation import measure_words, sentence_losses, spread, write_bits
from equiglot.labels import StoreSettings, label_text, open_store
from equiglot.masking import Source, hash_name, hash_words
from equiglot.models import open_model
from equiglot.pipeline.graph import training_text
from equiglot.pipeline.hooks import Hooks
from equiglot.pipeline.merged import counting_loss
from equiglot.pipeline.progress import Tell
from equiglot.pipeline.sources import AGREEMENT, LOSSES, check_mixtures, label_facts, label_masks_seed
from equiglot.pipeline.stores import all_stores
from equiglot.recipe import Recipe
from equiglot.report import StoredText, doubtful
from equiglot.run import RunDirectory, atomic_folder, move_folder, write_json
from equiglot.training import Stopped
from equiglot.vocabulary import agreement, load_tokenizer, map_path, open_tokens, pieces_of, read_map

BITS = "bits.safetensors"
"""In the folder of a model's likelihood."""
_LOOKED_AT = 200  # sequences of a text, from all over it, before it is labelled


def make_agreement(run: RunDirectory, recipe: Recipe, subject: str) -> None:
    """How often the run's tokenizer cuts a sentence as another does."""
    language, _, owner = subject.partition(".")
    mapping = read_map(map_path(run.vocabulary, owner))
    student = pieces_of(load_tokenizer(run.vocabulary))
    found = agreement(run.tokens(language) / "train", run.tokens(language, owner) / "train", mapping, student)
    with atomic_folder(run.agreement(subject)) as folder:
        np.save(folder / AGREEMENT, found.sentences, allow_pickle=False)
        write_json(folder / "agreement.json", found.summary())


def look_first(
    run: RunDirectory, recipe: Recipe, language: str, teacher: str, unknown: float, remark: Callable[[str], None]
) -> None:
    """Says where a teacher does not know the language of its text, as soon as that is cut: labels may take hours.

    Args:
        run: the run.
        recipe: its recipe.
        language: of the text.
        teacher: a model that is there already; those that are trained here know their text.
        unknown: share of the text's tokens that are unknown to it.
        remark: told what there is to say.
    """
    stores = [each for each in all_stores(recipe) if (each.teacher, each.language) == (teacher, language)]
    if all(store.labels.unused for store in stores):
        return
    opened, text = open_model(teacher, str(run.model(teacher))), open_tokens(run.tokens(language, teacher) / "train")
    some = np.unique(np.linspace(0, len(text) - 1, min(_LOOKED_AT, len(text))).astype(np.int64))
    masks = recipe.masking, label_masks_seed(recipe)
    source = Source(language, text, opened.framing.alphabet, *masks, sequences=some)
    with TemporaryDirectory() as folder:
        into = Path(folder) / "labels"
        label_text(opened.model, source, opened.framing, StoreSettings(k=1), {}, into, shard_tokens=len(text.ids) + 1)
        about = open_store(into).statistics
    seen = StoredText(
        teacher=teacher,
        language=language,
        k=1,
        positions=about.positions,
        size=0,
        unknown=unknown,
        loss=about.loss / about.positions if about.positions else None,
        counting=counting_loss(text),
    )
    for doubt in doubtful([seen]):
        remark(doubt)


def make_labels(run: RunDirectory, recipe: Recipe, subject: str, checkpoints: Path, hooks: Hooks) -> None:
    """What a teacher says about a language's training text; continues at the shard."""
    store = next(each for each in all_stores(recipe) if each.subject == subject)
    check_mixtures(run, recipe, store)
    opened, tell = open_model(store.teacher, str(run.model(store.teacher))), hooks.counter()
    source = Source(
        store.language,
        open_tokens(run.tokens(store.language, store.owner) / "train"),
        opened.framing.alphabet,
        recipe.masking,
        label_masks_seed(recipe),
        draws=store.labels.draws,
    )
    settings = StoreSettings(**store.labels.model_dump(include=set(StoreSettings.model_fields)))
    facts = label_facts(run, recipe, store)
    _take_up(run.labels(subject), checkpoints, settings, facts)
    finished = label_text(
        opened.model,
        source,
        opened.framing,
        settings,
        facts,
        checkpoints,
        tell=tell,
        stop=hooks.stop,
    )
    if not finished:
        raise Stopped
    move_folder(checkpoints, run.labels(subject))


def _take_up(finished: Path, checkpoints: Path, settings: StoreSettings, facts: Mapping[str, Any]) -> None:
    """Goes on with the same labels where the job was killed after they were finished, and before it was recorded."""
    if checkpoints.exists() or not finished.exists():
        return
    try:
        manifest = open_store(finished).manifest
    except InputError:  # a part of it is gone: it is made again
        return
    if manifest.settings == settings and manifest.facts == facts:
        move_folder(finished, checkpoints)


def make_losses(run: RunDirectory, recipe: Recipe, subject: str, tell: Tell) -> None:
    """A teacher's loss on each sentence of a language's training text."""
    store = next(each for each in all_stores(recipe) if each.losses == subject)
    opened = open_model(store.teacher, str(run.model(store.teacher)))
    losses = sentence_losses(
        opened,
        training_text(run, recipe, store.language),
        how="words" if store.labels.copies == "best" else "tokens",
        seed=int(hash_words(recipe.seed, hash_name(f"losses/{store.language}"))[0]) >> 1,
        tell=lambda sentences: tell("scoring", sentences),
    )
    with atomic_folder(run.losses(subject)) as folder:
        np.save(folder / LOSSES, losses, allow_pickle=False)


def make_likelihood(run: RunDirectory, recipe: Recipe, name: str, tell: Tell) -> None:
    """Bits of each test sentence under a model, in each of its languages."""
    assert recipe.likelihood is not None
    opened, measured = open_model(name, str(run.model(name))), {}
    for language in recipe.plans()[name].languages:
        sentences = list(chain.from_iterable(read_sentences(run.corpus(language) / "test.arrow")))
        measured[language] = measure_words(opened, spread(sentences, recipe.likelihood.sentences))
        tell("scoring", measured[language].count)
    with atomic_folder(run.likelihood(name)) as folder:
        write_bits(folder / BITS, measured)

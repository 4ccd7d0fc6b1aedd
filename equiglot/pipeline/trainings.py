"""What the job of a model does: it trains it, or takes it from where it is."""

import shutil
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from equiglot.labels import OnlineTeachers, SoftLabels, StoredTeachers, freeze
from equiglot.masking import BatchStream, framing_of
from equiglot.models import build_model, device, export_model, load_model, on_device, take_model
from equiglot.pipeline.events import EventWriter
from equiglot.pipeline.graph import foreign_model
from equiglot.pipeline.hooks import Hooks
from equiglot.pipeline.sources import Material, material_of, randomness, tokenizer_folder
from equiglot.recipe import ModelPlan, Recipe
from equiglot.run import RunDirectory, atomic_folder, write_json
from equiglot.training import CheckpointFolder, LabelSource, Reading, Trainer, plan_reading
from equiglot.vocabulary import check_same_vocabulary, load_tokenizer, open_tokens


def make_model(run: RunDirectory, recipe: Recipe, name: str, checkpoints: Path, hooks: Hooks) -> None:
    """One model: trained, or taken from where it is."""
    plan = recipe.plans()[name]
    if plan.existing is not None:
        with foreign_model(plan):
            take_model(plan.existing, run.model(name))
        return
    tokenizer = load_tokenizer(tokenizer_folder(run, recipe, plan.owner))
    framing, seed = framing_of(tokenizer), randomness(recipe, plan)
    material = material_of(run, recipe, plan)
    reading = plan_reading(material.sources, plan.balance, plan.training, framing=framing, seed=seed)
    if plan.encoder.folder is not None:
        check_same_vocabulary(Path(plan.encoder.folder), tokenizer)
    model = on_device(build_model(plan.encoder, len(tokenizer), padding=framing.padding, seed=seed))
    if not checkpoints.exists():  # from the start: the curves of an earlier recipe are not its own
        shutil.rmtree(run.events(plan.name), ignore_errors=True)
    with EventWriter(run.events(plan.name)) as events:
        trainer = Trainer(
            model,
            reading.stream,
            reading.updates,
            objective=plan.labels.objective,
            labels=_labels(run, plan, reading.stream, material),
            settings=plan.training,
            validation={code: open_tokens(run.tokens(code, plan.owner) / "valid") for code in plan.languages},
            framing=framing,
            seed=seed,
            checkpoints=CheckpointFolder(checkpoints),
            checkpoint_seconds=hooks.checkpoint_seconds,
            watch=hooks.progress,
            record=events.add,
            stop=hooks.stop,
        )
        record = trainer.train()
    with atomic_folder(run.model(plan.name)) as folder:
        export_model(model.cpu(), tokenizer, folder)
        write_json(folder / "training.json", _about(record.model_dump(mode="json"), model.num_parameters(), reading))
        save_file(trainer.reciprocal_ranks(), folder / "validation.safetensors")


def _about(record: dict[str, Any], parameters: int, reading: Reading) -> dict[str, Any]:
    portions = {
        language: {
            "characters": reading.characters[language],
            "tokens": reading.tokens[language],
            "passes": record["sequences"][language] / reading.sequences[language],
            "updates": record["updates_made"] * record["tokens"][language] / max(1, sum(record["tokens"].values())),
        }
        for language in reading.characters
    }
    return {**record, "parameters": parameters, "portions": portions}


def _labels(run: RunDirectory, plan: ModelPlan, stream: BatchStream, material: Material) -> LabelSource | None:
    """What the teachers say: read from their stores, or asked while the student trains; None for the masked words."""
    if isinstance(plan.labels, SoftLabels):
        loaded = {name: freeze(load_model(run.model(name)), device()) for name in plan.all_teachers}
        teachers = {language: loaded[names[0]] for language, names in plan.teachers().items()}
        return OnlineTeachers(teachers, stream, device())
    taught = {
        place: material.taught[source.name]
        for place, source in enumerate(stream.sources)
        if source.name in material.taught
    }
    return StoredTeachers(taught, stream, plan.labels.objective, device()) if taught else None

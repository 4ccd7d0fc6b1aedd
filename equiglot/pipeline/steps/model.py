"""A model: trained, or taken from where it is."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save_file

from equiglot import labels, models, revising, training, vocabulary
from equiglot.errors import InputError
from equiglot.files import atomic_folder, write_json
from equiglot.labels import Parts, SoftLabels
from equiglot.masking import BatchStream, special_tokens_of
from equiglot.models import Part
from equiglot.outputs import check_model, output_checksums
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import FLOAT_BYTES, PROCESS, Cost, Meter, Resources
from equiglot.pipeline.steps.events import EventWriter
from equiglot.pipeline.steps.material import Material, material_of, randomness
from equiglot.pipeline.steps.memory import longest_batch, training_memory
from equiglot.pipeline.steps.ranks import training_ranks
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.stores import stores_of
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import ModelPlan, Start, check_width
from equiglot.run import RunDirectory, tokens_of
from equiglot.training import CheckpointFolder, DataPlan, plan_data
from equiglot.vocabulary import open_tokens

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_ELSEWHERE = {"existing", "trim", "extend", "fresh", "tokens", "own_vocabulary", "start"}
"""What of a plan a trained model does not depend on, or in another way."""


@dataclass(frozen=True)
class Model(Step):
    """The model of `plan`."""

    kind = "model"
    folder = staticmethod(RunDirectory.model)
    source_name = "the model folder"
    source_change = "the model itself"
    plan: ModelPlan

    @property
    def subject(self) -> str:
        """The model."""
        return self.plan.name

    @property
    @abstractmethod
    def place(self) -> str | None:
        """Where it, or the weights that it starts from, are taken from."""

    @property
    def reads_outside(self) -> bool:
        """Whether anything is taken from there."""
        return self.place is not None

    def cost(self, meter: Meter) -> Cost:
        """The disk of one that is not trained; it is in memory, and what it is made from."""
        size = FLOAT_BYTES * meter.parameters(self.plan.name)
        before = FLOAT_BYTES * sum(map(meter.parameters, self.plan.made_from))
        return Cost(disk=size, memory=PROCESS + size + before)


@dataclass(frozen=True)
class TakenModel(Model):
    """A model that is there already: its weights and tokenizer count, not their place."""

    @property
    def place(self) -> str | None:
        """A folder, or a name on the Hub."""
        return self.plan.existing

    def source(self) -> Any:
        """What the model is."""
        assert self.plan.existing is not None
        with foreign_model(self.plan):
            return models.model_identity(self.plan.existing)

    def source_made(self, outputs: Mapping[str, str]) -> Any:
        """It is copied as it is: what was copied is what counts, its place may be a hub."""
        return dict(outputs)

    def run(self, context: Context) -> None:
        """Copies it."""
        assert self.plan.existing is not None
        with foreign_model(self.plan):
            models.copy_checkpoint(self.plan.existing, context.output)


@dataclass(frozen=True)
class TrainedModel(Model):
    """A model that is trained."""

    version = 5
    continues = True

    @property
    def inputs(self) -> dict[str, Any]:
        """All of its settings, the name too; of weights that it starts from not the place."""
        exclude: dict[str, Any] = {**dict.fromkeys(_ELSEWHERE, True), "training": {"devices"}}
        inputs = {
            **self.plan.model_dump(mode="json", exclude=exclude),
            "masking": self.recipe.masking.model_dump(mode="json"),
            "seed": self.recipe.seed,
        }
        inputs["labels"].pop("parts", None)
        if isinstance(self.plan.labels, SoftLabels) and self.plan.labels.compares_states:
            inputs["inside"] = "means over tokens"  # before, their weight depended on the rate of masking
        if inputs["balance"].get("passes", 0) is None:  # as before there was such a bound
            del inputs["balance"]["passes"]
        if self.plan.start is not None:
            elsewhere = {"model", "folder"} | ({"fit"} if self.plan.start.fit is None else set())
            elsewhere |= {"precision"} if self.plan.start.precision == "fp32" else set()
            inputs |= {"encoder": None, "start": self.plan.start.model_dump(mode="json", exclude=elsewhere)}
        return inputs

    @property
    def needs(self) -> tuple[str, ...]:
        """Its text, the model that it starts from, and its teachers or their labels."""
        needs = [f"tokens/{tokens_of(language, self.plan.owner)}" for language in self.plan.languages]
        needs += [] if self.plan.starts_from is None else [f"model/{self.plan.starts_from}"]
        if isinstance(self.plan.labels, SoftLabels):
            needs += [f"model/{name}" for name in self.plan.all_teachers]
            needs += [f"model/{each}" for name in self.plan.all_teachers for each in self._extended_from(name)]
        for store in stores_of(self.recipe, self.plan):
            cut = tokens_of(store.language, store.owner)
            needs.append(f"tokens/{cut}")
            if store.owner != self.plan.owner:
                trimmed = self.recipe.trimmed_from(self.plan.owner, store.owner)
                needs.append(f"model/{self.plan.owner}" if trimmed else f"agreement/{cut}")
            needs += [f"losses/{store.losses}"] if store.losses is not None else []
            needs += [] if store.labels.unused else [f"labels/{store.subject}"]
        return tuple(dict.fromkeys(needs))

    def _extended_from(self, teacher: str) -> tuple[str, ...]:
        """The models by which a teacher's vocabulary became its own."""
        return self.recipe.extended_from(self.plan.owner, self.recipe.plans()[teacher].owner)

    @property
    def place(self) -> str | None:
        """The folder of the weights that it starts from, if that is no model of the recipe."""
        return self.plan.start.folder if self.plan.start is not None else None

    def source(self) -> Any:
        """What those weights are; None where there are none."""
        if self.place is None:
            return None
        folder, field = Path(self.place), f"models.{self.plan.name}.from.folder"
        if not folder.is_dir():
            raise InputError("there is no such model folder", where=f"{folder} ({field})", fix="correct the path")
        check_model(folder)
        return output_checksums(folder)

    def cost(self, meter: Meter) -> Cost:
        """The time of its training, and its memory; the disk of what is trained is told with all checkpoints."""
        plan, batch = self.plan, self.plan.training.batch
        seconds, asks = meter.training_seconds(plan.name), isinstance(plan.labels, SoftLabels)
        texts = [meter.text(language, plan.owner) for language in plan.languages]
        tokens = batch.tokens or max(longest_batch(text, batch.sentences or 1) for text in texts)
        memory = training_memory(
            meter.reader(plan.name),
            meter.parameters(plan.name),
            tokens,
            masked=tokens * self.recipe.masking.rate,
            teachers=sum(map(meter.parameters, plan.all_teachers)) if asks else 0,
            taught=asks,
        )
        return Cost(seconds=seconds, memory=memory)

    @property
    def resources(self) -> Resources:
        """Its ranks."""
        return Resources(processes=self.plan.training.devices, gpu=True)

    def run(self, context: Context) -> None:
        """Trains it; continues at the checkpoint."""
        with training_ranks(self.recipe, self.plan.name, context, self.plan.training.devices) as ranks:
            self.train(context, ranks)

    def train(self, context: Context, ranks: training.Ranks) -> None:
        """The part of one of the processes that train it; the first writes what comes of it."""
        run, recipe, plan, checkpoints = context.run, self.recipe, self.plan, context.checkpoints
        tokenizer = vocabulary.load_tokenizer(tokenizer_folder(run, recipe, plan.owner))
        special, seed = special_tokens_of(tokenizer), randomness(recipe, plan)
        material = material_of(run, recipe, plan)
        data = plan_data(material.sources, plan.balance, plan.training, special=special, seed=seed)
        fitted = self._fitted(run, tokenizer)
        model = models.on_device(self._initial(run, tokenizer, seed, None if fitted is None else fitted.part))
        with foreign_model(self.plan, "training.frozen"):
            models.freeze_parts(model, plan.training.frozen)
        if ranks.first and not checkpoints.exists():  # from the start: the curves of an earlier recipe are not its own
            shutil.rmtree(run.events(plan.name), ignore_errors=True)
        task = training.MaskedLM(
            data.stream,
            special=special,
            validation={code: open_tokens(run.tokens(code, plan.owner) / "valid") for code in plan.languages},
            sequences=plan.training.validation_sequences,
            objective=plan.labels.objective,
            labels=self._labels(run, data.stream, material, model.config, special.mask),
            best_by=plan.training.best_by,
            ranks=ranks,
        )
        with EventWriter(run.events(plan.name), task.metric) if ranks.first else nullcontext() as events:
            trainer = training.Trainer(
                model,
                task,
                plan.training,
                updates=data.updates,
                seed=seed,
                checkpoints=CheckpointFolder(checkpoints),
                checkpoint_seconds=context.checkpoint_seconds,
                watch=context.progress,
                record=events.add if events else lambda point: None,
                remark=context.remark,
                stop=context.stop,
                ranks=ranks,
            )
            record = trainer.train()
        if not ranks.first:
            return
        with atomic_folder(context.output) as folder:
            models.export_model(model.cpu(), tokenizer, folder)
            about = _about(record.model_dump(mode="json"), model.num_parameters(), data)
            about |= {} if fitted is None else {"fit": _choice(fitted)}
            write_json(folder / "training.json", about)
            save_file(trainer.by_sequence(), folder / "validation.safetensors")

    def _fitted(self, run: RunDirectory, tokenizer: PreTrainedTokenizerFast) -> models.FittedPart | None:
        """The layers that it has, where a size decides them."""
        start = self.plan.start
        if start is None or start.fit is None:
            return None
        where = f"models.{self.plan.name}.from.fit"
        return models.fit_layers(
            start_folder(run, start), start, beside=vocabulary.tokenizer_bytes(tokenizer), where=where
        )

    def _labels(
        self, run: RunDirectory, stream: BatchStream, material: Material, student: PretrainedConfig, mask: int
    ) -> training.LabelSource | None:
        """What the teachers say: read from their stores, or asked while the student trains; None for the masked
        words."""
        plan, objective = self.plan, self.plan.labels.objective
        if not isinstance(plan.labels, SoftLabels):
            taught = {
                place: material.taught[source.name]
                for place, source in enumerate(stream.sources)
                if source.name in material.taught
            }
            if not taught:
                return None
            return labels.StoredTeachers(taught, stream, objective, student.vocab_size, models.device())
        loaded = {
            name: labels.freeze(models.load_model(run.model(name)), models.device()) for name in plan.all_teachers
        }
        for name, teacher in loaded.items():
            check_width(plan, name, student.hidden_size, student.num_attention_heads, teacher.config.hidden_size)
        parts = {name: self._parts(run, name, mask) for name in loaded}
        named = {language: names[0] for language, names in plan.teachers().items()}
        return labels.OnlineTeachers(
            {language: loaded[name] for language, name in named.items()},
            stream,
            models.device(),
            objective=objective,
            student=student,
            parts={language: known for language, name in named.items() if (known := parts[name])},
        )

    def _parts(self, run: RunDirectory, name: str, mask: int) -> Parts | None:
        """What its entries are to a teacher whose vocabulary was extended for it."""
        extended = self._extended_from(name)
        if not extended:
            return None
        first, ids = revising.extension_parts([run.model(each) for each in extended])
        return Parts(ids, first, mask, models.longest_input(run.model(name)))

    def _initial(
        self, run: RunDirectory, tokenizer: PreTrainedTokenizerFast, seed: int, part: Part | None
    ) -> PreTrainedModel:
        """The model before its training: random weights, or those that it starts from; `part` where a size decides."""
        start, encoder, entries = self.plan.start, self.plan.encoder, vocabulary.id_count(tokenizer)
        if start is None:
            assert encoder is not None
            return models.build_model(encoder, entries, padding=special_tokens_of(tokenizer).padding, seed=seed)
        folder = start_folder(run, start)
        with foreign_model(self.plan, "from"):
            vocabulary.check_same_vocabulary(folder, tokenizer)
            longest = self.recipe.encoder.max_length
            return models.start_from(folder, part or start, vocabulary_size=entries, max_length=longest)


def start_folder(run: RunDirectory, start: Start) -> Path:
    """Where the weights are that a model starts from."""
    return run.model(start.model) if start.model is not None else Path(start.folder or "")


def _choice(fitted: models.FittedPart) -> dict[str, Any]:
    """What a size decided, for training.json."""
    return {
        "bytes": fitted.budget,
        "precision": fitted.precision,
        "needed": fitted.needed,
        "layers": list(fitted.layers),
        "of": fitted.of,
        "entries": fitted.entries,
    }


@contextmanager
def foreign_model(plan: ModelPlan, field: str = "existing") -> Iterator[None]:
    """Names the field that says where a model is taken from, where an error names only the place."""
    try:
        yield
    except InputError as error:
        where = f"{error.where or plan.existing} (models.{plan.name}.{field})"
        raise InputError(error.what, where=where, fix=error.fix) from None


def _about(record: dict[str, Any], parameters: int, data: DataPlan) -> dict[str, Any]:
    portions = {
        language: {
            "characters": data.characters[language],
            "tokens": data.tokens[language],
            "passes": record["sequences"][language] / data.sequences[language],
            "updates": record["updates_made"] * record["tokens"][language] / max(1, sum(record["tokens"].values())),
        }
        for language in data.characters
    }
    return {**record, "parameters": parameters, "portions": portions}

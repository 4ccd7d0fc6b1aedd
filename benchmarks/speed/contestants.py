"""The contestants: each trains for some seconds and says how many real tokens it read in a second.

python -m benchmarks.speed.contestants NAME MODEL RUN SECONDS THREADS    prints one line of JSON
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.speed.data import MODELS, SENTENCES, Prepared, load
from equiglot.labels import OnlineTeachers, SoftLabels, freeze
from equiglot.models import build_model, load_model
from equiglot.pipeline.execution.workers import prepare_process
from equiglot.run import RunDirectory
from equiglot.training import MaskedLM, Progress, TrainingSettings
from equiglot.training import Trainer as OurTrainer
from equiglot.vocabulary import load_tokenizer

DROPOUT = 0.1
CPU = torch.device("cpu")


class Clock:
    """Counts tokens from `warm` seconds after the first update until `seconds` later."""

    def __init__(self, seconds: float) -> None:
        self._warm, self._seconds = seconds / 2, seconds
        self._begun: float | None = None
        self._from: float | None = None
        self.tokens, self.elapsed = 0, 0.0

    def update(self, tokens: int, *, border: bool = True) -> bool:
        """An update of so many tokens was made; true when the time is over.

        The measured time begins and ends at a `border`: teachers that read many batches ahead must have whole portions.
        """
        now = time.perf_counter()
        self._begun = self._begun or now
        if self._from is None:
            self._from = now if border and now - self._begun >= self._warm else None
            return False
        self.tokens += tokens
        self.elapsed = now - self._from
        return border and self.elapsed >= self._seconds


def fresh_model(name: str, prepared: Prepared, dropout: float) -> PreTrainedModel:
    settings = MODELS[name].model_copy(update={"dropout": dropout})
    return build_model(settings, prepared.size, padding=prepared.special.padding, seed=0)


def teachers_of(run: RunDirectory, prepared: Prepared) -> dict[str, PreTrainedModel]:
    return {language: freeze(load_model(run.model(f"mono-{language}")), CPU) for language in prepared.texts}


def equiglot(run: RunDirectory, name: str, clock: Clock, *, dropout: float, distil: bool = False) -> None:
    """Equiglot's own loop, as a run calls it."""
    prepared = load(run)
    stream, read = prepared.stream(), 0
    labels = OnlineTeachers(teachers_of(run, prepared), stream, CPU) if distil else None
    objective = SoftLabels(teachers="").objective if distil else None
    over = False

    def watch(progress: Progress) -> None:
        nonlocal read, over
        over = clock.update(progress.tokens - read, border=progress.update % stream.pool_batches == 0)
        read = progress.tokens

    trainer = OurTrainer(
        fresh_model(name, prepared, dropout),
        MaskedLM(stream, special=prepared.special, validation={}, objective=objective, labels=labels),
        TrainingSettings(validations=1),
        updates=1_000_000,
        seed=0,
        watch=watch,
        stop=lambda: over,
    )
    try:
        trainer.train()
    except Exception:
        if not over:
            raise


class _CountingCollator(DataCollatorForLanguageModeling):
    counted = 0

    def torch_call(self, examples: list[Any]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        type(self).counted += int(batch["attention_mask"].sum())
        return dict(batch)


def transformers_trainer(
    run: RunDirectory, name: str, clock: Clock, *, dropout: float, attention: str | None = None, **options: Any
) -> None:
    """`transformers.Trainer` with its own collator, line by line, padded to the longest of the batch."""
    prepared = load(run)
    collator = _CountingCollator(load_tokenizer(run.vocabulary), mlm_probability=0.15)
    read = 0

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            nonlocal read
            control.should_training_stop = clock.update(collator.counted - read)
            read = collator.counted

    examples = [{"input_ids": ids.tolist()} for ids in prepared.sequences()]
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=SENTENCES,
        max_steps=1_000_000,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        **options,
    )
    model = fresh_model(name, prepared, dropout)
    if attention is not None:
        model.set_attn_implementation(attention)
    Trainer(model, arguments, data_collator=collator, train_dataset=examples, callbacks=[Watch()]).train()


def plain_distillation(run: RunDirectory, name: str, clock: Clock) -> None:
    """The loop that one writes first: random batches, padded; each row read by the teacher of its language; logits
    for every token, the loss at the masked ones; fp32, AdamW."""
    prepared = load(run)
    student = fresh_model(name, prepared, DROPOUT).train()
    teachers = list(teachers_of(run, prepared).values())
    optimiser = torch.optim.AdamW(student.parameters(), lr=5e-5)
    collator = DataCollatorForLanguageModeling(load_tokenizer(run.vocabulary), mlm_probability=0.15)
    for rows, languages in _random_rows(prepared):
        batch = collator([{"input_ids": ids.tolist()} for ids in rows])
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        chosen = batch["labels"] != -100
        wanted = torch.empty(*batch["labels"].shape, prepared.size)
        with torch.no_grad():
            for number, teacher in enumerate(teachers):
                here = languages == number
                if here.any():
                    wanted[here] = teacher(**{key: value[here] for key, value in inputs.items()}).logits
        loss = _divergence(student(**inputs).logits[chosen], wanted[chosen])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        if clock.update(int(inputs["attention_mask"].sum())):
            return


def _divergence(logits: Tensor, wanted: Tensor) -> Tensor:
    return functional.kl_div(logits.log_softmax(-1), wanted.softmax(-1), reduction="batchmean")


def _random_rows(prepared: Prepared) -> Iterator[tuple[list[np.ndarray], Tensor]]:
    sequences = prepared.sequences()
    languages = np.repeat(np.arange(len(prepared.texts)), [len(text) for text in prepared.texts.values()])
    generator = np.random.default_rng(0)
    while True:
        order = generator.permutation(len(sequences))
        for begin in range(0, len(order) - SENTENCES + 1, SENTENCES):
            chosen = order[begin : begin + SENTENCES]
            yield [sequences[i] for i in chosen], torch.from_numpy(languages[chosen])


# PyTorch's own attention is slow backward in bf16 on a CPU: eager attention is the faster one.
BEST = {"bf16": True, "train_sampling_strategy": "group_by_length", "attention": "eager"}
CONTESTANTS: dict[str, Callable[[RunDirectory, str, Clock], None]] = {
    "ours": lambda *given: equiglot(*given, dropout=DROPOUT),
    "ours, no dropout": lambda *given: equiglot(*given, dropout=0.0),
    "trainer": lambda *given: transformers_trainer(*given, dropout=DROPOUT),
    "trainer at its best": lambda *given: transformers_trainer(*given, dropout=0.0, **BEST),
    "ours, distilling": lambda *given: equiglot(*given, dropout=DROPOUT, distil=True),
    "plain distillation": plain_distillation,
}


def main() -> None:
    name, model, run, seconds, threads = sys.argv[1:]
    prepare_process(int(threads))
    clock = Clock(float(seconds))
    CONTESTANTS[name](RunDirectory(Path(run)), model, clock)
    print(json.dumps({"tokens_per_second": clock.tokens / clock.elapsed}))


if __name__ == "__main__":
    main()

"""The contestants: each trains, or labels, for some seconds and says how many real tokens it read in a second.

python -m benchmarks.speed.contestants NAME MODEL RUN SECONDS THREADS DEVICE    prints one line of JSON

RUN is the folder that the sample was prepared in, or - for made-up text.
"""

import copy
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    AutoModelForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.speed.data import Prepared, load
from equiglot.labels import OnlineTeachers, SoftLabels, StoreSettings, freeze, label_text
from equiglot.models import build_model, load_model, move_model
from equiglot.pipeline.execution.workers import prepare_process
from equiglot.run import RunDirectory
from equiglot.training import MaskedLM, Progress, Stopped, TrainingSettings
from equiglot.training import Trainer as OurTrainer
from equiglot.training.optimiser import choose_precision

DROPOUT = 0.1
RATE = 0.15  # of the positions are masked
LABELS = 8  # words kept at each of them
_WARM = 20  # updates at least: kernels are chosen, or compiled, in the first


class Clock:
    """Counts tokens from half of `seconds` after the first update until `seconds` later.

    A card works on while the program goes on: it is waited for where the time begins and ends, and nowhere else.
    """

    def __init__(self, seconds: float, device: torch.device) -> None:
        self.seconds, self._device = seconds, device
        self._begun: float | None = None
        self._from: float | None = None
        self._updates = 0
        self.tokens: Tensor | int = 0
        self.elapsed = 0.0

    def update(self, tokens: Tensor | int, *, border: bool = True) -> bool:
        """An update of so many tokens was made; true when the time is over.

        The measured time begins and ends at a `border`: teachers that read many batches ahead must have whole portions.
        """
        now = time.perf_counter()
        self._begun = self._begun or now
        self._updates += 1
        if self._from is None:
            if border and now - self._begun >= self.seconds / 2 and self._updates >= _WARM:
                self._from = self._now()
            return False
        self.tokens = self.tokens + tokens
        over = border and now - self._from >= self.seconds
        if over:
            self.elapsed = self._now() - self._from
        return over

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


@dataclass(frozen=True)
class Contest:
    """What all contestants are given."""

    prepared: Prepared
    run: RunDirectory | None
    clock: Clock
    device: torch.device
    threads: int

    def ours(self, dropout: float) -> PreTrainedModel:
        """The model as Equiglot builds it."""
        settings = self.prepared.model.encoder.model_copy(update={"dropout": dropout})
        made = build_model(settings, self.prepared.size, padding=self.prepared.special.padding, seed=0)
        return move_model(made, self.device)

    def stock(self, dropout: float, attention: str = "sdpa") -> PreTrainedModel:
        """The model as transformers builds it."""
        config = self.ours(dropout).config
        return AutoModelForMaskedLM.from_config(config, attn_implementation=attention).to(self.device)

    def teachers(self) -> dict[str, PreTrainedModel]:
        """One for each language: those of the run, or of made-up text's, equal ones."""
        if self.run is not None:
            loaded = {code: load_model(self.run.model(f"mono-{code}")) for code in self.prepared.texts}
            return {code: freeze(model, self.device) for code, model in loaded.items()}
        one = freeze(self.stock(0.0), self.device)
        return {code: copy.deepcopy(one) for code in self.prepared.texts}


def equiglot(contest: Contest, *, dropout: float, distil: bool = False, compiled: bool = False) -> None:
    """Equiglot's own loop, as a run calls it."""
    prepared, stream, read = contest.prepared, contest.prepared.stream(), 0
    labels = OnlineTeachers(contest.teachers(), stream, contest.device) if distil else None
    objective = SoftLabels(teachers="").objective if distil else None
    model = contest.ours(dropout)
    if compiled:
        model.base_model.compile(dynamic=True)
    over = False

    def watch(progress: Progress) -> None:
        nonlocal read, over
        over = contest.clock.update(progress.tokens - read, border=progress.update % stream.pool_batches == 0)
        read = progress.tokens

    trainer = OurTrainer(
        model,
        MaskedLM(stream, special=prepared.special, validation={}, objective=objective, labels=labels),
        TrainingSettings(validations=1),
        updates=1_000_000,
        seed=0,
        watch=watch,
        stop=lambda: over,
    )
    try:
        trainer.train()
    except Stopped:
        return


class _CountingTrainer(Trainer):
    """Counts the tokens that it has read, on the device: nothing is waited for."""

    counted: Tensor | int = 0

    def training_step(self, model: Any, inputs: dict[str, Any], *others: Any, **options: Any) -> Tensor:
        self.counted = self.counted + inputs["attention_mask"].sum()
        return super().training_step(model, inputs, *others, **options)


def transformers_trainer(
    contest: Contest, *, dropout: float, attention: str = "sdpa", multiple: int | None = None, **options: Any
) -> None:
    """`transformers.Trainer` with its own collator, line by line, padded to the longest of the batch."""
    prepared, read = contest.prepared, 0
    collator = DataCollatorForLanguageModeling(prepared.tokenizer, mlm_probability=RATE, pad_to_multiple_of=multiple)

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            nonlocal read
            control.should_training_stop = contest.clock.update(trainer.counted - read)
            read = trainer.counted

    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=prepared.model.batch,
        max_steps=1_000_000,
        use_cpu=contest.device.type == "cpu",
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        **options,
    )
    model = contest.stock(dropout, attention)
    trainer = _CountingTrainer(
        model,
        arguments,
        data_collator=collator,
        train_dataset=[_example(ids) for ids in prepared.sequences()],
        callbacks=[Watch()],
    )
    trainer.train()


def _example(ids: np.ndarray) -> dict[str, list[int]]:
    """A sequence as `run_mlm.py` stores it: with 1 at [CLS] and [SEP], which are not masked."""
    return {"input_ids": ids.tolist(), "special_tokens_mask": [1, *[0] * (len(ids) - 2), 1]}


def best_of_trainer(contest: Contest, *, compiled: bool = False) -> None:
    """With all that makes it quick on the device, and changes nothing that is learnt."""
    # In bf16 the backward pass of PyTorch's own attention is slow on a CPU, in fp32 eager attention is as fast.
    options: dict[str, Any] = {"attention": "eager"}
    if contest.device.type == "cuda":
        options = {
            "multiple": 8,
            "dataloader_num_workers": max(1, min(12, contest.threads - 2)),
            "dataloader_persistent_workers": True,
            "dataloader_prefetch_factor": 4,
            "logging_nan_inf_filter": False,  # which waits for the card at every step
            "optim": "adamw_torch_fused",
        }
    transformers_trainer(
        contest,
        dropout=0.0,
        bf16=choose_precision(TrainingSettings(), contest.device) is torch.bfloat16,
        train_sampling_strategy="group_by_length",
        torch_compile=compiled,
        **options,
    )


def plain_distillation(contest: Contest) -> None:
    """The loop that one writes first: random batches, padded; each row read by the teacher of its language; logits
    for every token, the loss at the masked ones; AdamW. In fp32 on a CPU, under bf16 autocast on a card."""
    prepared, device = contest.prepared, contest.device
    student = contest.stock(DROPOUT).train()
    teachers = list(contest.teachers().values())
    optimiser = torch.optim.AdamW(student.parameters(), lr=5e-5)
    collator = DataCollatorForLanguageModeling(prepared.tokenizer, mlm_probability=RATE)
    for rows, languages in _random_rows(prepared):
        batch = collator([_example(ids) for ids in rows])
        inputs = {key: batch[key].to(device) for key in ("input_ids", "attention_mask")}
        chosen = (batch["labels"] != -100).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = student(**inputs).logits
            wanted = torch.empty_like(logits)
            with torch.no_grad():
                for number, teacher in enumerate(teachers):
                    here = (languages == number).to(device)
                    if here.any():
                        wanted[here] = teacher(**{key: value[here] for key, value in inputs.items()}).logits
            loss = _divergence(logits[chosen].float(), wanted[chosen].float())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        if contest.clock.update(int(batch["attention_mask"].sum())):
            return


def _divergence(logits: Tensor, wanted: Tensor) -> Tensor:
    return functional.kl_div(logits.log_softmax(-1), wanted.softmax(-1), reduction="batchmean")


def _random_rows(prepared: Prepared) -> Iterator[tuple[list[np.ndarray], Tensor]]:
    sequences, batch = prepared.sequences(), prepared.model.batch
    languages = np.repeat(np.arange(len(prepared.texts)), [len(text) for text in prepared.texts.values()])
    generator = np.random.default_rng(0)
    while True:
        order = generator.permutation(len(sequences))
        for begin in range(0, len(order) - batch + 1, batch):
            chosen = order[begin : begin + batch]
            yield [sequences[i] for i in chosen], torch.from_numpy(languages[chosen])


def labelling(contest: Contest) -> None:
    """Equiglot's: first a little, which is not measured and says how much may be; then that, disk and all."""
    language, text = next(iter(contest.prepared.texts.items()))
    teacher, clock = contest.teachers()[language], contest.clock
    few = min(len(text) // 2, 4 * contest.prepared.model.batch)

    def label(sequences: int) -> tuple[int, float]:
        source = contest.prepared.source(language, sequences)
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            label_text(teacher, source, contest.prepared.special, StoreSettings(k=LABELS), {}, Path(folder) / "labels")
            return source.tokens + 2 * source.size, time.perf_counter() - begun

    label(few)
    _, seconds = label(few)
    clock.tokens, clock.elapsed = label(min(len(text), math.ceil(few * clock.seconds / seconds)))


def plain_labelling(contest: Contest) -> None:
    """The loop that one writes first: sentences as they come, padded; logits for every token, in fp32 as ours; the
    likeliest words at the masked ones, kept in memory."""
    prepared, device = contest.prepared, contest.device
    teacher = contest.stock(0.0).eval()
    collator = DataCollatorForLanguageModeling(prepared.tokenizer, mlm_probability=RATE)
    kept: list[tuple[Tensor, Tensor]] = []
    for rows, _ in _random_rows(prepared):
        batch = collator([_example(ids) for ids in rows])
        with torch.no_grad():
            logits = teacher(**{key: batch[key].to(device) for key in ("input_ids", "attention_mask")}).logits
            logarithms, ids = logits[(batch["labels"] != -100).to(device)].log_softmax(-1).topk(LABELS)
        kept.append((logarithms.half().cpu(), ids.cpu()))
        if contest.clock.update(int(batch["attention_mask"].sum())):
            return


CONTESTANTS: dict[str, Callable[[Contest], None]] = {
    "ours": lambda contest: equiglot(contest, dropout=DROPOUT),
    "ours, no dropout": lambda contest: equiglot(contest, dropout=0.0),
    "ours, compiled": lambda contest: equiglot(contest, dropout=0.0, compiled=True),
    "trainer": lambda contest: transformers_trainer(contest, dropout=DROPOUT),
    "trainer at its best": best_of_trainer,
    "trainer at its best, compiled": lambda contest: best_of_trainer(contest, compiled=True),
    "ours, distilling": lambda contest: equiglot(contest, dropout=DROPOUT, distil=True),
    "plain distillation": plain_distillation,
    "ours, labelling": labelling,
    "plain labelling": plain_labelling,
}


def main() -> None:
    name, model, folder, seconds, threads, kind = sys.argv[1:]
    prepare_process(int(threads))
    device = torch.device(kind)
    run = None if folder == "-" else RunDirectory(Path(folder))
    clock = Clock(float(seconds), device)
    CONTESTANTS[name](Contest(load(model, run), run, clock, device, int(threads)))
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None
    print(json.dumps({"tokens_per_second": int(clock.tokens) / clock.elapsed, "gigabytes": memory}))


if __name__ == "__main__":
    main()

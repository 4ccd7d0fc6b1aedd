"""Where the time of an update goes: the kernels of some updates of Equiglot's loop, and how long the device was idle.

python -m benchmarks.speed.profile MODEL DEVICE    of a model with made-up text
"""

import sys
import time
from contextlib import suppress
from itertools import pairwise

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.contestants import Clock, Contest
from benchmarks.speed.data import load
from equiglot.pipeline.execution.workers import prepare_process
from equiglot.training import MaskedLM, Progress, Stopped, Trainer, TrainingSettings

_WARM, _UPDATES, _ROWS = 10, 5, 25


def main() -> None:
    name, kind = sys.argv[1:]
    device, threads = torch.device(kind), torch.get_num_threads()
    prepare_process(threads)
    prepared = load(name, None)
    model = Contest(prepared, None, Clock(0, device), device, threads).ours(0.1)
    task = MaskedLM(prepared.stream(), special=prepared.special, validation={})
    activity = ProfilerActivity.CUDA if kind == "cuda" else ProfilerActivity.CPU
    recorder = profile(activities=[activity])
    marks: list[float] = []

    def watch(progress: Progress) -> None:
        if kind == "cuda":
            torch.cuda.synchronize()
        if progress.update == _WARM:
            recorder.start()
        marks.append(time.perf_counter())
        if progress.update == _WARM + _UPDATES:
            recorder.stop()

    settings = TrainingSettings(validations=1)
    over = lambda: len(marks) == _WARM + _UPDATES  # noqa: E731
    with suppress(Stopped):
        Trainer(model, task, settings, updates=1000, seed=0, watch=watch, stop=over).train()
    own = "self_device_time_total" if kind == "cuda" else "self_cpu_time_total"
    events = recorder.key_averages()
    busy = sum(getattr(event, own) for event in events) / 1e3 / _UPDATES
    milliseconds = [1e3 * (after - before) for before, after in pairwise(marks[_WARM - 1 :])]
    print(events.table(sort_by=own, row_limit=_ROWS, max_name_column_width=90))
    print(f"{name}: {busy:.1f} ms of kernels an update, of {sum(milliseconds) / _UPDATES:.1f} ms that it took")


if __name__ == "__main__":
    main()

"""Jobs of SLURM, with a stand-in for its commands; tests/pipeline/test_real_slurm.py has the real ones."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from equiglot.errors import InputError, Interrupted
from equiglot.pipeline import Event, Graph, Machine, TextProgress, Watcher, pool_on, run_recipe
from equiglot.pipeline.execution import elsewhere, scheduler, slurm
from equiglot.pipeline.execution.divided import Divided
from equiglot.pipeline.execution.orders import Order, give_order
from equiglot.pipeline.execution.pool import Assignment
from equiglot.pipeline.execution.slurm import Slurm
from equiglot.pipeline.execution.slurm_profile import DetachedJob, SlurmProfile, read_profile
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.steps.cost import Resources
from equiglot.recipe import recipe_tree
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, half_written, results, run_here
from tests.pipeline.slurm_stand_in import calls, is_running, pids
from tests.waiting import at_random


def _profile(folder: Path, text: str = "{}") -> Path:
    path = folder / "profile.yaml"
    path.write_text(text)
    return path


def _give(run: RunDirectory, make: Change, jobs: dict[str, str]) -> None:
    """Orders for attempts: attempt -> job."""
    graph = Graph(make())
    for attempt, job in jobs.items():
        task = Assignment.of(run, graph, graph.jobs[job], attempt)
        give_order(run, Order(task=task, recipe=recipe_tree(make()), threads=1, checkpoint_seconds=1, versions={}))


def test_the_same_bytes_though_a_job_comes_to_its_limit(
    queue: Path, make: Change, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training is asked to stop as SLURM does it, then killed; equal steps are arrays."""
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 0.5)
    monkeypatch.setattr(elsewhere, "_POLL_SECONDS", 0.05)
    recipe = make(training__updates=400, models={"mono-{language}": {"languages": "each"}})
    into, events = tmp_path / "it's 100%", list[Event]()

    def watch(event: Event) -> None:
        lost = sum(each.job == "model/mono-en" and each.kind == "lost" for each in events)
        if event.job == "model/mono-en" and event.progress is not None and lost < 2:
            number = (signal.SIGTERM, signal.SIGKILL)[lost]
            at_random(0.3)
            for pid in pids(queue):
                if is_running(pid):
                    os.kill(pid, number)
        events.append(event)

    pool = pool_on(f"slurm:{_profile(tmp_path)}")
    run_recipe(
        recipe, into, machine=Machine(checkpoint_seconds=0), pool=pool, watcher=Watcher(event=watch), reuse=[finished]
    )
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")
    assert half_written(into) == [] and not (into / ".attempts").exists()
    first, second = (str(each.error) for each in events if each.kind == "lost" and each.job == "model/mono-en")
    assert "asked to stop where it ran, and has saved" in first
    assert "gone without a word (" in second and "SLURM job 1" in second
    options = [
        dict(each.partition("=")[::2] for each in call) for call in calls(queue, "sbatch") if "--test-only" not in call
    ]
    assert any("," in each.get("--array", "") for each in options)
    assert all(each["--signal"] == "B:TERM@120" and "--no-requeue" in each for each in options)


def test_trainings_that_are_sent_away_before_they_begin(make: Change, tmp_path: Path) -> None:
    """Who comes no further is begun again some times, not for ever; who does, as often as it takes."""

    class Pool:
        task: Assignment | None = None

        def __init__(self, *, comes_further: int) -> None:
            self.attempts, self.further = Counter[str](), comes_further

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None: ...

        def adopt(self, wanted: object) -> list[Assignment]:
            return []

        def check(self, steps: object) -> None: ...

        def start(self, task: Assignment) -> bool:
            if self.task is not None:
                return False
            self.task = task
            self.attempts[task.job] += 1
            return True

        def ask_to_stop(self, why: Exception) -> bool:
            return True

        def events(self, seconds: float) -> Iterator[Event]:
            assert self.task is not None
            job, attempt = self.task.job, self.task.attempt
            if self.attempts[job] <= self.further:
                yield Event(job, attempt, "progress", progress=TextProgress(stage="encoding", done=1))
            yield Event(job, attempt, "stopped")
            self.task = None

    for further in (0, 5):
        pool = Pool(comes_further=further)
        with pytest.raises(InputError, match="asked to stop where it ran"):
            run_recipe(make(), tmp_path / f"run{further}", machine=Machine(), pool=lambda *_, pool=pool, **__: pool)
        assert max(pool.attempts.values()) == further + 1 + scheduler._RETRIES


def test_what_sbatch_is_told(queue: Path, make: Change, tmp_path: Path) -> None:
    """Steps that train or score get the GPUs; high numbers are jobs of their own; SLURM's own variables stay out."""
    run = RunDirectory(tmp_path / "a run")
    profile = SlurmProfile(
        partition="held",
        account="lab",
        time="1-00:00:00",
        memory="8G",
        cpus=4,
        constraint="zen4",
        options=("--nice=1",),
    )
    _give(run, make, {"3-1": "corpus/en", "3-2": "model/hl", "3-3": "corpus/ru", "3-1001": "corpus/ar"})
    tickets = Slurm(profile, "profile.yaml").start(run, ["3-1", "3-2", "3-3", "3-1001"])
    assert tickets == {"3-1": "100_1", "3-3": "100_3", "3-1001": "101", "3-2": "102"}
    first, *others = calls(queue, "sbatch")
    wanted = "partition=held account=lab time=1-00:00:00 mem=8G constraint=zen4 cpus-per-task=4 array=1,3 nice=1"
    assert {f"--{each}" for each in wanted.split()} <= set(first)
    assert f"--output={run.attempts}/3-%a/output.txt" in first
    assert f"--output={run.attempts}/3-1001/output.txt" in others[0]
    assert Slurm(profile, "").places([*tickets.values(), "9"]) == {
        each: f"waits in the queue of SLURM as job {each} (Resources)" for each in tickets.values()
    }
    assert profile.model_copy(update={"gpus": 2}).request(Resources(gpu=True))[-2] == "--gres=gpu:2"
    a100 = profile.model_copy(update={"gpus": 1, "gpu_type": "a100"})
    assert a100.request(Resources(gpu=True))[-2] == "--gres=gpu:a100:1"
    assert not any("gres" in each for each in a100.request(Resources()))


def test_what_needs_no_gpu_waits_elsewhere() -> None:
    """Many clusters have partitions that refuse jobs without a GPU."""
    profile = SlurmProfile(partition="a100", cpu_partition="batch", gpus=1)
    assert "--partition=a100" in profile.request(Resources(gpu=True))
    assert "--partition=batch" in profile.request(Resources())
    assert "--partition=batch" in profile.request_command()
    assert "--partition=a100" in SlurmProfile(partition="a100", gpus=1).request(Resources())
    assert "--partition=batch" in SlurmProfile(partition="a100", cpu_partition="batch").request(Resources(gpu=True))
    named = profile.model_copy(update={"detached": DetachedJob(partition="login")})
    assert "--partition=login" in named.request_command()


def test_ranks_are_asked_for_all_together(make: Change) -> None:
    """Cores, memory and GPUs of all processes of one training; a measurement brings its own threads."""
    recipe = make(training__devices=4, training__accumulation=4, evaluation=["mlm", {"task": "cost", "threads": 6}])
    steps = {step.name: step for step in steps_of(recipe)}
    profile = SlurmProfile(cpus=2, memory="1500M", gpus=1)
    asked = {"model/hl": (8, "6000M", 4), "scores/hl": (2, "1500M", 1)}
    for name, (cores, memory, gpus) in asked.items():
        request = profile.request(steps[name].resources)
        assert {f"--cpus-per-task={cores}", f"--mem={memory}", f"--gres=gpu:{gpus}"} <= set(request), name
    measured = profile.request(steps["cost/all"].resources)
    assert "--cpus-per-task=6" in measured and not any("gres" in each for each in measured)
    for name in ("corpus/en", "scores/frequency"):
        assert not any("gres" in each for each in profile.request(steps[name].resources))


def test_too_many_cores_are_refused_before_anything_is_begun(queue: Path, make: Change, tmp_path: Path) -> None:
    """SLURM is asked once for each size of a job; that it is away, or busy, is no reason."""
    recipe = make(training__devices=2, training__accumulation=2)
    profile = _profile(tmp_path, "cpus: 3")
    with pytest.raises(InputError, match=r"refuses a job for model/student \(--cpus-per-task=6\).*not available"):
        run_recipe(recipe, tmp_path / "run", machine=Machine(), pool=pool_on(f"slurm:{profile}"))
    assert pids(queue) == [] and not (tmp_path / "run" / ".attempts").exists()
    assert len(calls(queue, "sbatch")) == 2
    for file in ("away", "busy"):
        (queue / file).touch()
        Slurm(SlurmProfile(cpus=3), "profile.yaml").check(list(steps_of(recipe)), 3)
        (queue / file).unlink()


def test_a_script(queue: Path, make: Change, tmp_path: Path) -> None:
    """Lines of the profile come first; a job that is begun twice does nothing the second time."""
    run = RunDirectory(tmp_path / "a 'run'")
    profile = SlurmProfile(setup=("echo $((1 + 1)) there",), python="/no/such python", modules=("gcc/12",))
    _give(run, make, {"1-1": "corpus/en"})
    for expected in ("2 there", "File exists"):
        Slurm(profile, "").start(run, ["1-1"])
        while any(map(is_running, pids(queue))):
            pass
        output = (run.attempts / "1-1" / "output.txt").read_text()
        assert expected in output and ("/no/such python" in output) == (expected == "2 there")
    script = (queue / "100.sh").read_text()
    assert script.startswith("#!/bin/bash -l\n") and "\nmodule load gcc/12\n" in script


def test_slurm_is_away(queue: Path, make: Change, tmp_path: Path) -> None:
    """Nothing is thought lost of what cannot be asked for; what cannot be given is tried again some times."""
    run, engine = RunDirectory(tmp_path / "run"), Slurm(SlurmProfile(), "profile.yaml")
    _give(run, make, {"1-1": "corpus/en"})
    (queue / "away").touch()
    assert engine.places(["100"]) is None
    with pytest.raises(InputError, match="SLURM does not answer: sbatch: error: Unable to contact"):
        engine.start(run, ["1-1"])
    assert len(calls(queue, "sbatch")) == 5


def test_a_job_that_would_wait_for_ever(queue: Path, make: Change, tmp_path: Path) -> None:
    run, engine = RunDirectory(tmp_path / "run"), Slurm(SlurmProfile(partition="held", time="10-00:00:00"), "profile")
    _give(run, make, {"1-1": "corpus/en"})
    tickets = list(engine.start(run, ["1-1"]).values())
    with pytest.raises(InputError, match="wait for ever: PartitionTimeLimit"):
        engine.places(tickets)
    assert calls(queue, "scancel") == [tickets] and engine.places(tickets) == {}


REFUSED = [
    ({"partition": "gone"}, "SLURM refuses a job: invalid partition specified: gone", "sinfo"),
    ({"gpus": 1}, "Requested node configuration is not available", "--gres=gpu:1"),
]


@pytest.mark.parametrize(("fields", "what", "fix"), REFUSED)
def test_a_queue_that_refuses(
    queue: Path, make: Change, tmp_path: Path, fields: dict[str, object], what: str, fix: str
) -> None:
    """What was given just before is taken back."""
    run = RunDirectory(tmp_path / "run")
    _give(run, make, {"1-1": "corpus/en", "1-2": "model/hl"})
    with pytest.raises(InputError, match=what) as caught:
        Slurm(SlurmProfile(setup=("sleep 60",)).model_copy(update=fields), "profile.yaml").start(run, ["1-1", "1-2"])
    assert fix in str(caught.value) and caught.value.where == "profile.yaml"
    assert pids(queue) == []


WRONG = [
    ("partitions: cpu", r"unknown field 'partitions'", "profile.yaml:1"),
    ("cpus: 2\ntime: 10:00:00", "or put it in quotes", "profile.yaml:2"),
    ("cpus: 2\ntime: 90", "write a time in quotes", "profile.yaml:2"),
    ("time: soon", "write a time as", "profile.yaml:1"),
    ("cpus: 0", "greater than or equal to 1", "profile.yaml:1"),
    ("- cpus", "not a mapping", "profile.yaml"),
    ("cpus: [", "not YAML", "profile.yaml"),
    ("memory: 8 GB", "write memory as 8G", "profile.yaml:1"),
    ("partition: --wrap=x", "this is no name", "profile.yaml:1"),
    ("options: [--array=1]", "is not for a profile", "options"),
]


@pytest.mark.parametrize(("text", "what", "where"), WRONG)
def test_a_profile_that_is_wrong(tmp_path: Path, text: str, what: str, where: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read_profile(_profile(tmp_path, text))
    assert where in str(caught.value.where)


def test_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch here"):
        pool_on(f"slurm:{_profile(tmp_path)}")
    for where, what in {"slurm": "no profile is named", f"slurm:{tmp_path}/no.yaml": "no.yaml|No such file"}.items():
        with pytest.raises(InputError, match=what):
            pool_on(where)


def test_who_is_asked(queue: Path, make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at a terminal is a question, elsewhere the end of the jobs; after other signals they go on."""
    asked = list[str]()
    pool_of = pool_on(f"slurm:{_profile(tmp_path)}", lambda question: not asked.append(question))
    pool = pool_of(RunDirectory(tmp_path), make(), count=1, threads=1, checkpoint_seconds=1)
    assert isinstance(pool, Divided) and (pool.far.count, pool.far.threads) == (100, 1)
    assert pool.far.leaves(Interrupted(signal.SIGTERM)) and not asked
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stdin, "isatty", lambda is_terminal=is_terminal: is_terminal)
        assert pool.far.leaves(Interrupted(signal.SIGINT)) == is_terminal == bool(asked)


def test_only_jobs_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickets are read from the run folder, which may be a stranger's."""
    called: list[list[str]] = []
    monkeypatch.setattr(slurm, "_call", lambda command, text="": called.append([*command]))
    Slurm(SlurmProfile(), "profile.yaml").cancel(["--user=me", "7_1", "8 9", "12"])
    Slurm(SlurmProfile(), "profile.yaml").cancel(["--me"])
    assert called == [["scancel", "7_1", "12"]]

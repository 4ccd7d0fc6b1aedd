"""How jobs are given to SLURM: a profile, a file beside the recipe, which changes no fingerprint."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from equiglot.errors import InputError
from equiglot.pipeline.execution.divided import SHORT_SECONDS
from equiglot.pipeline.steps.cost import Resources
from equiglot.recipe import read_settings
from equiglot.settings import Settings

_OWN_OPTIONS = ("array", "output", "error", "signal", "parsable", "requeue", "no-requeue", "wrap", "test-only", "wait")

_OPTIONS_OF_COMMAND = ("job-name", "J", "dependency", "d", "open-mode", "chdir", "D", "export")


def _quoted_time(value: Any) -> Any:
    if isinstance(value, int | float):  # which SLURM takes for minutes
        raise ValueError('write a time in quotes: "10:00:00", or "2-00:00:00" for two days')
    return value


def _like(pattern: str, words: str) -> AfterValidator:
    """A text that is all like a pattern, which is said in words where it is not."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


_Word = Annotated[str, _like(r"[^\s-][^\x00-\x1f]{0,999}", "this is no name: it is empty, or begins with - or a space")]
_Line = Annotated[str, _like(r"[^\x00\r\n]{1,10000}", "this is not one line of the shell")]
_Option = Annotated[str, _like(r"--?[a-zA-Z][^\x00-\x1f]{0,999}", "write an option as --name=value")]
_Memory = Annotated[str, _like(r"[1-9]\d{0,9}[KMGT]?", "write memory as 8G")]
_Time = Annotated[
    str,
    BeforeValidator(_quoted_time),
    _like(r"(\d{1,4}-\d{1,2}|\d{1,6})(:\d{1,2}){0,2}", 'write a time as "10:00:00", or "2-00:00:00" for two days'),
]


class DetachedJob(Settings):
    """The command itself, where `equiglot run --detach` makes it a job: it waits and does short steps, with no GPU."""

    partition: _Word | None = Field(None, description="Where it waits; that of jobs without a GPU if not given.")
    time: _Time | None = Field(
        None,
        description="Its limit, that of the other jobs if not given. Before that it leaves its jobs as they are, and "
        "gives itself to SLURM once more.",
    )
    memory: _Memory = Field("4G", description="Of the command, and the process in which it does short steps.")
    cpus: int = Field(1, ge=1, le=4096, description="Cores.")
    options: tuple[_Option, ...] = Field(
        (), description="Its further options of `sbatch`: `--mail-type=END`; those of the other jobs are not for it."
    )


class SlurmProfile(Settings):
    """How jobs are given to SLURM: a file beside the recipe, which changes no fingerprint."""

    partition: _Word | None = Field(None, description="Where jobs wait; the cluster's default if not given.")
    cpu_partition: _Word | None = Field(
        None, description="Where those wait that get no GPU, and the command itself; that of the others if not given."
    )
    account: _Word | None = Field(None, description="Who pays.")
    qos: _Word | None = Field(None, description="Quality of service.")
    time: _Time | None = Field(
        None,
        description='The limit of each job, in quotes: `"10:00:00"`, or `"2-00:00:00"` for two days. A training that '
        "needs longer saves, and goes on in another job.",
    )
    memory: _Memory | None = Field(None, description="Of each process of a job: `8G`.")
    cpus: int = Field(
        1,
        ge=1,
        le=4096,
        description="Cores of each process of a job, and its threads, which change results. A job is one process, or "
        "as many as `training.devices` says.",
    )
    gpus: int = Field(
        0,
        ge=0,
        le=64,
        description="Of each job in which a model trains, labels or scores, and at least one for each process; "
        "others, and the measuring of what models cost on a processor, get none.",
    )
    gpu_type: _Word | None = Field(None, description="Which GPUs, as the cluster names them: `a100`.")
    constraint: _Word | None = Field(
        None,
        description="What nodes must have, as the cluster names it: a kind of processor. Without one, a training that "
        "goes on in another job may meet another kind of processor, and is refused there.",
    )
    modules: tuple[_Word, ...] = Field((), description="Loaded before the worker starts (`module load`).")
    setup: tuple[_Line, ...] = Field((), description="Lines of the shell before it starts: `source venv/bin/activate`.")
    python: _Line | None = Field(None, description="What runs the worker; what runs the command if not given.")
    short_seconds: float = Field(
        SHORT_SECONDS,
        ge=0,
        le=3600,
        description="As much work as the command does itself at a time, of steps that need no GPU and no measured "
        "speed: a job of the cluster would take longer to begin. 0 gives all steps to the cluster.",
    )
    jobs: int = Field(100, ge=1, le=10_000, description="That wait or run at a time.")
    options: tuple[_Option, ...] = Field((), description="Further options of `sbatch`: `--mail-type=FAIL`.")
    detached: DetachedJob = DetachedJob()

    def request(self, takes: Resources) -> list[str]:
        """What `sbatch` is told of a job that takes so much."""
        gpus = max(self.gpus, takes.gpus) if self.gpus and takes.gpus else 0
        gpu = f"gpu:{self.gpu_type}:{gpus}" if self.gpu_type else f"gpu:{gpus}"
        return self._request(
            {
                "partition": self.partition if gpus else self.cpu_partition or self.partition,
                "time": self.time,
                "mem": self.memory and _times(self.memory, takes.processes),
                "constraint": self.constraint,
                "gres": gpu if gpus else None,
                "cpus-per-task": str(takes.cores(self.cpus)),
            }
        )

    def request_command(self) -> list[str]:
        """What `sbatch` is told of a job that is the command itself."""
        job = self.detached
        given = {
            "partition": job.partition or self.cpu_partition or self.partition,
            "time": job.time or self.time,
            "mem": job.memory,
            "cpus-per-task": str(job.cpus),
        }
        return [*self._request(given), *job.options]

    def _request(self, given: Mapping[str, str | None]) -> list[str]:
        given = {"account": self.account, "qos": self.qos, **given}
        return ["--nodes=1", "--ntasks=1", *(f"--{name}={value}" for name, value in given.items() if value is not None)]


def _times(memory: str, processes: int) -> str:
    """An amount of memory for several processes."""
    number = memory.rstrip("KMGT")
    return f"{int(number) * processes}{memory.removeprefix(number)}"


def read_profile(path: Path) -> SlurmProfile:
    """The profile in a YAML file.

    Raises:
        InputError: no such file, no YAML, an unknown field, a wrong value, or an option that jobs must have otherwise.
    """
    profile = read_settings(path, SlurmProfile)
    _check_options(profile.options, _OWN_OPTIONS, f"{path}: options")
    _check_options(profile.detached.options, (*_OWN_OPTIONS, *_OPTIONS_OF_COMMAND), f"{path}: detached.options")
    return profile


def _check_options(options: Sequence[str], own: Sequence[str], where: str) -> None:
    for option in options:
        if option.lstrip("-").partition("=")[0] in own:
            fix = "take it out: jobs could not be followed with it"
            raise InputError(f"the option {option!r} is not for a profile", where=where, fix=fix)

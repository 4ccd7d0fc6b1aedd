"""Who may write to a run folder: one command at a time, on this machine or on any other that shares its disk.

Each command that works on a run has a folder of its own in the run's `.lease`, numbered one by one. It is made aside,
with what it says of its owner inside, and renamed: of two commands that want the same number one finds that it is
there. Locks of the operating system are not used: on shared disks they are local, missing, or given twice.
"""

import os
import platform
import re
import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.run import RunDirectory, aside, is_alive, make_parents, read_json, write_json

_OWNER = "owner.json"
_NUMBER = re.compile(r"\d{6}")
_POLL_SECONDS = 0.5


class TakenOver(InputError):
    """Another command has taken the run over."""


class Owner(BaseModel):
    """The process that a lease is given to.

    Attributes:
        host: its machine.
        boot: which start of that machine; empty where that is not known.
        namespace: which of its numberings of processes (containers have their own); empty where that is not known.
        pid: its process id.
        started: when it was started, as the machine counts; empty where that is not known.
        since: when it took the lease, seconds since 1970 by its own clock.
        job: the name of the job of SLURM that it belongs to, if it does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    host: str
    boot: str
    namespace: str
    pid: int
    started: str
    since: float
    job: str = ""

    @classmethod
    def of_here(cls) -> "Owner":
        """This process."""
        host, boot, namespace = _machine()
        pid = os.getpid()
        return cls(
            host=host,
            boot=boot,
            namespace=namespace,
            pid=pid,
            started=_started(pid),
            since=time.time(),
            job=job_name(),
        )

    @property
    def is_gone(self) -> bool:
        """Whether it is known that this process has ended: it was here and is no longer, or the machine restarted."""
        host, boot, namespace = _machine()
        if host != self.host:
            return False
        if boot != self.boot:
            return True
        return namespace == self.namespace and not (is_alive(self.pid) and _started(self.pid) == self.started)

    def __str__(self) -> str:
        """Process and machine, for messages."""
        return f"process {self.pid}" + (f" on {self.host}" if self.host != _machine()[0] else "")


def job_name() -> str:
    """The name of the job of SLURM that this process belongs to; empty if it belongs to none."""
    return os.environ.get("SLURM_JOB_NAME", "")


@dataclass(frozen=True)
class Lease:
    """The right to write to a run folder.

    Attributes:
        run: the run folder.
        number: how many commands have had it, this one included; no other has the same.
    """

    run: RunDirectory
    number: int

    @property
    def is_newest(self) -> bool:
        """Whether no other command has taken the run over."""
        return max(_numbers(self.run), default=self.number) <= self.number

    def check(self) -> None:
        """Refuses to go on where another command has taken the run over.

        Raises:
            TakenOver: one has.
        """
        if not self.is_newest:
            owner = _owner(self.run, max(_numbers(self.run)))
            what = f"another command has taken this run over ({owner or 'it has ended since'})"
            raise TakenOver(what, where=self.run.root, fix="nothing was lost: leave the run to that one")

    def release(self) -> None:
        """Gives it back; its number is not given again."""
        (_folder(self.run, self.number) / _OWNER).unlink(missing_ok=True)


def take_lease(
    run: RunDirectory, *, take_over: bool = False, ended: str = "", patience: float = 0.0, fix: str = "wait for it"
) -> Lease:
    """Takes the lease of a run.

    Args:
        run: the run folder.
        take_over: though another command has it of which nobody can know here whether it lives.
        ended: the name of a job that is known to have ended: its lease counts no more.
        patience: seconds in which another command may still give it back.
        fix: what to do where another command has it.

    Raises:
        InputError: another command has it, and is not known to have ended.
    """
    me, end = Owner.of_here(), time.monotonic() + patience
    while True:
        number = max(_numbers(run), default=0)
        owner = _owner(run, number)
        if owner is not None and not (owner.is_gone or take_over or (ended and owner.job == ended)):
            if time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
                continue
            raise InputError(f"{owner} works on this run", where=run.root, fix=_advice(owner, fix))
        if _make(run, number + 1, me):
            for old in (each for each in _numbers(run) if each <= number):
                shutil.rmtree(_folder(run, old), ignore_errors=True)
            return Lease(run, number + 1)


def lease_owner(run: RunDirectory) -> Owner | None:
    """The process that works on a run, if one does."""
    owner = _owner(run, max(_numbers(run), default=0))
    return None if owner is None or owner.is_gone else owner


def _advice(owner: Owner, fix: str) -> str:
    host, boot, namespace = _machine()
    if (host, boot, namespace) == (owner.host, owner.boot, owner.namespace):
        return fix
    return f"{fix}; whether it has ended cannot be known here: if you know that it has, add --take-over"


def _make(run: RunDirectory, number: int, owner: Owner) -> bool:
    """Makes the folder of a lease, with its owner in it; false where it is there already."""
    folder = _folder(run, number)
    made = aside(folder, f"{owner.host.partition('.')[0]}-{owner.pid}")
    make_parents(folder)
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    write_json(made / _OWNER, owner.model_dump())
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if folder.exists():
            return False
        raise
    return True


def _folder(run: RunDirectory, number: int) -> Path:
    return run.lease / f"{number:06d}"


def _numbers(run: RunDirectory) -> list[int]:
    """The leases that there are, the newest last."""
    try:
        return sorted(int(name) for name in os.listdir(run.lease) if _NUMBER.fullmatch(name))
    except FileNotFoundError:
        return []


def _owner(run: RunDirectory, number: int) -> Owner | None:
    """Whom a lease is given to; None where it was given back."""
    path = _folder(run, number) / _OWNER
    try:
        return Owner.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # nothing of ours: files are written whole
        raise InputError("this is not what a command has written", where=path, fix="delete that file") from None


@cache
def _machine() -> tuple[str, str, str]:
    """This machine, its start, and its numbering of processes."""
    return platform.node(), _read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")


def _started(pid: int) -> str:
    """When a process was started: another one that has its number since was started later."""
    return (_read(f"/proc/{pid}/stat").rpartition(")")[2].split() or [""] * 20)[19]


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""

"""Who may write to a folder: one command at a time, on this machine or on any other that shares its disk.

Each command that works on a folder has one of its own in that folder's `.lease`, numbered one by one. It is made aside,
with what it says of its owner inside, and renamed: of two commands that want the same number one finds that it is
there. Locks of the operating system are not used: on shared disks they are local, missing, or given twice. Times are
not compared: clocks of two machines differ.
"""

import os
import platform
import re
import secrets
import shutil
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError, refusal
from equiglot.files import aside, is_alive, make_parents, read_json, write_json

_LEASES, _OWNER, _ENDED = ".lease", "owner.json", "ended.json"
_NUMBER = re.compile(r"\d{6}")
_POLL_SECONDS = 0.5


class TakenOver(InputError):
    """Another command has taken the folder over, or it is no longer here."""


class Owner(BaseModel):
    """The process that a lease is given to.

    Attributes:
        host: its machine.
        machine: what tells machines of one name apart; empty where that is not known.
        boot: which start of that machine; empty where that is not known.
        namespace: which of its numberings of processes (containers have their own); empty where that is not known.
        pid: its process id.
        started: when it was started, as the machine counts; empty where that is not known.
        root: the folder, as it sees it.
        token: of this lease alone.
        job: the name of the job of SLURM that it belongs to, if it does.
        address: of its machine's network card, by which machines made from one image differ; empty where none is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    started: str
    root: str
    token: str
    job: str = ""
    address: str = ""

    @classmethod
    def of_here(cls, root: Path) -> "Owner":
        """This process, as the one that takes the lease of a folder."""
        pid = os.getpid()
        known = {**_here(), "address": _address(), "started": _started(pid), "job": job_name()}
        return cls(**known, pid=pid, root=os.path.abspath(root), token=secrets.token_hex(3))

    @property
    def is_gone(self) -> bool:
        """Whether it is known that this process has ended: it was here and is no longer, or the machine restarted."""
        here = _here()
        if (here["host"], here["machine"]) != (self.host, self.machine):
            return False
        if here["boot"] != self.boot:  # started again; or another machine, made from the same image
            return self.address == _address() != ""
        return self.is_of_here and not (is_alive(self.pid) and _started(self.pid) == self.started)

    @property
    def is_of_here(self) -> bool:
        """Whether this process can be seen here."""
        return self.model_dump(include={*_here()}) == _here()

    def works_on_another(self, root: Path) -> bool:
        """Whether it is known that this process works on another folder, of which this one is a copy."""
        try:  # as that process sees it, which may be in a container
            return self.is_of_here and not os.path.samefile(f"/proc/{self.pid}/root{self.root}", root)
        except OSError:
            return False

    def __str__(self) -> str:
        """Process and machine, for messages."""
        here = _here()
        there = (self.host, self.machine) != (here["host"], here["machine"])
        return f"process {self.pid}" + (f" on {self.host}" if there else "")


def job_name() -> str:
    """The name of the job of SLURM that this process belongs to; empty if it belongs to none."""
    return os.environ.get("SLURM_JOB_NAME", "")


@dataclass(frozen=True)
class Lease:
    """The right to write to a folder.

    Attributes:
        root: the folder.
        number: how many commands have had it, this one included; no other has the same.
        token: what no other lease has, not even one of a copy of the folder.
    """

    root: Path
    number: int
    token: str

    @property
    def name(self) -> str:
        """What no other lease is called."""
        return f"{self.number}-{self.token}"

    @property
    def is_held(self) -> bool:
        """Whether no other command has taken the folder over, and it is still the same one."""
        # Whoever takes over removes this file. It is opened: a shared disk may list a folder as it was a minute ago.
        owner = _owner(self.root, self.number)
        return owner is not None and owner.token == self.token and max(_numbers(self.root), default=0) == self.number

    def check(self) -> None:
        """Refuses to go on where another command has taken the folder over.

        Raises:
            TakenOver: one has, or the folder with the lease is no longer here.
        """
        if self.is_held:
            return
        newest = max(_numbers(self.root), default=0)
        if newest <= self.number:
            fix = "see that its disk is there; the same command continues"
            raise TakenOver("the folder is gone, or another one is in its place", where=self.root, fix=fix)
        what = f"another command has taken this folder over ({_owner(self.root, newest) or 'it has ended since'})"
        raise TakenOver(what, where=self.root, fix="nothing was lost: leave it to that one")

    def release(self) -> None:
        """Gives it back; its number is not given again: its folder stays, and is not empty."""
        folder = _folder(self.root, self.number)
        with suppress(FileNotFoundError):
            (folder / _OWNER).rename(folder / _ENDED)


def take_lease(
    root: Path,
    *,
    take_over: bool = False,
    ended: str = "",
    patience: float = 0.0,
    fix: str = "wait for it",
    known: str = "add --take-over",
) -> Lease:
    """Takes the lease of a folder.

    Args:
        root: the folder.
        take_over: though another command has it of which nobody can know here whether it lives.
        ended: the name of a job that is known to have ended: its lease counts no more.
        patience: seconds in which another command may still give it back.
        fix: what to do where another command has it.
        known: what else to do, for who knows that a command of another machine has ended.

    Raises:
        InputError: another command has it, and is not known to have ended; nothing can be written there.
    """
    me, end = Owner.of_here(root), time.monotonic() + patience
    while True:
        number = max(_numbers(root), default=0)
        owner = _worker_on(root, number)
        if owner is not None and not (take_over or (ended and owner.job == ended)):
            if time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
                continue
            raise InputError(f"{owner} works on this folder", where=root, fix=_advice(owner, fix, known))
        if _make(root, number + 1, me):
            if max(_numbers(root)) > number + 1:  # others had this number and the next, while we looked
                shutil.rmtree(_folder(root, number + 1), ignore_errors=True)
                continue
            for old in (each for each in _numbers(root) if each <= number):
                shutil.rmtree(_folder(root, old), ignore_errors=True)
            return Lease(root, number + 1, me.token)


def lease_owner(root: Path) -> Owner | None:
    """The process that works on a folder, if one does."""
    return _worker_on(root, max(_numbers(root), default=0))


def _worker_on(root: Path, number: int) -> Owner | None:
    """Whom a lease is given to, unless it is known that this one does not work on the folder."""
    owner = _owner(root, number)
    return None if owner is None or owner.is_gone or owner.works_on_another(root) else owner


def _advice(owner: Owner, fix: str, known: str) -> str:
    if owner.is_of_here:
        return fix
    return f"{fix}; whether it has ended cannot be known here: if you know that it has, {known}"


def _make(root: Path, number: int, owner: Owner) -> bool:
    """Makes the folder of a lease, with its owner in it; false where it is there already.

    Raises:
        InputError: the disk is full, say.
    """
    folder = _folder(root, number)
    made = aside(folder, f"{owner.host.partition('.')[0]}-{owner.pid}")
    shutil.rmtree(made, ignore_errors=True)
    try:
        make_parents(made)
        made.mkdir()
        write_json(made / _OWNER, owner.model_dump())
        made.rename(folder)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        if folder.exists():
            return False
        raise refusal(OSError(error.errno, error.strerror, os.fspath(root))) or error from None
    return True


def leases_of(root: Path) -> Path:
    """A numbered folder for each command that has worked on a folder, the newest of them that of the one that may."""
    return root / _LEASES


def _folder(root: Path, number: int) -> Path:
    return leases_of(root) / f"{number:06d}"


def _numbers(root: Path) -> list[int]:
    """The leases that there are, the newest last."""
    try:
        return sorted(int(name) for name in os.listdir(leases_of(root)) if _NUMBER.fullmatch(name))
    except FileNotFoundError:
        return []


def _owner(root: Path, number: int) -> Owner | None:
    """Whom a lease is given to; None where it was given back."""
    path = _folder(root, number) / _OWNER
    try:
        return Owner.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except ValueError:  # nothing of ours: files are written whole
        raise InputError("this is not what a command has written", where=path, fix="delete that file") from None


@cache
def _here() -> dict[str, str]:
    """This machine, its start, and its numbering of processes."""
    return {
        "host": platform.node(),
        "machine": _read("/etc/machine-id"),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "namespace": _link("/proc/self/ns/pid"),
    }


@cache
def _address() -> str:
    """What no other machine has; empty where there is nothing of the kind."""
    number = uuid.getnode()
    return "" if number >> 40 & 1 else f"{number:012x}"  # that bit says that it is made up


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

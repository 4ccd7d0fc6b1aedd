"""A real SLURM of one node on this machine, for tests: `slurm-wlm` and `munge` of Debian, started by root.

    python tests/pipeline/real_slurm.py FOLDER

starts one, and says what to set to use it, until Ctrl-C.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
_START_SECONDS = 300
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=60
OverTimeLimit=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=60 State=UP
"""


def why_not() -> str:
    """Why no SLURM can be started here; empty where one can."""
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "SLURM is started by root alone"


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Starts a SLURM whose files are in `folder`; yields the variables by which its commands find it.

    Several stand side by side, as the workers of pytest start them.
    """
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True, mode=0o755)
    configuration = folder / "slurm.conf"
    host = platform.node().partition(".")[0]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 9 // 10 >> 20
    port, node_port = _free_ports()
    machine = {"host": host, "cpus": os.cpu_count(), "memory": memory}
    configuration.write_text(_CONFIGURATION.format(port=port, node_port=node_port, folder=folder, **machine))
    variables = {"SLURM_CONF": str(configuration)}
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munge = ["munged", "--foreground", "--force", "--key-file", str(key), f"--socket={folder}/munge/socket"]
    munge += [f"--pid-file={folder}/munge/pid", f"--log-file={folder}/munge/log", f"--seed-file={folder}/munge/seed"]
    commands = [munge, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", host]]
    daemons = []
    try:
        for command in commands:
            daemons.append(start(command, variables, folder))
            time.sleep(0.5)
        _wait_until_idle(daemons, variables, folder)
        yield variables
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(20)
            daemon.kill()
        _end_node(folder)


def _free_ports() -> tuple[int, int]:
    """Two that nothing listens at."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("", 0))
        second.bind(("", 0))
        return first.getsockname()[1], second.getsockname()[1]


def start(command: list[str], variables: dict[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    """A daemon."""
    with (folder / "daemons.log").open("ab") as log:
        return subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)


def _end_node(folder: Path) -> None:
    """Ends the node's daemon that a test has started itself."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / "slurmd.pid").read_text()), signal.SIGTERM)


def _wait_until_idle(daemons: list["subprocess.Popen[bytes]"], variables: dict[str, str], folder: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and all(daemon.poll() is None for daemon in daemons):
        command = ["sinfo", "--noheader", "--format=%T"]
        environment = {**os.environ, **variables}
        said = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        if "idle" in said.stdout:
            return
        time.sleep(0.5)
    raise RuntimeError(f"SLURM does not start:\n{(folder / 'daemons.log').read_text()}")


if __name__ == "__main__":
    with cluster(Path(sys.argv[1]).absolute()) as found:
        print("\n".join(f"export {name}={value}" for name, value in found.items()), flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()

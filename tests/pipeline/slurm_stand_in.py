"""A stand-in for the commands of SLURM that Equiglot uses: jobs are processes here, and a folder is the queue.

    python slurm_stand_in.py sbatch|squeue|scancel ARGUMENTS...

The folder is $STAND_IN. Partitions are `cpu`, the default, and `held`, whose jobs wait: if they
ask for ten days, for ever. A file `away` in the
folder lets all commands fail, as where SLURM's daemon is not reached; `busy`, what only asks whether a job could begin;
`calls` has a line for each command. Nodes have four cores. A job that
is to begin after another one waits for ever, too.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def sbatch(folder: Path, arguments: list[str]) -> None:
    """Starts a process for each job, in a session of its own."""
    options = dict(each.removeprefix("--").partition("=")[::2] for each in arguments)
    only_asked = "test-only" in options
    partition = options.get("partition", "cpu")
    if partition not in ("cpu", "held"):
        sys.exit(f"sbatch: error: invalid partition specified: {partition}")
    if only_asked and (folder / "busy").exists():
        sys.exit("allocation failure: Requested nodes are busy")
    if "gres" in options or int(options.get("cpus-per-task", 1)) > 4:
        kind = "allocation failure" if only_asked else "sbatch: error: Batch job submission failed"
        sys.exit(f"{kind}: Requested node configuration is not available")
    if only_asked:
        return
    number = 100 + len(list(folder.glob("*.sh")))
    script = folder / f"{number}.sh"
    script.write_text(sys.stdin.read())
    for index in options["array"].split(",") if "array" in options else [""]:
        name = f"{number}_{index}" if index else str(number)
        pid, called = 0, options.get("job-name", "")
        if partition == "cpu" and "dependency" not in options:
            output = options["output"].replace("%%", "\0").replace("%a", index).replace("\0", "%")
            environment = {**os.environ, "SLURM_ARRAY_TASK_ID": index, "SLURM_JOB_ID": name, "SLURM_JOB_NAME": called}
            try:
                with open(output, "ab" if options.get("open-mode") == "append" else "wb") as file:
                    process = subprocess.Popen(
                        ["bash", script],
                        stdin=subprocess.DEVNULL,
                        stdout=file,
                        stderr=file,
                        env=environment,
                        start_new_session=True,
                    )
            except OSError:  # SLURM ends such a job without a word
                process = subprocess.Popen("false", stdout=subprocess.DEVNULL)
            pid = process.pid
        (folder / f"{name}.job").write_text(json.dumps({"pid": pid, "name": called}))
    if options.get("time") == "10-00:00:00":
        (folder / f"{name}.job").write_text(json.dumps({"pid": 0, "reason": "PartitionTimeLimit"}))
    print(number)


def squeue(folder: Path, arguments: list[str]) -> None:
    """The jobs that have not ended, of a name or all; in the format that is asked for."""
    options = dict(each.removeprefix("--").partition("=")[::2] for each in arguments)
    for path in sorted(folder.glob("*.job")):
        job = json.loads(path.read_text())
        pid = job["pid"]
        if options.get("name", job.get("name")) != job.get("name") or (pid and not is_running(pid)):
            continue
        values = {"%i": path.stem, "%T": "RUNNING" if pid else "PENDING", "%V": "then", "%S": "now"}
        values["%R"] = "here" if pid else f"({job.get('reason', 'Resources')})"
        print("|".join(values[field] for field in options["format"].split("|")))


def scancel(folder: Path, arguments: list[str]) -> None:
    """Ends jobs."""
    for name in arguments:
        path = folder / f"{name}.job"
        if pid := json.loads(path.read_text())["pid"]:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        path.unlink()


def pids(folder: Path) -> list[int]:
    """The processes of all jobs that were begun."""
    return [pid for path in sorted(folder.glob("*.job")) if (pid := json.loads(path.read_text())["pid"])]


def calls(folder: Path, name: str) -> list[list[str]]:
    """The arguments of all calls of a command."""
    lines = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return [rest for called, *rest in lines if called == name]


def is_running(pid: int) -> bool:
    """Whether a process is there that has not ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


if __name__ == "__main__":
    queue = Path(os.environ["STAND_IN"])
    name, *rest = sys.argv[1:]
    with (queue / "calls").open("a") as calls:
        calls.write(json.dumps([name, *rest]) + "\n")
    if (queue / "away").exists():
        sys.exit(f"{name}: error: Unable to contact slurm controller (connect failure)")
    {"sbatch": sbatch, "squeue": squeue, "scancel": scancel}[name](queue, rest)

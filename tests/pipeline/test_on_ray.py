"""Ray as an engine: machines that vanish, workers that are ended, addresses where there is none."""

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from equiglot import cli
from equiglot.errors import InputError
from equiglot.files import is_alive
from equiglot.pipeline import Event, Graph, Machine, Watcher, pool_on, run_recipe
from equiglot.pipeline.execution import elsewhere, on_ray
from equiglot.pipeline.execution.elsewhere import OUTPUT
from equiglot.pipeline.execution.on_ray import Ray, connect
from equiglot.pipeline.execution.orders import SAID, Order, give_order, read_said
from equiglot.pipeline.execution.pool import STOPPING, Assignment
from equiglot.recipe import recipe_tree
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, results, run_here
from tests.waiting import at_random, until

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: the extra `ray`")
_MACHINE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of two machines: one that has no cores for jobs, and one that has."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**_MACHINE, "num_cpus": 0})
    try:
        cluster.add_node(**_MACHINE)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture
def connected(cluster: Any) -> Iterator[Ray]:
    import ray

    before = [signal.getsignal(each) for each in STOPPING]
    engine = connect(cluster.address, 1)
    try:
        assert [signal.getsignal(each) for each in STOPPING] == before
        yield engine
    finally:
        ray.shutdown()


def _started(engine: Ray, run: RunDirectory, make: Change) -> tuple[str, int]:
    """An attempt whose worker waits for what it needs, and which nobody has made: its ticket, its process."""
    graph = Graph(make())
    task = Assignment.of(run, graph, graph.jobs["tokens/en"], "1-1")
    order = Order(task=task, recipe=recipe_tree(make()), threads=1, checkpoint_seconds=1, versions={})
    said = give_order(run, order) / SAID
    ticket = engine.start(run, ["1-1"])["1-1"]
    assert engine.places([ticket]) == {ticket: "waits for free cores of Ray"}
    until(lambda: bool(read_said(said, 0)[0]))
    (line, *_), _ = read_said(said, 0)
    return ticket, int(line.decode().partition('"pid": ')[2].rstrip("}"))


@needs_ray
@pytest.mark.slow
def test_a_worker_that_is_cancelled(connected: Ray, make: Change, tmp_path: Path) -> None:
    ticket, worker = _started(connected, RunDirectory(tmp_path), make)
    connected.cancel([ticket, "of an earlier command"])
    until(lambda: not is_alive(worker))
    assert connected.places([ticket, "of an earlier command"]) == {}


@needs_ray
@pytest.mark.slow
def test_why_a_worker_has_ended_is_kept(connected: Ray, make: Change, tmp_path: Path) -> None:
    ticket, worker = _started(connected, RunDirectory(tmp_path), make)
    os.kill(worker, signal.SIGKILL)
    until(lambda: connected.places([ticket]) == {})
    assert (tmp_path / ".attempts" / "1-1" / OUTPUT).read_text().startswith("exit code -9")


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("connected")
def test_the_head_is_gone(make: Change, tmp_path: Path) -> None:
    """Where a task was lost and the head does not answer, the run ends with a message; its worker ends, too."""
    engine = Ray("127.0.0.1:1")
    ticket, worker = _started(engine, RunDirectory(tmp_path), make)
    os.kill(psutil.Process(worker).ppid(), signal.SIGKILL)
    with pytest.raises(InputError, match="Ray does not answer any more"):
        until(lambda: engine.places([ticket]) == {})
    until(lambda: not is_alive(worker))


@needs_ray
@pytest.mark.slow
def test_the_same_bytes_though_a_machine_vanishes(
    cluster: Any, finished: Path, make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is removed at any instant of a training, and another one comes."""
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 0.5)
    monkeypatch.setattr(elsewhere, "_POLL_SECONDS", 0.05)
    recipe, lost = make(models={"hl": {}}, training__updates=600), list[Event]()

    def watch(event: Event) -> None:
        if event.kind == "lost":
            lost.append(event)
        elif event.place.startswith("process") and event.job == "model/hl" and not lost:
            at_random(1)
            (node,) = cluster.worker_nodes
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(**_MACHINE)

    options: dict[str, Any] = {"reuse": [finished], "watcher": Watcher(event=watch)}
    run_recipe(recipe, tmp_path / "run", machine=Machine(), pool=pool_on(f"ray:{cluster.address}"), **options)
    assert [event.job for event in lost] == ["model/hl"]
    assert "the node it was running on is dead" in str(lost[0].error)
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(tmp_path / "run") == results(tmp_path / "here")
    assert not (tmp_path / "run" / ".attempts").exists()


@pytest.mark.parametrize("address, what", [("127.0.0.1:1", "nothing answers"), ("here", "this is no address")])
def test_an_address_where_no_ray_answers(
    address: str,
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One message and exit code 2, at once; Ray is not even asked."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "ray" or find(name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["equiglot", "run", "demo-quick", "--into", "run", "--on", f"ray:{address}"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert what in shown and f"--on ray:{address}" in shown and "ray start --head" in shown


@needs_ray
def test_another_service_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives up by ending the process."""
    import ray

    def give_up(*_: object, **__: object) -> None:
        raise SystemExit(15)

    monkeypatch.setattr(ray, "init", give_up)
    monkeypatch.setattr(on_ray, "_knock", lambda address: None)
    with pytest.raises(InputError, match="no Ray answers"):
        connect("127.0.0.1:1", 1)


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed") as refused:
        pool_on("ray")
    assert refused.value.fix == "pip install 'equiglot[ray]'"

"""Sending a model, to a hub of our own on this machine."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from equiglot.errors import InputError
from equiglot.models import check_token, load_model, look_up, prepare_upload, send
from equiglot.vocabulary import load_tokenizer
from tests.stock import save_stock


@dataclass
class Hub:
    """What the hub was sent, and how it answers.

    Attributes:
        requests: method, path and body of each.
        refuses: the status that it answers everything with; None where it does what it is asked.
        private: whether its repositories are.
        exists: whether the repository is there; it is, once it was made.
    """

    requests: list[tuple[str, str, str]] = field(default_factory=list)
    refuses: int | None = None
    private: bool = True
    exists: bool = False

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        if self.refuses:
            return self.refuses, {"error": "not you"}
        if path.endswith("/preupload/main"):
            names = [each["path"] for each in json.loads(self.requests[-1][2])["files"]]
            return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
        if path.endswith("/commit/main"):
            return 200, {"commitUrl": "https://huggingface.co/group/student/commit/1", "commitOid": "1" * 40}
        if path.endswith("/repos/create"):
            self.exists = True
            return 200, {"url": "https://huggingface.co/group/student", "id": "1"}
        if not self.exists:
            return 404, {"error": "Repository not found"}
        return 200, {"id": "group/student", "private": self.private, "sha": "1" * 40, "siblings": []}

    def files(self) -> dict[str, bytes]:
        """The files of the one commit that was sent."""
        (body,) = (body for _, path, body in self.requests if path.endswith("/commit/main"))
        rows = [json.loads(line) for line in body.splitlines()]
        sent = (row["value"] for row in rows if row["key"] == "file")
        return {each["path"]: base64.b64decode(each["content"]) for each in sent}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            state.requests.append((self.command, self.path, self.rfile.read(length).decode()))
            status, answer = state.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = _respond

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for where in (huggingface_hub.constants, huggingface_hub.hf_api.constants):
        monkeypatch.setattr(where, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(where, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    huggingface_hub.close_session()
    yield state
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with its card, and what a run leaves beside it."""
    save_stock(tmp_path / "student", "bert")
    (tmp_path / "student" / "README.md").write_text("# Student\n\nKann wenig, weiß das aber.\n", encoding="utf-8")
    (tmp_path / "student" / "validation.safetensors").write_bytes(b"ranks")
    (tmp_path / "student" / "secret.env").write_text("password")
    return tmp_path / "student"


def test_what_was_listed_is_sent_and_nothing_else(hub: Hub, folder: Path) -> None:
    upload = prepare_upload(folder)
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= upload.files.keys()
    assert {"secret.env", "validation.safetensors"} <= set(upload.kept)
    assert upload.parameters == load_model(folder).num_parameters()
    assert hub.requests == [], "nothing is sent before it is asked for"
    check_token()
    assert send(upload, "group/student", private=True).endswith("group/student")
    (created,) = (json.loads(body) for _, path, body in hub.requests if path.endswith("/repos/create"))
    assert created["name"] == "student" and created["organization"] == "group"
    assert created["visibility"] == "private"
    files = hub.files()
    assert {name: len(content) for name, content in files.items()} == upload.files
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()


def test_a_public_repository_is_not_taken_for_a_private_one(hub: Hub, folder: Path) -> None:
    hub.private = False
    with pytest.raises(InputError, match="public: nothing was sent"):
        send(prepare_upload(folder), "group/student", private=True)
    assert not any("commit" in path for _, path, _ in hub.requests)


def test_it_is_known_before_whether_a_repository_is_there(hub: Hub, folder: Path) -> None:
    assert look_up("group/student", private=True) is None
    send(prepare_upload(folder), "group/student", private=True)
    assert look_up("group/student", private=True) == "private"
    hub.private = False
    assert look_up("group/student", private=False) == "public"
    with pytest.raises(InputError, match="public: nothing was sent"):
        look_up("group/student", private=True)
    hub.refuses = 401
    with pytest.raises(InputError, match="does not accept the token"):
        look_up("group/student", private=False)


@pytest.mark.parametrize(
    ("status", "said"), [(401, "does not accept the token"), (403, "no right to write"), (500, "the hub refuses")]
)
def test_a_hub_that_refuses(hub: Hub, folder: Path, status: int, said: str) -> None:
    hub.refuses = status
    with pytest.raises(InputError, match=said) as caught:
        send(prepare_upload(folder), "group/student", private=False)
    assert caught.value.where == "group/student" and caught.value.fix


def test_no_network_no_name_and_no_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = prepare_upload(folder)
    with pytest.raises(InputError, match="cannot be the name"):
        send(upload, "a/b/c", private=False)
    with pytest.raises(InputError, match="cannot be reached"):  # tests are offline
        send(upload, "group/student", private=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(InputError, match="no token"):
        check_token()


def test_a_folder_that_is_not_whole(folder: Path) -> None:
    for name in ("README.md", "tokenizer.json", "config.json"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(InputError, match=f"no {name}"):
            prepare_upload(folder)
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text(" \n")
    with pytest.raises(InputError, match="card is empty"):
        prepare_upload(folder)
    (folder / "README.md").write_text("weiß", encoding="latin-1")
    with pytest.raises(InputError, match="not UTF-8"):
        prepare_upload(folder)
    (folder / "README.md").write_text("# Card")
    (folder / "model.safetensors").write_bytes(b"\x00" * 50)
    with pytest.raises(InputError, match="cannot be loaded"):
        prepare_upload(folder)
    assert len(load_tokenizer(folder)) > 100

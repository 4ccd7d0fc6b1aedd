"""The command line: exit codes, one message, nothing written that should not be."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from equiglot.corpus import FilesSource
from equiglot.corpus.sample import MODULE
from equiglot.errors import InputError
from equiglot.evaluation import Filler
from equiglot.models import Upload
from equiglot.recipe import builtin_recipes
from equiglot.recipe.finding import find_languages
from tests.conftest import ROOT
from tests.pipeline.conftest import TREE
from tests.stock import SCRIPTS, save_stock

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(program: Call) -> Call:
    """Calls the program; exit code, output, errors."""
    return program


@pytest.fixture
def recipe(text_files: Path, tmp_path: Path) -> Path:
    tree = copy.deepcopy(TREE)
    for language in tree["languages"].values():
        language["text"] = str(text_files / language["text"])
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_recipes(call: Call) -> None:
    code, out, _ = call("recipes")
    assert code == 0
    assert all(name in out for name in builtin_recipes())


def test_schema(call: Call) -> None:
    code, out, _ = call("schema")
    assert code == 0
    assert json.loads(out)["title"] == "Recipe"


def test_plan_trains_and_writes_nothing(call: Call, recipe: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    code, out, err = call("plan", recipe, "--workers", "2")
    assert (code, err) == (0, "")
    assert files(tmp_path) == before
    assert "3 corpus (3 left)" in out
    assert "student" in out and "~20" in out
    assert "2 job(s) at a time" in out
    assert re.search(r"text +7 +~[0-9,]+ characters +~[0-9.]+ (s|min) +~[0-9.]+ MB", out)
    assert re.findall(r"^([\w-]+) +left +[0-9,]+ +~20 ", out, re.MULTILINE) == ["mono-en", "mono-ru", "hl", "student"]


def test_plan_says_what_is_done(call: Call, recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    code, out, _ = call("plan", recipe, "--set", "models.hl.training.updates=7")
    assert code == 0
    assert " 7 " in out or "~7 " in out


BAD = [
    (["run", "nowhere.yaml"], "no such recipe"),
    (["run", "demo-quik"], "did you mean 'demo-quick'?"),
    (["plan", "tiny.yaml", "--set", "encoder.layer=3"], "did you mean 'layers'?"),
    (["plan", "tiny.yaml", "--set", "models.student.trainin.updates=3"], "did you mean 'training'?"),
    (["plan", "tiny.yaml", "--set", "models.studnt.balance=all"], "did you mean 'student'?"),
    (["plan", "tiny.yaml", "--set", "models.mono-en.training.updates=3"], "made by the template 'mono-{language}'"),
    (["plan", "tiny.yaml", "--set", "languages.rus.group=low"], "did you mean 'ru'?"),
    (["plan", "tiny.yaml", "--set", "evaluation.0.raet=0.2"], "did you mean 'rate'?"),
    (["plan", "tiny.yaml", "--set", "evaluation.1.rate=0.2"], "items 0 to 0, not '1'"),
    (["plan", "tiny.yaml", "--set", "evaluation.x.rate=0.2"], "items 0 to 0, not 'x'"),
    (["plan", "tiny.yaml", "--set", "trainin={updates: 3}"], "did you mean 'training'?"),
    (["init", "nowhere"], "no such folder"),
    (["init", "."], "no text of any language"),
    (["fill", "[MASK]"], "no model is named"),
    (["fill", ".", "[MASK]"], "no config.json"),
    (["fill", "someone/model", "[MASK]"], "the hub cannot be reached"),
    (["evaluate", ".", "--text", "en"], "names no text"),
    (["trim", ".", "--text", "en", "--into", "small"], "names no text"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small"], "no config.json"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "tiny.yaml"], "there already"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small", "--size", "9", "--fit", "9MB"], "two amounts"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small", "--fit", "much"], "no size"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small", "--precision", "int8"], "says what --fit counts"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small", "--fit", "9MB", "--precision", "int4"], "write int8"),
    (["trim", ".", "--text", "en=tiny.yaml", "--into", "small", "--languages", "tr"], "no text in tr"),
    (["push", ".", "someone/model", "--yes"], "has no config.json"),
    (["run", "tiny.yaml", "--set", "models.hl.training.batch.sentences=100000", "--set", "languages.en.text=x"], "x"),
    (["run", "tiny.yaml", "--into", "tiny.yaml"], "a file stands"),
    (["run", "tiny.yaml", "--into", "."], "not empty"),
    (["run", "tiny.yaml", "--into", "new", "--reuse", "nowhere"], "no run folder"),
    (["run", "tiny.yaml", "--into", "tiny.yaml/below"], "Not a directory"),
    (["status", "nowhere"], "no run folder"),
    (["report", "."], "no run folder"),
    (["compare", "nowhere"], "one run alone"),
    (["compare", ".", "nowhere"], "no run folder"),
    (["plan", "tiny.yaml", "--set", "models.hl.training.batch.sentences=100000"], "less than one batch"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input(call: Call, recipe: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    before = files(tmp_path)
    code, out, err = call(*arguments)
    assert code == 2
    assert err.startswith("Error: ")
    assert said in err
    assert "Traceback" not in out + err
    assert files(tmp_path) == before


@pytest.mark.parametrize("arguments", [["rum"], ["run"], ["run", "demo", "--workers", "0"], ["run", "--nothing"]])
def test_wrong_usage(call: Call, arguments: list[str]) -> None:
    code, _, err = call(*arguments)
    assert code == 2
    assert "Usage" in err and "Traceback" not in err


@pytest.mark.parametrize("option", ["--workers", "--threads"])
def test_no_machine_has_so_many(call: Call, option: str) -> None:
    code, _, said = call("plan", "demo", option, "1000000000")
    assert code == 2 and "4096" in said


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (Exception("Input/output error (os error 5)"), "the disk fails"),
        (MemoryError("Unable to allocate 7 PiB"), "fewer --workers"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (type("PanicException", (BaseException,), {})("capacity overflow"), "get another"),
    ],
)
def test_what_the_system_refuses_is_one_message(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException, fix: str
) -> None:
    def refuse(folder: Path) -> None:
        raise error

    monkeypatch.setattr("equiglot.pipeline.read_status", refuse)
    code, _, said = call("status", "x")
    assert code == 2 and fix in said and "Traceback" not in said


def test_a_bug_is_shown_with_its_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("equiglot.recipe.builtin_recipes", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        call("recipes")


def test_help_does_not_wait_for_torch() -> None:
    program = (
        "import sys; from equiglot.cli import app; app(['--help'], standalone_mode=False); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "schema" in done.stdout


def test_the_package_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "equiglot", "--help"], capture_output=True, text=True, check=True)
    for name in (
        *("demo", "recipes", "plan", "run", "status", "report", "schema"),
        *("init", "fill", "evaluate", "push", "trim"),
    ):
        assert f" {name} " in done.stdout


def test_init_makes_a_recipe_that_can_be_planned(call: Call, text_files: Path, tmp_path: Path) -> None:
    code, out, err = call("init", text_files, "--into", "mine.yaml")
    assert (code, err) == (0, "")
    assert "Russian" in out and "equiglot plan mine.yaml" in out
    assert files(tmp_path) == {"mine.yaml"}
    code, out, err = call("plan", "mine.yaml", "--workers", "1")
    assert (code, err) == (0, "")
    assert all(f"mono-{language}" in out for language in ("en", "ru", "ar"))


def test_fill_shows_words_literally(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (str(save_stock(tmp_path / name, name)) for name in ("bert", "roberta"))
    words = [[Filler("[bold]x[/bold]", 0.5), Filler("a\x1b[31m", 0.25), Filler("##\u0947", 0.125)]]
    monkeypatch.setattr("equiglot.evaluation.fill", lambda opened, text, top: words)
    code, out, err = call("fill", one, other, "Die [MASK] [/x]")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Die [MASK] [/x]"
    for name in ("bert", "roberta"):
        assert re.search(rf"^{name} +\[bold\]x\[/bold\] 50.0% +a\\u001b\[31m 25.0% +##◌\u0947 12.5%", out, re.MULTILINE)


def test_fill_and_evaluate_a_whole_run(call: Call, text_files: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: x")
    for number, name in enumerate(("hl", "student")):
        save_stock(tmp_path / "run" / "models" / name, "bert", seed=number)
    code, out, err = call("fill", "run", "The [MASK] of the [MASK]", "--top", "2")
    assert (code, err) == (0, "")
    assert out.count("%") == 2 * 2 * 2 and "[MASK] 2" in out
    text = tmp_path / "en.txt"
    text.write_text("".join((text_files / "en.txt").open(encoding="utf-8").readlines()[:20]), encoding="utf-8")
    stock = save_stock(tmp_path / "stock", "roberta")
    scored = ("evaluate", "run/student", stock, "--text", f"en={text}", "--json", "scores.json")
    code, out, _ = call(*scored, "--likelihood-lines", "5")
    assert code == 0
    assert "can be compared within a table only" in out and "Bits per character" in out
    code, _, err = call(*scored)
    assert code == 2 and "the file is there already" in err and "--json, or add --replace" in err
    code, _, _ = call(*scored, "--likelihood-lines", "5", "--replace")
    assert code == 0
    tree = json.loads((tmp_path / "scores.json").read_text())
    assert [group["models"][0] for group in tree["groups"]] == ["student", "stock"]
    assert {row["model"] for row in tree["bits"]} == {"student", "stock"}


def test_trim_shows_what_it_changed(call: Call, tmp_path: Path) -> None:
    save_stock(tmp_path / "large", "xlm-roberta")
    for code in ("en", "el"):
        words = SCRIPTS[code].split()
        lines = [" ".join(words[:end] + words[start:]) for end in range(len(words)) for start in range(len(words))]
        (tmp_path / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    texts = ("--text", "en=en.txt", "--text", "el=el.txt")
    code, out, err = call("trim", "large", "--languages", "en", *texts, "--into", "small")
    assert (code, err) == (0, "")
    assert re.search(r"^entries +202 +\d\d ", out, re.MULTILINE) and re.search(r"^en +\d+ +100.0%", out, re.MULTILINE)
    assert "no longer be relied on" in out and "The model: small" in out
    wanted = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "trim.json", "old_ids.json"}
    assert wanted <= {path.name for path in (tmp_path / "small").iterdir()}
    code, _, err = call("trim", "large", *texts, "--into", "small")
    assert code == 2 and "there already" in err


@pytest.mark.skipif(not find_spec(MODULE), reason="the sample is not installed")
def test_trim_shows_what_is_lost_without_a_text_of_it(call: Call, tmp_path: Path) -> None:
    save_stock(tmp_path / "large", "xlm-roberta")
    (tmp_path / "en.txt").write_text(f"{SCRIPTS['en']}\n" * 100, encoding="utf-8")
    (tmp_path / "ar.txt").write_text("\n".join(map(str, range(100))), encoding="utf-8")
    code, out, err = call("trim", "large", "--text", "en=en.txt", "--text", "ar=ar.txt", "--into", "both")
    assert (code, err) == (0, "")
    lost = out.partition("Languages not kept")[2]
    rows = [line.split()[0] for line in lost.splitlines() if "→" in line]
    assert sorted(rows) == ["ko", "ru", "tr", "zh"], out
    assert re.search(r"^en +0 +– +– +–$", out, re.MULTILINE) and "Many sentences" not in out, out


def test_push_asks_first(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_stock(tmp_path / "student", "bert")
    (folder / "README.md").write_text("# Card")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_test")
    sent: list[str] = []

    def send(upload: Upload, repository: str, *, private: bool) -> str:
        sent.append(f"{repository} {private}")
        return "https://hub/x"

    monkeypatch.setattr("equiglot.models.send", send)
    monkeypatch.setattr("equiglot.models.look_up", lambda repository, private: None if private else "public")
    code, out, err = call("push", folder, "group/student")
    assert "To the public repository group/student, which is there already" in out
    assert code == 2 and "nobody is there to be asked" in err and "model.safetensors" in out and sent == []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, said in ((False, "Nothing was sent"), (True, "The model: https://hub/x")):
        monkeypatch.setattr("typer.confirm", lambda question, answer=answer: answer)
        code, out, _ = call("push", folder, "group/student", "--private")
        assert code == 0 and said in out and "To a new private repository group/student" in out
    assert sent == ["group/student True"]


COMPLETIONS = {
    "run demo-q": ["demo-quick"],
    "run demo --set models.h": ["models.hl", "models.hl-balanced"],
    "run demo --set seed=1 --set training.batch.s": ["training.batch.sentences"],
    "plan --workers 2 demo --set vocabulary.si": ["vocabulary.size"],
    "status fin": ["finished"],
    "fill finished/": ["finished/student"],
    "schem": ["schema"],
}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("line", COMPLETIONS)
def test_completion(line: str, shell: str, tmp_path: Path) -> None:
    (tmp_path / "finished" / "models" / "student").mkdir(parents=True)
    (tmp_path / "finished" / "models" / "student" / "config.json").write_text("{}")
    (tmp_path / "finished" / "jobs").mkdir()
    (tmp_path / "finished" / "recipe.yaml").write_text("name: x")
    words = f"equiglot {line}"
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_TYPER_COMPLETE_ARGS": words}
    program = "import sys; sys.argv = ['equiglot']; from equiglot.cli import main\ntry: main()\n"
    program += "finally: assert 'torch' not in sys.modules"
    environment = {**os.environ, **asked, "_EQUIGLOT_COMPLETE": f"complete_{shell}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    offered = done.stdout.split() if shell == "bash" else re.findall(r'"([^"]+)"', done.stdout)
    assert [word for word in offered if word in COMPLETIONS[line]] == COMPLETIONS[line], done.stdout


_PROGRAM = "import sys; sys.argv[0] = 'equiglot'; from equiglot.cli import main; main()"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_completion_in_bash_itself(tmp_path: Path) -> None:
    """The script that `--show-completion bash` prints, used as bash uses it."""
    (tmp_path / "equiglot").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{_PROGRAM}" "$@"\n')
    (tmp_path / "equiglot").chmod(0o755)
    script = _completion_script("bash")
    program = f"""{script}
COMP_WORDS=(equiglot run demo --set models.h) COMP_CWORD=4
_equiglot_completion equiglot
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["models.hl", "models.hl-balanced"]


def _completion_script(shell: str) -> str:
    environment = {**os.environ, "_EQUIGLOT_COMPLETE": f"source_{shell}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True
    ).stdout


def command(*arguments: str | bytes, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """The program in a process of its own, its output and errors in pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "equiglot", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("name", ["recipes", "schema"])
def test_nobody_reads_the_output(name: str, tmp_path: Path) -> None:
    process = command(name, cwd=tmp_path)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 128 + signal.SIGPIPE


def test_output_to_a_pipe_that_takes_only_ascii(tmp_path: Path) -> None:
    words = ["ağaç", "çiçek", "gökyüzü", "şeker", "ılık", "öğrenci", "üzüm", "başka"]
    lines = (" ".join(words[(number >> 3 * place) % 8] for place in range(8)) for number in range(1, 9000, 29))
    (tmp_path / "tr.txt").write_text("\n".join(lines), encoding="utf-8")
    process = command("init", ".", "--into", "Türkçe.yaml", cwd=tmp_path, PYTHONIOENCODING="ascii")
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert rb"The recipe: T\xfcrk\xe7e.yaml" in out


def test_a_locale_without_utf_8(tmp_path: Path) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = command("plan", "Türkçe.yaml", cwd=tmp_path, **locale)
    _, err = process.communicate()
    assert (process.returncode, b"set a UTF-8 locale" in err, b"Traceback" in err) == (2, True, False)


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    Path(os.fsdecode(place + b"/w\xe9")).mkdir()
    for name in (b"/en\xe9.txt", b"/w\xe9/en.txt"):
        Path(os.fsdecode(place + name)).write_text("text")
    for arguments in (["run", b"caf\xe9.yaml"], ["plan", "demo", "--into", b"caf\xe9"], ["status", b"\xff"]):
        process = command(*arguments, cwd=tmp_path)
        _, err = process.communicate()
        assert (process.returncode, b"is not UTF-8" in err, b"Traceback" in err) == (2, True, False)
    for source in (FilesSource(paths=("en*.txt",)).resolve(tmp_path), FilesSource(paths=(str(tmp_path),))):
        with pytest.raises(InputError, match=r"(?s)not UTF-8.*\\udce9"):
            source.files()
    with pytest.raises(InputError, match="not UTF-8"):
        FilesSource(paths=("en.txt",)).resolve(Path(os.fsdecode(place + b"/w\xe9")))
    with pytest.raises(InputError, match=r"no text of any language .*not UTF-8"):
        find_languages(tmp_path, tmp_path)

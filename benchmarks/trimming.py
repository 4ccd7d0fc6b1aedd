"""How long trimming a model of mBERT's or XLM-R's size takes, and how much memory, beside `trimbed` where there is one.

    python -m benchmarks.trimming DATA [--models mbert xlm-r] [--peer PYTHON] [--pairs 2]

DATA has vocabularies/mbert-cased.txt (one entry a line, in the order of ids), vocabularies/xlm-r.txt (the pieces in the
order of ids; scores are approximated by rank), and text/LANGUAGE/*.txt. Weights are random: what is measured does not
depend on them. PYTHON is an interpreter that can `import trimbed` (Python 3.12, transformers below 5.15). It is given
the same number of entries, and the same text; runs alternate, the median counts. Memory is the peak of the process.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram, WordPiece
from transformers import AutoModelForMaskedLM, BertConfig, PreTrainedTokenizerFast, XLMRobertaConfig

TEXTS = {"Slovene": ["sl"], "Hindi and Urdu": ["hi", "ur"], "Latvian, 1,000 sentences": ["lv"]}
LITTLE = 1000


def mbert(data: Path, into: Path) -> None:
    """178 million random weights, and the real vocabulary."""
    entries = (data / "vocabularies" / "mbert-cased.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {entry: number for number, entry in enumerate(entries) if entry}
    backend = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    _save(backend, into, ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"))
    AutoModelForMaskedLM.from_config(BertConfig(vocab_size=len(vocabulary))).save_pretrained(into)


def xlm_r(data: Path, into: Path) -> None:
    """278 million random weights, and the real pieces."""
    pieces = (data / "vocabularies" / "xlm-r.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    scores = [0.0 if place < 4 else -math.log(place - 2) - 2.57 for place in range(len(pieces))]
    backend = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=3))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    _save(backend, into, ("<s>", "</s>", "<pad>", "<unk>", "<mask>"))
    config = XLMRobertaConfig(vocab_size=len(pieces), max_position_embeddings=514, type_vocab_size=1)
    AutoModelForMaskedLM.from_config(config).save_pretrained(into)


def _save(backend: Tokenizer, into: Path, names: tuple[str, ...]) -> None:
    first, last, padding, unknown, mask = names
    ends = [(each, backend.token_to_id(each)) for each in (first, last)]
    backend.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ends)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        cls_token=first,
        sep_token=last,
        pad_token=padding,
        unk_token=unknown,
        mask_token=mask,
    )
    tokenizer.save_pretrained(into)


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Seconds on the clock, of the processor, and the peak of memory in MB, of a command."""
    before = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}\n{told}")
    return time.monotonic() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def peer_configuration(model: Path, lines: dict[str, list[str]], size: int, folder: Path) -> Path:
    """The same for trimbed: the languages' text as JSON Lines, the most frequent entries up to as many."""
    corpus = folder / "corpus.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        for text in lines.values():
            file.writelines(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in text)
    settings = {
        "model": str(model),
        "output_dir": str(folder / "peer"),
        "overwrite": True,
        "corpus": {"datasets": [{"path": "json", "data_files": str(corpus)}]},
        "selection": {"top_k": size},
    }
    path = folder / "trimbed.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["mbert", "xlm-r"], choices=["mbert", "xlm-r"])
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--pairs", type=int, default=2)
    given = parser.parse_args()
    print("model\ttext\tprogram\tentries\tseconds\tCPU seconds\tpeak MB\ttimes the model's bytes")
    with TemporaryDirectory() as place:
        for name in given.models:
            model = Path(place) / name
            {"mbert": mbert, "xlm-r": xlm_r}[name](given.data, model)
            size = sum(file.stat().st_size for file in model.glob("*.safetensors")) / 1e6
            for title, codes in TEXTS.items():
                compare(given, name, model, size, title, codes, Path(place))


def compare(
    given: argparse.Namespace, name: str, model: Path, size: float, title: str, codes: list[str], place: Path
) -> None:
    """Runs ours and the peer's in turn, and prints a line of each."""
    lines = {code: _lines(given.data, code, LITTLE if "1,000" in title else None) for code in codes}
    texts = []
    for code, text in lines.items():
        (place / f"{code}.txt").write_text("\n".join(text), encoding="utf-8")
        texts += ["--text", f"{code}={place / f'{code}.txt'}"]
    runs: dict[str, list[tuple[float, float, float]]] = {}
    entries = 0
    for number in range(given.pairs):
        into = place / f"{title}-{number}"
        command = [sys.executable, "-m", "equiglot", "trim", str(model), *texts, "--into", str(into)]
        runs.setdefault("equiglot", []).append(timed(command, dict(os.environ)))
        entries = json.loads((into / "trim.json").read_text(encoding="utf-8"))["entries_after"]
        if given.peer is not None:
            settings = peer_configuration(model, lines, entries, place)
            command = [str(given.peer), "-m", "trimbed.cli", "trim", "--config", str(settings)]
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.environ.get("PEER_PATH", "")}
            runs.setdefault("trimbed", []).append(timed(command, environment))
    for program, measured in runs.items():
        seconds, cpu, peak = (statistics.median(each) for each in zip(*measured, strict=True))
        print(f"{name}\t{title}\t{program}\t{entries}\t{seconds:.0f}\t{cpu:.0f}\t{peak:.0f}\t{peak / size:.2f}")


def _lines(data: Path, code: str, most: int | None) -> list[str]:
    files = sorted((data / "text" / code).glob("*.txt"))
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()][:most]


if __name__ == "__main__":
    main()

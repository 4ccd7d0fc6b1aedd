"""Paragraphs and their places, and documents that are parallel."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from equiglot.corpus import Document, FilesSource, SampleSource
from equiglot.errors import InputError
from equiglot.tasks.place import check_documents, read_places, split_of
from tests.articles import ARTICLE
from tests.tasks.conftest import Write


def test_first_between_last() -> None:
    long = "안녕" * 300
    paragraphs = [ARTICLE["te"], f"  {ARTICLE['ar']} ", long, ARTICLE["el"]]
    (split,) = read_places([Document("7", paragraphs)], Counter()).values()
    assert [each.words for each in split] == [[ARTICLE["te"]], [ARTICLE["ar"]], [long[:400]], [ARTICLE["el"]]]
    assert [each.labels for each in split] == [["first"], ["between"], ["between"], ["last"]]


def test_pieces_of_a_document_are_one() -> None:
    pieces = [Document("a", ["1", "2"]), Document("a", ["3"]), Document("b", ["4"]), Document("a", ["5", "6"])]
    notes: Counter[str] = Counter()
    splits = read_places(pieces, notes)
    found = [(each.words[0], each.labels[0]) for each in splits[split_of("a")]]
    assert found == [("1", "first"), ("2", "between"), ("3", "last")]
    assert list(notes.items()) == [("documents with fewer than 3 paragraphs left out", 2)]


def test_shares_of_the_splits() -> None:
    splits = Counter(split_of(f"0:{number}") for number in range(20_000))
    for split, share in {"train": 0.7, "dev": 0.1, "test": 0.2}.items():
        # Four deviations of a binomial distribution.
        assert abs(splits[split] / 20_000 - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


def test_parallel_pages_are_in_the_same_split() -> None:
    source = SampleSource(kind="sample")
    try:
        pages = {language: list(source.documents(language)) for language in ("en", "ko")}
    except InputError as error:
        pytest.skip(str(error))
    splits: dict[str, dict[str, str]] = {}
    for language, documents in pages.items():
        found = read_places(documents, Counter())
        assert set(found) == {"train", "dev", "test"}
        for split, sentences in found.items():
            splits.setdefault(language, {}).update({each.where(0): split for each in sentences})
        count = sum(len(page.paragraphs) for page in documents if len(page.paragraphs) >= 3)
        assert sum(map(len, found.values())) == count
    common = splits["en"].keys() & splits["ko"].keys()
    assert len(common) > 500 and all(splits["en"][page] == splits["ko"][page] for page in common)


def test_text_without_known_documents(write: Write) -> None:
    lines = write("\n".join(ARTICLE.values()), "lines.txt")
    documents = write("\n\n".join(ARTICLE.values()), "documents.txt")

    def source(path: Path, **options: bool) -> FilesSource:
        return FilesSource(paths=(str(path),), **options)

    check_documents(source(documents), "ko")
    for bad in (source(lines), source(documents, parallel=True)):
        with pytest.raises(InputError, match="in the text of ko each line stands for itself") as caught:
            check_documents(bad, "ko")
        assert caught.value.where == "languages.ko.text" and "blank lines" in str(caught.value.fix)

import pytest

from equiglot.corpus import (
    LanguageText,
    SampleSource,
    TextSettings,
    build_corpus,
    fold,
    read_sentences,
    sample_languages,
)
from equiglot.corpus import sample as sample_module
from equiglot.corpus.sample import is_sentence, prose
from equiglot.errors import InputError

PAGE = """---
title: A page
---
# Blur Image

The `blur` node, **always**, [smooths](https://example.org/x) an image:
it is soft. See https://example.org for more.

![A picture](picture.png)

| Field | What this column says to the reader |
| --- | --- |
| `image` | The image to be blurred.<br>It may be **any** image at all. |
| `sigma` | `FLOAT` |

- A list item with `code`.
- `code`

```python
print("The code goes away, of course.")
```

<div>
The HTML goes away, of course.
</div>

Source fingerprint: `e9a5a05cdeafe9337ca2033111f1ad4f7314fa33d71a4764f62919857efc79f4`

> Written by machine! [Edit it](https://example.com/edit/page.md)

> Written by machine! [Edit it](https://example.com/edit/a page.md)
"""


@pytest.fixture
def installed() -> None:
    pytest.importorskip("comfyui_embedded_docs", reason="needs the extra `sample`")


def test_prose_of_markdown() -> None:
    assert list(prose(PAGE, "https://example.com/edit")) == [
        "The blur node, always, smooths an image: it is soft. See  for more.",
        "The image to be blurred.",
        "It may be any image at all.",
        "A list item with code.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The generation mode.",
        "Number of frames to keep",
        "生成される動画の長さ（秒）",
        "생성된 영상의 길이입니다",
        "دقة الفيديو الناتج.",
    ],
)
def test_sentences(text: str) -> None:
    assert is_sentence(text)


@pytest.mark.parametrize(
    "text", ["FLOAT", "0 to 18446744073709551615", "CLIP_VISION_OUTPUT", "デフォルト", "Single image", ""]
)
def test_labels(text: str) -> None:
    assert not is_sentence(text)


@pytest.mark.usefixtures("installed")
def test_the_sample() -> None:
    source = SampleSource(kind="sample")
    assert set(sample_languages()) >= {"ar", "de", "en", "fa", "he", "ja", "ko", "pt-BR", "ru", "tr", "zh", "zh-TW"}
    pages = {document.id: document for document in source.documents("en")}
    assert len(pages) > 1000 and all(page.known for page in pages.values())
    characters = sum(len(line) for page in pages.values() for line in page.paragraphs)
    assert 1_000_000 < characters < 2_000_000
    assert not any("Edit on GitHub" in line for page in pages.values() for line in page.paragraphs)
    assert "GPL-3.0" in source.describe("en") and "parallel" in source.describe("en")
    assert source.identity("en") == source.identity("en") != source.identity("de")


@pytest.mark.usefixtures("installed")
def test_no_page_stands_in_two_splits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pages of all languages fall into the same splits, so the splits' pages are disjoint across languages."""
    source = LanguageText(text={"kind": "sample"})
    pages: dict[str, set[str]] = {"train": set(), "valid": set(), "test": set()}
    for language in ("en", "ko", "he"):
        into = tmp_path_factory.mktemp(language)
        chosen = TextSettings(valid=0.06, test=0.06, split_sentences=False, max_characters=100_000)
        statistics = build_corpus(language, source, chosen, 0, into)
        assert statistics.parallel and statistics.test.sentences > 300
        homes: dict[str, set[str]] = {}
        for document in source.text.documents(language):
            for line in document.paragraphs:
                homes.setdefault(fold(line), set()).add(document.id)
        for name, found in pages.items():
            texts = (text for batch in read_sentences(into / f"{name}.arrow") for text in batch)
            found |= {page for text in texts if len(home := homes.get(fold(text), set())) == 1 for page in home}
    assert all(len(found) > 50 for found in pages.values())
    assert not pages["train"] & pages["valid"] and not pages["train"] & pages["test"]
    assert not pages["valid"] & pages["test"]


@pytest.mark.usefixtures("installed")
def test_a_language_it_does_not_have() -> None:
    with pytest.raises(InputError, match="no text in 'zh-CN'") as caught:
        list(SampleSource(kind="sample").documents("zh-CN"))
    assert caught.value.fix and "nearest: zh" in caught.value.fix


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_module, "MODULE", "there_is_no_such_module")
    with pytest.raises(InputError) as caught:
        list(SampleSource(kind="sample").documents("en"))
    assert "pip install equiglot[sample]" in str(caught.value)

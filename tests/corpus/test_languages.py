import pytest

from equiglot.corpus import check_language
from equiglot.corpus.languages import base_language
from equiglot.errors import InputError


@pytest.mark.parametrize("code", ["en", "pt-BR", "zh-TW", "sr-Latn", "te", "lt", "deu"])
def test_valid(code: str) -> None:
    check_language(code)


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("gr", "el"),
        ("zh_classical", "lzh"),
        ("bat_smg", "sgs"),
        ("simple", "en"),
        ("jp", "ja"),
        ("german", "de"),
        ("cn", "zh"),
        ("enn-", "enn"),
        ("", "en"),
        ("q", "sq"),
        ("名前", "en"),
    ],
)
def test_the_nearest_is_named(code: str, near: str) -> None:
    with pytest.raises(InputError) as caught:
        check_language(code)
    assert caught.value.fix and caught.value.fix.startswith(f"write {near} (")


def test_base() -> None:
    assert (base_language("pt-BR"), base_language("zh-TW"), base_language("en")) == ("pt", "zh", "en")

"""Real sentences with their trees, in seven scripts, as treebanks write them."""

from collections.abc import Sequence
from pathlib import Path

TREES = {
    "en": (
        "She/2/nsubj gave/0/root him/2/iobj the/5/det book/2/obj ./2/punct",
        "The/3/det old/3/amod man/4/nsubj sleeps/0/root",
        "Do/3/aux you/3/nsubj know/0/root who/5/nsubj came/3/ccomp ?/3/punct",
        "Students/2/nsubj learn/0/root what/5/obj teachers/5/nsubj know/2/ccomp ./2/punct",
    ),
    "ru": (
        "Мама/2/nsubj мыла/0/root раму/2/obj ./2/punct",
        "Я/2/nsubj живу/0/root в/4/case Москве/2/obl ./2/punct",
        "Старый/2/amod дом/3/nsubj стоит/0/root у/5/case реки/3/obl ./3/punct",
    ),
    "el": (
        "Η/2/det Μαρία/3/nsubj διαβάζει/0/root ένα/5/det βιβλίο/3/obj ./3/punct",
        "Ο/2/det ήλιος/3/nsubj λάμπει/0/root ./3/punct",
        "Δεν/2/advmod ξέρω/0/root τίποτα/2/obj ./2/punct",
    ),
    "hi": (
        "राम/4/nsubj ने/1/case फल/4/obj खाया/0/root ।/4/punct",
        "मैं/4/nsubj घर/4/obl पर/2/case हूँ/0/root ।/4/punct",
        "यह/3/det अच्छी/3/amod किताब/0/root है/3/cop ।/3/punct",
    ),
    "ko": (
        "나는/3/nsubj 학교에/3/obl 간다/0/root ./3/punct",
        "어머니가/3/nsubj 밥을/3/obj 먹었다/0/root ./3/punct",
        "그/2/det 사람은/4/nsubj 책을/4/obj 읽는다/0/root ./4/punct",
    ),
    "ar": (
        "كتب/0/root الولد/1/nsubj الدرس/1/obj ./1/punct",
        "ذهبت/0/root إلى/3/case المدرسة/1/obl ./1/punct",
        "قرأ/0/root الرجل/1/nsubj كتابا/1/obj جديدا/3/amod ./1/punct",
    ),
    "te": (
        "రాముడు/3/nsubj పుస్తకం/3/obj చదివాడు/0/root ./3/punct",
        "నేను/3/nsubj ఇంటికి/3/obl వెళ్ళాను/0/root ./3/punct",
        "ఆమె/3/nsubj పాట/3/obj పాడింది/0/root ./3/punct",
    ),
}
"""Language -> sentences: WORD/HEAD/RELATION."""


def block(sentence: str) -> str:
    """A sentence as lines of CoNLL-U."""
    words = [word.rsplit("/", 2) for word in sentence.split()]
    return "".join(
        f"{place}\t{form}\t_\tX\t_\t_\t{head}\t{relation}\t_\t_\n"
        for place, (form, head, relation) in enumerate(words, 1)
    )


def write_treebanks(folder: Path, languages: Sequence[str] = tuple(TREES), times: int = 4) -> str:
    """<language>-<split>.conllu in a folder that is made, the first sentence of each as its test; what is typed after
    --data."""
    folder.mkdir(parents=True, exist_ok=True)
    for code in languages:
        for split, sentences in (("train", TREES[code] * times), ("dev", TREES[code]), ("test", TREES[code][:2])):
            text = "".join(f"{block(each)}\n" for each in sentences)
            (folder / f"{code}-{split}.conllu").write_text(text, encoding="utf-8")
    return f"{folder}/{{language}}-*.conllu"

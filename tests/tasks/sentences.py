"""A tagged sentence in many scripts, and ways to write such sentences to files."""

from collections.abc import Iterable, Sequence

Tagged = Sequence[tuple[str, str]]

SENTENCE = {
    "en": "Anna lives in New York .",
    "ru": "Анна живёт в Нижнем Новгороде .",
    "el": "Η Άννα ζει στη Νέα Υόρκη .",
    "hi": "अन्ना नई दिल्ली में रहती है ।",
    "te": "అన్న హైదరాబాద్‌లో ఉంటుంది .",
    "ko": "안나는 서울에 산다 .",
    "ar": "تعيش آنا في الرياض .",
    "vi": "Anna sống ở Hà_Nội .",  # with a space in its fourth word
}
UPOS = {
    "en": "PROPN VERB ADP PROPN PROPN PUNCT",
    "ru": "PROPN VERB ADP ADJ PROPN PUNCT",
    "el": "DET PROPN VERB ADP ADJ PROPN PUNCT",
    "hi": "PROPN ADJ PROPN ADP VERB AUX PUNCT",
    "te": "PROPN PROPN VERB PUNCT",
    "ko": "PROPN PROPN VERB PUNCT",
    "ar": "VERB PROPN ADP PROPN PUNCT",
    "vi": "PROPN VERB ADP PROPN PUNCT",
}
BIO = {
    "en": "B-PER O O B-LOC I-LOC O",
    "ru": "B-PER O O B-LOC I-LOC O",
    "el": "O B-PER O O B-LOC I-LOC O",
    "hi": "B-PER B-LOC I-LOC O O O O",
    "te": "B-PER B-LOC O O",
    "ko": "B-PER B-LOC O O",
    "ar": "O B-PER O B-LOC O",
    "vi": "B-PER O O B-LOC O",
}


def words_of(language: str) -> list[str]:
    return [word.replace("_", " ") for word in SENTENCE[language].split()]


def tagged(language: str, tags: dict[str, str]) -> Tagged:
    return list(zip(words_of(language), tags[language].split(), strict=True))


def conllu(sentences: Iterable[Tagged], *, root: str = "0") -> str:
    """Sentences as CoNLL-U, each word the head of the next."""
    text = ""
    for number, sentence in enumerate(sentences):
        text += f"# sent_id = {number}\n"
        for place, (word, tag) in enumerate(sentence, 1):
            head = root if place == 1 else str(place - 1)
            text += f"{place}\t{word}\t{word.lower()}\t{tag}\t_\tCase=Nom|Number=Sing\t{head}\tdep\t_\tA=a  b\n"
        text += "\n"
    return text


def bio(sentences: Iterable[Tagged], separator: str = "\t") -> str:
    """Sentences with a word and its tag a line."""
    return "".join("".join(f"{word}{separator}{tag}\n" for word, tag in sentence) + "\n" for sentence in sentences)

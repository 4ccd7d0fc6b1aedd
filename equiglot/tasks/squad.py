"""Files in the form of SQuAD 1.1: articles, their paragraphs, questions about them, and answers that stand in them.

They are JSON, or Parquet with the columns that `datasets` gives them.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from equiglot.corpus.opening import unreadable
from equiglot.corpus.records import check_column, opened_table
from equiglot.errors import InputError
from equiglot.reading import read_json_object, without_halves
from equiglot.tasks.sentences import TEXT_CHARACTERS

MOST_QUESTIONS = 2_000
"""About one paragraph."""
_COLUMNS = ("id", "context", "question", "answers")
_FORM = '{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [{"id": ..., "question": ..., "answers": '
_FORM += '[{"text": ..., "answer_start": ...}]}]}]}]}'
_REPAIRED = "answers that do not start where their file says, and stand once elsewhere in the text (found again there)"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


_Text = Annotated[str, AfterValidator(without_halves)]


class _Answer(_Part):
    text: _Text
    answer_start: int


class _Asked(_Part):
    id: _Text
    question: _Text
    answers: tuple[_Answer, ...]


class _Paragraph(_Part):
    context: _Text
    qas: tuple[_Asked, ...]


class _Article(_Part):
    title: _Text = ""
    paragraphs: tuple[_Paragraph, ...]


class _File(_Part):
    data: tuple[_Article, ...]


@dataclass(frozen=True)
class Question:
    """A question about a paragraph.

    Attributes:
        id: its name.
        text: the question.
        answers: right ones, as they stand in the paragraph. [answers]
        starts: the character of the paragraph that each starts at. [answers]
    """

    id: str
    text: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, and what is asked about it.

    Attributes:
        article: the title of its article, or the id of the article's first question where it has no title.
        number: its place in the article.
        context: its text, as the file has it: characters are counted.
        questions: one or more.
    """

    article: str
    number: int
    context: str
    questions: tuple[Question, ...]


def read_squad(file: Path, notes: Counter[str]) -> list[Paragraph]:
    """The paragraphs of a file that anything is asked about.

    An answer that does not start where the file says is looked for in the text, and taken where it stands once.

    Args:
        file: JSON, UTF-8; or Parquet with the columns id, context, question, answers (texts, starts), perhaps title.
        notes: counts such answers.

    Raises:
        InputError: a file that cannot be read or has another form; a question without an answer, an id twice; answers
            that do not stand in the text, or more often elsewhere than where the file says.
    """
    found, answers = list[Paragraph](), _Answers(file)
    for article in _read(file).data:
        ids = [asked.id for paragraph in article.paragraphs for asked in paragraph.qas]
        for number, paragraph in enumerate(article.paragraphs):
            _check_sizes(paragraph, file)
            questions = tuple(answers.question(asked, paragraph.context) for asked in paragraph.qas)
            if questions:
                found.append(Paragraph(article.title or ids[0], number, paragraph.context, questions))
    if not found:
        raise InputError("There is no question in it.", where=file, fix="fill it or leave it out")
    check_ids(found, file)
    notes[_REPAIRED] += answers.repaired()
    return found


def check_ids(paragraphs: list[Paragraph], where: Path | str) -> None:
    """Refuses two questions with the same id.

    Raises:
        InputError: with the first.
    """
    counts = Counter(question.id for paragraph in paragraphs for question in paragraph.questions)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        what = f"Several questions have the same id, the first of them {twice[0]} ({len(twice):,} such ids)."
        raise InputError(what, where=where, fix="give each question an id of its own, or name each file once")


class _Answers:
    """Finds answers in their texts, and keeps account of those that stand elsewhere.

    Args:
        file: named in messages.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._count = file, 0
        self._moved, self._lost = list[str](), list[str]()

    def question(self, asked: _Asked, context: str) -> Question:
        """A question with its answers where they stand."""
        where = f"{self._file}, question {asked.id}"
        if not asked.question.strip():
            raise InputError("A question is empty.", where=where, fix="fill it or leave it out")
        if not any(answer.text.strip() for answer in asked.answers):
            what = "A question has no answer; each is expected to have one that stands in the text."
            raise InputError(what, where=where, fix="leave such questions out (SQuAD 2.0 has them, 1.1 has none)")
        kept = [answer for answer in asked.answers if answer.text.strip()]
        starts = tuple(self._start(answer, context, asked.id) for answer in kept)
        return Question(asked.id, asked.question, tuple(answer.text for answer in kept), starts)

    def repaired(self) -> int:
        """How many stood elsewhere.

        Raises:
            InputError: there are some that were not found again, or most stood elsewhere.
        """
        wrong = len(self._moved) + len(self._lost)
        if self._lost or 2 * wrong > self._count:
            first = (self._lost or self._moved)[0]
            what = f"{wrong:,} of {self._count:,} answers do not start in the text where the file says"
            what += f", and {len(self._lost):,} do not stand anywhere else in it just once" if self._lost else ""
            fix = "count `answer_start` from 0 in characters (not in bytes or UTF-16) of the context as it is"
            raise InputError(f"{what}; the first belongs to question {first}.", where=self._file, fix=fix)
        return wrong

    def _start(self, answer: _Answer, context: str, name: str) -> int:
        self._count += 1
        if answer.answer_start >= 0 and context.startswith(answer.text, answer.answer_start):
            return answer.answer_start
        start = context.find(answer.text)
        once = start >= 0 and context.find(answer.text, start + 1) < 0
        (self._moved if once else self._lost).append(name)
        return start


def _read(file: Path) -> _File:
    try:
        return _File.model_validate(_of_rows(file) if file.suffix == ".parquet" else read_json_object(file))
    except OSError as error:
        raise unreadable(file, error) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        what = f"This is not in the form of SQuAD 1.1: {place}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        raise InputError(what, where=file, fix=f"write it as {_FORM}") from None


def _of_rows(file: Path) -> dict[str, Any]:
    """The rows of a Parquet file as JSON would have them; without titles each paragraph is an article."""
    with opened_table(file) as table:
        for name in _COLUMNS:
            check_column(table.schema_arrow, name, file)
        titled = "title" in table.schema_arrow.names
        rows = table.read([*_COLUMNS, *(["title"] if titled else [])]).to_pylist()
    articles: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, 1):
        try:
            pairs = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
            answers = [{"text": text, "answer_start": start} for text, start in pairs]
        except (TypeError, KeyError, ValueError):
            what = "The answers to a question are a list of texts and one of their starts, equally long."
            fix = "write them as {text: [...], answer_start: [...]}"
            raise InputError(what, where=f"{file}, row {number:,}", fix=fix) from None
        if not isinstance(row["context"], str) or (titled and not isinstance(row["title"], str | None)):
            what = "A paragraph is not text, or its title is not."
            raise InputError(what, where=f"{file}, row {number:,}", fix="write text in the columns context and title")
        article = articles.setdefault(row["title"] if titled else row["context"], {})
        asked = {"id": row["id"], "question": row["question"], "answers": answers}
        article.setdefault(row["context"], []).append(asked)
    data = [
        {
            "title": (title or "") if titled else "",
            "paragraphs": [{"context": context, "qas": asked} for context, asked in paragraphs.items()],
        }
        for title, paragraphs in articles.items()
    ]
    return {"data": data}


def _check_sizes(paragraph: _Paragraph, file: Path) -> None:
    sizes = (("characters", len(paragraph.context), TEXT_CHARACTERS), ("questions", len(paragraph.qas), MOST_QUESTIONS))
    for what, size, most in sizes:
        if size > most:
            said = f"A paragraph has {size:,} {what}; more than {most:,} are taken for a mistake."
            raise InputError(said, where=f"{file}, {paragraph.context[:40]!r}", fix="divide it or leave it out")

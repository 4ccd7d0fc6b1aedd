import pytest

from equiglot.report import Language, Report, facts, tables, verdict
from equiglot.report.format import count, decimal, duration, interval, listed, moment, short_count, signed
from equiglot.report.score_index import ScoreIndex


def _column(table: tables.Table, name: str) -> dict[str, tables.Cell]:
    place = table.columns.index(name)
    return {row[0].text: row[place] for row in table.rows}


def test_the_score_table_has_every_group_and_language_and_marks_the_best(synthetic: Report) -> None:
    table = tables.score_table(synthetic, "mrr", "caption")
    assert [row[0].text for row in table.rows] == [
        "High-resource", "Low-resource", "All languages", "English", "German", "Turkish", "Basque", "Greek",
    ]  # fmt: skip
    assert _column(table, "Monolingual teachers")["Greek"] == tables.Cell("39.2", "[38.5, 39.9]")
    assert _column(table, "Student")["English"] == tables.Cell("41.9", "[41.2, 42.6]", "best")
    # 43.4 against 43.6 with an interval of the difference that spans zero.
    assert _column(table, "Student")["Turkish"].mark == "level"
    assert _column(table, "Frequency ranking")["Turkish"].mark == ""
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_distance_table_has_signs_and_only_multilingual_models(synthetic: Report) -> None:
    table = tables.distance_table(synthetic, "caption")
    assert table.columns == ("", "HL", "HL balanced", "Student", "Student, half gold")
    assert _column(table, "HL balanced")["High-resource"] == tables.Cell("−7.0", "[−7.3, −6.7]")
    assert _column(table, "Student, half gold")["Turkish"].note == "[−1.1, +0.1]"


def test_the_best_loss_is_the_lowest(synthetic: Report) -> None:
    table = tables.score_table(synthetic, "loss", "caption")
    assert _column(table, "Student")["English"].mark == "best"


def test_differences_are_read_in_either_direction(synthetic: Report) -> None:
    numbers = ScoreIndex(synthetic)
    there, back = numbers.difference("student", "hl", "eu"), numbers.difference("hl", "student", "eu")
    assert there is not None and back is not None
    assert (back.value, back.low, back.high) == (-there.value, -(there.high or 0), -(there.low or 0))
    table = tables.difference_table(synthetic, "caption")
    assert "Student − HL" in table.columns
    # Of four models' six pairs only those with a student are shown.
    assert "HL − HL balanced" not in table.columns and len(table.columns) == 6


def test_several_seeds_become_a_mean_with_the_widest_interval(synthetic: Report) -> None:
    first = next(score for score in synthetic.scores if score.model == "hl" and score.metric == "mrr")
    second = first.model_copy(
        update={"seed": 1, "value": first.value + 2, "low": first.value + 1, "high": first.value + 3}
    )
    numbers = ScoreIndex(synthetic.model_copy(update={"scores": (first, second)}))
    found = numbers.of("hl", "mrr", first.language)
    assert found is not None and found.value == pytest.approx(first.value + 1)
    assert (found.low, found.high) == (first.low, second.high)
    assert numbers.seeds == 2


def test_other_tasks_are_left_alone(synthetic: Report) -> None:
    scores = tuple(score.model_copy(update={"task": "pos"}) for score in synthetic.scores)
    assert tables.score_table(synthetic.model_copy(update={"scores": scores}), "mrr", "").rows == ()


def test_probes_change_nothing_of_masked_words(synthetic: Report, probed: Report) -> None:
    for metric in ("mrr", "accuracy"):
        assert tables.score_table(probed, metric, "") == tables.score_table(synthetic, metric, "")
    assert tables.difference_table(probed, "") == tables.difference_table(synthetic, "")
    assert verdict(probed) == verdict(synthetic) and ScoreIndex(probed).seeds == 1


def test_facts_of_data_and_models(synthetic: Report) -> None:
    data = facts.data_table(synthetic, "")
    assert _column(data, "train")["Turkish"] == tables.Cell("300,000", "5,769 sentences\n75,000 tokens")
    assert data.rows[0][0].note == "en, high-resource"
    assert _column(facts.cleaning_table(synthetic, ""), "German")["near duplicates"].text == "1,294 dropped"
    portions = _column(facts.portion_table(synthetic, ""), "English")
    assert portions["Student"] == tables.Cell("150 k", "37.5 k tokens\n12.5 passes\n1,800 updates")
    assert portions["Monolingual teachers"].text == "1.5 M"
    assert _column(facts.vocabulary_table(synthetic, ""), "[UNK] tokens (%)")["Greek"].text == "0.16"
    models = facts.models_table(synthetic, "")
    assert _column(models, "Time")["HL"] == tables.Cell("6 min 51 s", "15.6 k tokens/s")
    assert _column(models, "Updates")["Frequency ranking"].text == "–"


def test_an_empty_report_has_empty_tables() -> None:
    report = Report(name="empty", languages=(Language(code="eu", name="Basque"),))
    for make in (tables.distance_table, tables.difference_table, facts.portion_table, facts.vocabulary_table):
        assert make(report, "").rows == ()
    assert facts.data_table(report, "").rows[0][2].text == "–"


def test_numbers_in_words() -> None:
    assert [decimal(value) for value in (-0.04, -1.25, 3, None)] == ["0.0", "−1.2", "3.0", "–"]
    assert [signed(value) for value in (0.04, 0.0, 1.26, -1.26)] == ["0.0", "0.0", "+1.3", "−1.3"]
    assert interval(None, None) == "" and interval(-1.0, 0.5, sign=True) == "[−1.0, +0.5]"
    assert [short_count(value) for value in (None, 0.5, 999, 1500, 999_999, 51_193_168, 2e9)] == [
        "–", "0.5", "999", "1.5 k", "1 M", "51.2 M", "2 B",
    ]  # fmt: skip
    assert [duration(value) for value in (None, 42, 59.7, 61, 3599.9, 3900)] == [
        "–", "42 s", "1 min 00 s", "1 min 01 s", "1 h 00 min", "1 h 05 min",
    ]  # fmt: skip
    assert count(1234.4) == "1,234"
    assert [moment(text) for text in ("2030-01-01T10:00:05+00:00", "2030-01-01 10:00", "soon")] == [
        "2030-01-01 10:00:05 UTC", "2030-01-01 10:00:00", "soon",
    ]  # fmt: skip
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]

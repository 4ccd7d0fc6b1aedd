"""The layout of a run folder."""

from pathlib import Path

from equiglot.run import RunDirectory


def test_every_place_in_a_run_is_its_own(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    single = [
        run.recipe,
        run.attempts,
        run.log,
        run.progress,
        run.vocabulary,
        run.scores,
        run.report,
    ]
    named = [run.job, run.corpus, run.tokens, run.model, run.checkpoints, run.events, run.scores_of]
    places = single + [place(name) for place in named for name in ("eu", "en")]
    assert len(set(places)) == len(places)
    assert all(place.is_relative_to(tmp_path) for place in places)

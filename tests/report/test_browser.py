"""The page in a real browser: no error, no request, no sideways scrolling, light and dark."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equiglot.report import ComparedRun, Comparison, Field, Report, write_comparison, write_report

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = '"><script>window.broken=1</script><img src=x onerror="window.broken=1"></script>'
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def report_file(probed: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "index.html"
    write_report(probed, path)
    return path


class _Visit:
    """An opened page with all that went wrong or out while it was drawn."""

    def __init__(self, browser: Any, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def wait_for(self, expression: str) -> None:
        """Waits until a JavaScript expression is true; the page's policy allows no eval, which Playwright would use."""
        for _ in range(200):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {expression}")

    def check(self, path: Path) -> None:
        assert self.complaints == []
        assert self.requests == [path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_draws_without_error_request_or_sideways_scroll(
    browser: Any, report_file: Path, width: int, scheme: str
) -> None:
    visit = _Visit(browser, report_file, width=width, scheme=scheme)
    visit.check(report_file)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.locator(".plot .view > svg").count() >= 7
    # Nothing of a figure sticks out of it, where it could not be read.
    assert visit.page.evaluate(
        "[...document.querySelectorAll('.view:not([hidden]) text')].every((text) => { const box = "
        "text.getBoundingClientRect(), all = text.closest('.plot').getBoundingClientRect(); return box.left >= "
        "all.left - 2 && box.right <= all.right + 16 && box.top >= all.top - 2 && box.bottom <= all.bottom + 2; })"
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_a_comparison_draws_too(browser: Any, probed: Report, tmp_path: Path, width: int) -> None:
    path = tmp_path / "comparison.html"
    trained = [{"student": run} for run in ("one", "two")]
    runs = tuple(
        ComparedRun(name=f"{HOSTILE} {number}", folder=HOSTILE, report=probed, trainings=trainings)
        for number, trainings in enumerate(trained)
    )
    fields = (Field(name="training.updates", values=("10", HOSTILE * 5)),)
    write_comparison(Comparison(runs=runs, groups=probed.groups, fields=fields, obstacles=(HOSTILE,)), path)
    visit = _Visit(browser, path, width=width)
    visit.check(path)
    assert visit.page.evaluate("window.broken") is None
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.locator(".plot .view > svg").count() >= 2
    assert visit.page.locator("#scores-plot .trace").count() == 10  # of each run four models and the teachers


def test_the_link_to_a_figure_follows_the_choice(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file)
    link = "document.getElementById('learning-plot-file').getAttribute('href')"
    assert visit.page.evaluate(link) == "figures/learning-mean-over-languages.svg"
    visit.page.select_option("#learning-plot-view", label="Greek")
    assert visit.page.evaluate(link) == "figures/learning-greek.svg"


def test_a_model_can_be_chosen_for_the_heat_map(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file, width=390)
    said = "document.querySelector('#pos-transfer-plot').innerText"
    assert "79.6" in visit.page.evaluate(said)
    frames = "document.querySelectorAll('#pos-transfer-plot .view:not([hidden]) .frame').length"
    assert visit.page.evaluate(frames) == 3
    visit.page.select_option("#pos-transfer-plot-view", label="HL")
    visit.wait_for(f"{said}.includes('77.5')")
    visit.check(report_file)


def test_the_nearest_point_of_a_line_is_told(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file)
    line = visit.page.locator("#learning-plot .view:not([hidden]) polyline").first
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 3)
    tip = visit.page.locator(".tip").text_content() or ""
    assert tip.split("\n")[0] in {"HL", "HL balanced", "Student", "Student, half gold"}
    assert tip.split("\n")[1].startswith("update 9,000: ")
    visit.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"])  # far from all of them
    assert not visit.page.locator(".tip").is_visible()
    visit.check(report_file)


def test_figures_follow_the_colour_scheme(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file)
    seen = []
    for scheme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.wait_for_timeout(400)
        colour = "getComputedStyle(document.querySelector('#scores-plot text')).fill"
        seen.append(
            (visit.page.evaluate("getComputedStyle(document.body).backgroundColor"), visit.page.evaluate(colour))
        )
    assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1]
    visit.check(report_file)


def test_a_language_can_be_chosen_for_the_learning_curves(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file)
    lines = "document.querySelectorAll('#learning-plot .view:not([hidden]) .trace').length"
    assert visit.page.evaluate(lines) == 4
    visit.page.select_option("#learning-plot-view", label="Greek")
    visit.wait_for(f"{lines} === 5")
    visit.check(report_file)


def test_printing_fits_the_paper_and_leaves_the_screen_as_it_was(browser: Any, report_file: Path) -> None:
    visit = _Visit(browser, report_file, scheme="dark")
    width = "document.querySelector('#scores-plot').clientWidth"
    before = visit.page.evaluate(width)
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    visit.page.emulate_media(media="print")
    visit.page.set_viewport_size({"width": 690, "height": 844})
    visit.wait_for(f"{width} <= 690")
    # Paper is light, whatever the screen is, and nothing on it can be folded away.
    assert visit.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')") == "#ffffff"
    assert visit.page.locator("details:not([open])").count() == 0
    visit.page.emulate_media(media="screen")
    visit.page.set_viewport_size({"width": 1280, "height": 844})
    visit.wait_for(f"{width} === {before}")
    visit.check(report_file)


def test_hostile_text_stays_text(browser: Any, probed: Report, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    languages = tuple(
        language.model_copy(update={"name": HOSTILE, "text": HOSTILE, "example": (HOSTILE,)})
        for language in probed.languages
    )
    models = tuple(model.model_copy(update={"label": HOSTILE}) for model in probed.models)
    write_report(probed.model_copy(update={"languages": languages, "models": models, "name": HOSTILE}), path)
    visit = _Visit(browser, path, width=390)
    visit.page.locator("#scores-plot [data-said]").first.hover(force=True)
    visit.page.locator(".tip").wait_for()
    assert (visit.page.locator(".tip").text_content() or "").startswith("Monolingual teachers\nHigh-resource: ")
    visit.check(path)
    assert visit.page.evaluate("window.broken") is None
    assert visit.page.title() == f"{HOSTILE} · Equiglot report"
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_half_done_run_has_a_page(browser: Any, synthetic: Report, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    write_report(synthetic.model_copy(update={"scores": (), "curves": ()}), path)
    _Visit(browser, path).check(path)


def test_what_is_not_ours_may_not_run(browser: Any, report_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(
        report_file.read_text(encoding="utf-8").replace("</main>", "<script>window.broken = 1</script></main>")
    )
    visit = _Visit(browser, path)
    assert visit.page.evaluate("window.broken") is None
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)

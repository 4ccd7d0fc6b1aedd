"""The documentation as a site: it builds without a warning, links lead somewhere, nothing comes from a network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser fetches by itself."""


class Page(HTMLParser):
    """A page's names, the links in it, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.names, self.links, self.loaded = set[str](), set[str](), set[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.names |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loaded.add(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    into = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(into)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return into


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.glob("*.html") if path.name != "404.html"}


def test_links_and_anchors_lead_somewhere(pages: dict[Path, Page]) -> None:
    assert {path.stem for path in pages} == {path.stem for path in (ROOT / "docs").glob("*.md")}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if not parts.scheme:
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                assert target.is_file(), f"{path.name}: {link}"
                if parts.fragment:
                    assert unquote(parts.fragment) in pages[target].names | {"__top"}, f"{path.name}: {link}"


def test_nothing_comes_from_a_network(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for link in page.loaded:
            assert not urlsplit(link).netloc, f"{path.name}: {link}"
            assert (path.parent / urlsplit(link).path).is_file(), f"{path.name}: {link}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


@pytest.fixture
def found(site: Path) -> Iterator[list[str]]:
    """What the search finds, in a browser that opened the site as files."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.click("input[name=query]")
        page.locator("input[name=query]").press_sequentially("wikipedia dump")
        page.wait_for_selector(".md-search-result__item", timeout=60_000)
        yield page.locator(".md-search-result__link").all_inner_texts()
        browser.close()
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.slow
def test_search_works_in_files(found: list[str]) -> None:
    assert any("Wikipedia dumps" in text for text in found)

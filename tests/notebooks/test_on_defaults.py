"""Every notebook runs on its defaults, says what it came from, and keeps its tables."""

import re
import sys
import threading
from pathlib import Path

import nbformat
import polars as pl
import pytest
from filelock import FileLock

from workbench.reports import render_reports

ROOT = Path(__file__).resolve().parent.parent.parent
NUMBERED = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
STUDIES = sorted((ROOT / "notebooks" / "studies").glob("*.ipynb"))
ids = {"ids": lambda path: path.stem}

sys.path.insert(0, str(ROOT / "scripts"))
from check_notebooks import problems_of  # noqa: E402 - a script, no module of the package


class Running:
    """All notebooks under way in the background, two at a time; `wait` gives one's result."""

    def __init__(self, folder):
        self.results = {}
        self.done = {path.stem: threading.Event() for path in NUMBERED + STUDIES}
        self.thread = threading.Thread(target=self._run, args=[folder], daemon=True)
        self.thread.start()

    def _run(self, folder):
        try:
            names = [str(path) for path in NUMBERED + STUDIES]
            with FileLock(f"{folder}.lock"):
                render_reports(names, output_dir=folder, jobs=2, on_done=self._keep)
        finally:
            for event in self.done.values():
                event.set()

    def _keep(self, result):
        self.results[result.name] = result
        self.done[result.name].set()

    def wait(self, path):
        assert self.done[path.stem].wait(280), f"{path.stem} is still running"
        return self.results[path.stem]


@pytest.fixture(scope="session")
def running(defaults_folder):
    """Every report on its defaults, made once per session; the browser's tests look at them too."""
    running = Running(defaults_folder)
    yield running
    running.thread.join()


@pytest.mark.parametrize("path", NUMBERED + STUDIES, **ids)
def test_its_form_is_as_agreed(path):
    assert list(problems_of(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize("path", NUMBERED + STUDIES, **ids)
def test_it_runs_and_leaves_tables_and_origins(running, path):
    result = running.wait(path)
    assert result.error is None
    assert result.tables
    for table in result.tables:
        assert pl.read_parquet(table).height > 0, table
        assert table.with_suffix(".csv").stat().st_size > 0
    html = result.html.read_text("utf-8")
    footer = html[html.index('<footer id="provenance">') :]
    if path in NUMBERED:
        assert re.search(r"<summary>Tokenizers</summary>", footer), "call reports.provenance(…)"
    assert "<h1" in html
    # A number that a person would trip over.
    text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    assert not re.search(r"\bTraceback\b|\bWarning:", text)
    assert "Loading widget" not in text


def test_a_form_that_is_not_as_agreed_is_found():
    def book(*cells):
        return nbformat.v4.new_notebook(cells=list(cells))

    def code(source, **metadata):
        return nbformat.v4.new_code_cell(source, metadata=metadata)

    tags = {"tags": ["parameters"]}
    good = code("seed: int = 7  # of the draws", **tags)
    assert list(problems_of(book(good, code("seed")))) == []
    ran = code("1")
    ran.execution_count = 1
    for bad, says in [
        (book(code("1")), "not tagged 'parameters'"),
        (book(code("seed = 7  # x", **tags)), "'seed' has no type"),
        (book(code("seed: int = 7", **tags)), "'seed' has no comment"),
        (book(code("seed: int = n  # x", **tags)), "'seed' is no literal"),
        (book(code("seed: set[int] = 3  # x", **tags)), "is none a parameter can have"),
        (book(code("seed: int = 'a'  # x", **tags)), "which is no int"),
        (book(good, code("x\n" * 16)), "has 16 lines"),
        (book(good, ran), "holds outputs"),
    ]:
        found = list(problems_of(bad))
        assert any(says in one for one in found), (says, found)


CLAIMS = [
    line
    for line in (ROOT / "README.md").read_text("utf-8").splitlines()
    if line.startswith("|") and re.search(r"\(notebooks/\S+\.ipynb\) \|$", line)
]
INTERVAL = re.compile(r"([-+]?\d+(?:\.\d+)?)%? \[(-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)\]")


def estimates(tables):
    """Every number of some tables that has an interval, with it."""
    found = []
    for path in tables:
        table = pl.read_parquet(path)
        numbers = [name for name in table.columns if table[name].dtype.is_float()]
        for low in (name for name in numbers if name.endswith("low")):
            high = f"{low.removesuffix('low')}high"
            for value in set(numbers) - {low, high}:
                rows = table.select(value, low, high).drop_nulls().rows()
                found += [row for row in rows if row[1] <= row[0] <= row[2]]
    return found


def is_rounding_of(written, estimate):
    """Whether figures are an estimate rounded to their digits, or its percents, or its loss.

    Another processor's arithmetic may round the last digit the other way.
    """
    step = 10.0 ** -len(written[0].partition(".")[2])
    value, low, high = estimate
    for row in ((value, low, high), (-value, -high, -low)):
        for scale in (1, 100):
            if all(
                abs(float(text) - scale * number) <= step + 1e-9
                for text, number in zip(written, row, strict=True)
            ):
                return True
    return False


def test_the_readme_has_a_row_for_every_study():
    assert len(CLAIMS) > 15
    assert {path.stem for path in STUDIES} <= set(re.findall(r"studies/(\w+)\.ipynb", str(CLAIMS)))


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_the_intervals_of_the_readme_are_those_the_notebook_computed(running, row):
    # The documentation is that of the installed packages, which differ from place to place.
    same_everywhere = row.partition("Documentation")[0].partition("documentation")[0]
    notebook = re.search(r"\(notebooks/(\S+)\.ipynb\)", row)[1]
    known = estimates(running.wait(ROOT / f"notebooks/{notebook}.ipynb").tables)
    written = INTERVAL.findall(same_everywhere)
    assert [one for one in written if not any(is_rounding_of(one, it) for it in known)] == []

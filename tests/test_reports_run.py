"""Reports with a kernel: real runs of a small notebook, their pages, data, failures and kills."""

import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser

import nbformat
import polars as pl
import pytest

from workbench.reports import ReportError, ReportRequest, render_report, render_reports


@pytest.fixture(scope="session")
def small(root):
    return root / "tests" / "browser" / "data" / "controls.ipynb"


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    """One call that makes three reports, one of which fails."""
    folder = tmp_path_factory.mktemp("made")
    requests = [
        ReportRequest(str(small), {}),
        ReportRequest(str(small), {"words": ["{0}", "a{b}c", "<i>x</i>"], "seed": 8}),
        ReportRequest(str(small), {"fail": True}),
    ]
    return folder, render_reports(requests, output_dir=folder, jobs=2)


def test_every_report_of_a_call_is_accounted_for(made):
    folder, results = made
    assert [one.status for one in results] == ["done", "done", "failed"]
    assert results[0].name == "controls"
    assert results[0].html == folder / "controls.html"
    assert results[1].name.startswith("controls--words=")
    assert results[2].html == folder / "controls--fail=True.failed.html"


def test_a_failed_run_is_kept_under_a_name_that_says_so(made):
    folder, results = made
    failed = results[2]
    assert failed.error == "ValueError: asked to fail: <i>really</i>"
    assert not (folder / "controls--fail=True.html").exists()
    cells = nbformat.read(failed.notebook, as_version=4).cells
    assert any(out.output_type == "error" for cell in cells for out in cell.get("outputs", []))
    html = failed.html.read_text("utf-8")
    assert "This run did not finish" in html
    assert "<i>really</i>" not in html
    assert "asked to fail: &lt;i&gt;really&lt;/i&gt;" in html
    assert failed.tables == ()
    assert "This run did not finish" not in results[0].html.read_text("utf-8")
    assert "controls--fail%3DTrue.failed.html" in (folder / "index.html").read_text("utf-8")


def test_the_tables_are_those_of_the_parameters(made):
    _, results = made
    words = [pl.read_parquet(one.tables[-1])["word"].to_list() for one in results[:2]]
    assert words == [["plain", "naïveté", "<b>bold</b>"], ["{0}", "a{b}c", "<i>x</i>"]]
    assert [path.name for path in results[0].tables] == ["by_length.parquet", "words.parquet"]
    csv = results[0].tables[-1].with_suffix(".csv")
    assert "<b>bold</b>,11,3c623e" in csv.read_text("utf-8")


class Links(HTMLParser):
    """Every address that a page makes a browser fetch or follow."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.tags = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "data", "poster"):
                self.found.append((tag, name, value))
            assert not name.startswith("on"), f"{tag} has {name}"


def remote_parts(html):
    """What in a page points elsewhere: attributes, style imports and script imports."""
    links = Links(html)
    yield from (one for one in links.found if re.match(r"\s*(https?:)?//", one[2] or ""))
    yield from re.findall(r"@import[^;]*|url\(\s*['\"]?(?:https?:)?//[^)]*", html)
    yield from re.findall(r"""\bimport\s*\(?\s*['"][^'"]+|\bfrom\s*['"]https?:[^'"]+""", html)


def test_no_page_points_elsewhere_and_its_own_links_lead_somewhere(made):
    folder, results = made
    for page in [*(one.html for one in results), folder / "index.html"]:
        html = page.read_text("utf-8")
        assert list(remote_parts(html)) == []
        links = Links(html)
        assert not links.tags & {"iframe", "object", "embed", "link", "base"}
        ids = set(re.findall(r'\bid="([^"]+)"', html))
        for _, _, address in links.found:
            if address.startswith("#"):
                assert address[1:] in ids
            elif not address.startswith("data:"):
                target = page.parent / re.sub(
                    "%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), address
                )
                assert target.is_file(), address


def test_the_search_for_remote_parts_finds_some():
    for html in (
        '<script src="https://a.b/c.js"></script>',
        '<img src="//a.b/c">',
        "<style>@import 'x.css';</style>",
        "<style>a { background: url(https://a.b/c) }</style>",
        '<script>import("https://a.b")</script>',
        '<script type="module">import x from "https://a.b"</script>',
    ):
        assert list(remote_parts(html)), html


def test_a_page_says_what_it_came_from(made):
    _, results = made
    html = results[1].html.read_text("utf-8")
    footer = html[html.index('<footer id="provenance">') :]
    for said in ("tokenizers", "polars", "lock", "Seed</dt>\n    <dd>8", "a{b}c", "changed"):
        assert said in footer, said
    assert "&lt;i&gt;x&lt;/i&gt;" in html
    assert "application/vnd.jupyter.widget" not in html
    assert "It has <strong>3</strong> letters." in html  # the widget's output, made static
    assert "Dropdown(" not in html


def test_unchanged_inputs_are_not_run_again_and_force_gives_the_same_bytes(made, small):
    folder, results = made
    before = results[0].html.stat().st_mtime_ns
    again = render_report(str(small), output_dir=folder)
    assert again.status == "unchanged"
    assert again.html.stat().st_mtime_ns == before
    tables = {path: path.read_bytes() for path in folder.glob("controls.files/*/*")}
    assert len(tables) == 6  # two tables, each as Parquet, CSV and LaTeX
    forced = render_report(str(small), output_dir=folder, force=True)
    assert forced.status == "done"
    assert {path: path.read_bytes() for path in folder.glob("controls.files/*/*")} == tables


def test_nothing_runs_while_a_parameter_is_wrong(small, tmp_path):
    with pytest.raises(ReportError, match="no parameter 'sed': did you mean seed"):
        render_reports([str(small)], {"sed": [1, 2]}, output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_single_report_that_fails_says_where_it_is_kept(tmp_path):
    path = tmp_path / "dies{0}.ipynb"
    cells = [
        nbformat.v4.new_code_cell("n: int = 1  # x", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("import os\nprint('so far', flush=True)"),
        nbformat.v4.new_code_cell("os._exit(1)"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(ReportError, match=r"dies\{0\} failed: the kernel died"):
        render_report(str(path), output_dir=tmp_path / "out")
    assert (tmp_path / "out" / "dies{0}.failed.html").is_file()
    assert not (tmp_path / "out" / "dies{0}.html").exists()
    # Mended, it takes the failed one's place.
    cells[2].source = "n"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    mended = render_report(str(path), output_dir=tmp_path / "out")
    assert mended.html == tmp_path / "out" / "dies{0}.html"
    assert list((tmp_path / "out").glob("*.failed.*")) == []


def slow_notebook(path):
    cells = [
        nbformat.v4.new_code_cell("n: int = 1  # x", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import threading\nfrom pathlib import Path\nPath(where).touch()\n"
            "threading.Event().wait(600)".replace("where", repr(str(path.with_suffix(".mark"))))
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_an_ended_run_leaves_no_half_report(tmp_path, root, how):
    path = tmp_path / "slow.ipynb"
    slow_notebook(path)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "workbench", "report", str(path), "-o", str(out)]
    # A shell's background job ignores interrupts, and what it starts inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        # The bar is redrawn as cells begin; the second begins when the first has run.
        seen = ""
        while "1/2 cells" not in seen and (character := process.stdout.read(1)):
            seen += character
        os.kill(process.pid, how)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    assert [one.name for one in out.iterdir()] == [".work"]
    # The next run sweeps what is left and goes its way.
    content = nbformat.read(path, as_version=4)
    content.cells[1].source = "n"
    nbformat.write(content, path)
    assert render_report(str(path), output_dir=out).status == "done"
    assert sorted(one.name for one in out.iterdir()) == [".work", "index.html", "slow.html"]
    assert list((out / ".work").glob("run-*")) == []

"""Reports without a kernel: parameters, names, keys, tables, and what lies in the folder."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from workbench.reporting.html import policy, safe_json, script_hash
from workbench.reporting.index import write_index
from workbench.reporting.notebooks import find_notebook
from workbench.reporting.parameters import (
    Parameter,
    check_values,
    expand_grid,
    parameters_cell,
    read_cell,
    split_assignments,
)
from workbench.reporting.provenance import Inputs, declare, merge
from workbench.reporting.static import make_static
from workbench.reporting.store import State, Store, report_name
from workbench.reporting.tables import REPORT_DIR, as_latex, list_tables
from workbench.reports import ReportError, describe_parameters, read_requests, save_table

CELL = """
tokenizers: list[str] = [
    "tekken", "deepseek-v4",
]  # the tokenizers to compare
seed: int = 7  # of the bootstrap
share: float = 0.5  # of the corpus, 0 to 1
path: str | None = None  # a file of one's own
weights: dict[str, float] = {"deu": 1.0}  # of languages
plain = True
"""


def known():
    return {one.name: one for one in read_cell(CELL)}


def test_a_parameters_cell_is_read_with_types_defaults_and_comments():
    assert read_cell(CELL) == [
        Parameter(
            "tokenizers", "list[str]", ["tekken", "deepseek-v4"], "the tokenizers to compare"
        ),
        Parameter("seed", "int", 7, "of the bootstrap"),
        Parameter("share", "float", 0.5, "of the corpus, 0 to 1"),
        Parameter("path", "str | None", None, "a file of one's own"),
        Parameter("weights", "dict[str, float]", {"deu": 1.0}, "of languages"),
        Parameter("plain", "bool", default=True, help=""),
    ]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("seed: int = 3 + n  # x", "'seed' is no literal: '3 + n'"),
        ("import os", "line 1 is 'import os'"),
        ("a, b = 1, 2", "name: type = value"),
        ("seed: int = ", "no valid Python"),
    ],
)
def test_a_cell_that_is_no_list_of_literals_is_refused(source, says):
    with pytest.raises(ReportError, match=says.replace("+", r"\+")):
        read_cell(source)


def test_a_misspelt_parameter_is_refused_with_the_near_name():
    with pytest.raises(ReportError, match="no parameter 'sead': did you mean seed") as error:
        check_values("03_tokenizer_comparison", known(), {"sead": 1})
    assert "03_tokenizer_comparison was not run" in str(error.value)
    assert "share: float" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "seven"),
        ("seed", True),
        ("seed", 1.0),
        ("share", "half"),
        ("tokenizers", "tekken"),
        ("tokenizers", ["tekken", 3]),
        ("path", 5),
        ("weights", {"deu": "much"}),
        ("plain", 1),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(name, value):
    with pytest.raises(ReportError, match=f"{name} is .*, but .* is expected"):
        check_values("nb", known(), {name: value})


def test_all_problems_are_named_at_once():
    with pytest.raises(ReportError) as error:
        check_values("nb", known(), {"sead": 1, "share": "half"})
    assert "sead" in str(error.value)
    assert "share is 'half'" in str(error.value)


def test_only_values_that_differ_from_the_defaults_count_as_changed():
    assert check_values("nb", known(), {"seed": 7, "path": None, "share": 0.25}) == {"share": 0.25}
    assert check_values("nb", known(), {"plain": False}) == {"plain": False}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "8", 8),
        ("share", "1", 1),
        ("share", "1e-3", 0.001),
        ("seed", "0x10", 16),
        ("tokenizers", "a: [,b", ["a: [", "b"]),
        ("tokenizers", "tekken", ["tekken"]),
        ("tokenizers", "a, b", ["a", "b"]),
        ("tokenizers", '["a, b", "c"]', ["a, b", "c"]),
        ("tokenizers", "no,1,yes", ["no", "1", "yes"]),
        ("tokenizers", "[no, 1]", ["no", "1"]),
        ("path", "null", None),
        ("path", "None", None),
        ("path", "12", "12"),
        ("path", "a=b.parquet", "a=b.parquet"),
        ("weights", "{deu: 0.5, fra: 1}", {"deu": 0.5, "fra": 1}),
        ("plain", "false", False),
    ],
)
def test_typed_texts_become_values_of_the_parameters_type(name, text, value):
    parsed = known()[name].parse(text)
    assert parsed == value
    assert known()[name].accepts(parsed)


def test_a_text_that_cannot_be_the_type_stays_a_text_and_is_refused():
    assert known()["seed"].parse("eight") == "eight"
    with pytest.raises(ReportError, match="seed is 'eight', but int is expected"):
        check_values("nb", known(), {"seed": known()["seed"].parse("eight")})


def test_a_repeated_name_is_a_grid():
    assert split_assignments(["seed=1", "corpus=a=b", "seed=2"]) == {
        "seed": ["1", "2"],
        "corpus": ["a=b"],
    }
    assert expand_grid({"seed": [1, 2], "corpus": ["x", "y"]})[1] == {"seed": 1, "corpus": "y"}
    assert expand_grid({}) == [{}]
    with pytest.raises(ReportError, match="'seed' is no parameter: write -p name=value"):
        split_assignments(["seed"])


def test_a_file_of_runs_is_read_and_its_mistakes_are_located(tmp_path):
    path = tmp_path / "runs.yaml"
    path.write_text(
        "- notebook: a\n  parameters: {seed: 8}\n  grid: {corpus: [x, y]}\n- notebook: b\n"
    )
    assert [(one.notebook, dict(one.parameters)) for one in read_requests(path)] == [
        ("a", {"seed": 8, "corpus": "x"}),
        ("a", {"seed": 8, "corpus": "y"}),
        ("b", {}),
    ]
    for text, says in [
        ("notebook: a", "list of runs"),
        ("- notebok: a", "run 1: 'notebook: NAME' is missing"),
        ("- notebook: a\n  grids: {}", "run 1: .'grids'. is unknown"),
        ("- notebook: a\n  grid: {seed: 3}", "lists the values of 'seed', not 3"),
        ("- [", "cannot be read as YAML"),
    ]:
        path.write_text(text)
        with pytest.raises(ReportError, match=says):
            read_requests(path)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text() | st.lists(st.text()), max_size=4
    )
)
def test_report_names_are_file_names_and_differ_when_values_differ(parameters):
    name = report_name("03_x", parameters)
    assert len(name.encode()) < 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-=")
    if parameters:
        first = next(iter(parameters))
        assert report_name("03_x", {**parameters, first: "another"}) != name or (
            parameters[first] == "another"
        )


def test_values_that_a_file_name_cannot_hold_are_told_apart():
    assert report_name("nb", {"path": "a/b"}) != report_name("nb", {"path": "a-b"})
    assert report_name("nb", {"path": "{0}"}) != report_name("nb", {"path": "0"})
    assert report_name("nb", {"seed": 8}) == "nb--seed=8"


def notebook(tmp_path, source="seed: int = 7  # of the draws", name="one.ipynb"):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    path = tmp_path / name
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_the_parameters_of_a_notebook_can_be_asked_for(tmp_path):
    assert describe_parameters(str(notebook(tmp_path))) == [
        Parameter("seed", "int", 7, "of the draws")
    ]
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    assert parameters_cell(empty) is None


def test_a_notebook_that_is_not_there_or_is_no_notebook_is_an_error(tmp_path):
    with pytest.raises(ReportError, match="no notebook at"):
        find_notebook(str(tmp_path / "absent.ipynb"))
    with pytest.raises(ReportError, match="no notebook 'token_boundary'"):
        find_notebook("token_boundary")
    path = tmp_path / "broken.ipynb"
    path.write_text("{}{")
    with pytest.raises(ReportError, match="no notebook that can be read"):
        describe_parameters(str(path))


def test_the_key_changes_with_everything_that_can_change_the_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("one")
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("one")
    content = nbformat.read(notebook(tmp_path), as_version=4)
    inputs = Inputs()
    base = {"seed": 7, "paths": ["corpus.txt", "folder", "*.txt"]}
    first = inputs.key(content, base)
    assert inputs.key(content, base) == first
    assert inputs.key(content, {**base, "seed": 8}) != first
    ran = nbformat.from_dict(content)
    ran.cells[0].execution_count = 3
    assert inputs.key(ran, base) == first
    for path in ("corpus.txt", "folder/a.txt"):
        before = inputs.key(content, base)
        Path(path).write_text(f"changed {path}")
        assert inputs.key(content, base) != before
    content.cells[0].source += "\n"
    assert inputs.key(content, base) != first
    assert any(name.startswith("papermill-") for name in inputs.shared["installed"])
    assert "reporting/provenance.py" in inputs.shared["package"]


NASTY = pl.DataFrame(
    {
        "text": ["plain", '=cmd|"x"', "<script>\n", None],
        "data": [b"\x00\xff", b"", b"ab", None],
        "ids": [[1, 2], [], [3], None],
        "pair": [{"a": 1, "b": "é"}, {"a": None, "b": ""}, None, {"a": 2, "b": "x"}],
        "value": [0.1, float("nan"), None, 1e300],
    },
    schema_overrides={"ids": pl.List(pl.Int64)},
)


def test_latex_escapes_what_latex_would_run():
    frame = pl.DataFrame({"a_b": [r"50% \input{x} $1$", None], "n": [1.23456, 2.0]})
    assert as_latex(frame).splitlines() == [
        r"\begin{longtable}{lr}",
        r"\toprule",
        r"a\_b & n \\",
        r"\midrule",
        r"\endhead",
        r"50\% \textbackslash{}input\{x\} \$1\$ & 1.235 \\",
        r" & 2 \\",
        r"\bottomrule",
        r"\end{longtable}",
    ]


def test_a_table_is_written_beside_the_report_and_only_there(tmp_path, monkeypatch):
    monkeypatch.delenv(REPORT_DIR, raising=False)
    assert_frame_equal(save_table(NASTY.lazy(), "words"), NASTY)
    assert list(tmp_path.iterdir()) == []
    bytes_of = []
    for run in ("a", "b"):
        folder = tmp_path / run
        folder.mkdir()
        monkeypatch.setenv(REPORT_DIR, str(folder))
        save_table(NASTY, "words")
        bytes_of.append([path.read_bytes() for path in sorted(folder.iterdir())])
        assert_frame_equal(pl.read_parquet(folder / "words.parquet"), NASTY)
        flat = pl.read_csv(folder / "words.csv")
        assert flat["data"].to_list() == ["00ff", "", "6162", None]
        assert json.loads(flat["ids"][0]) == [1, 2]
        assert json.loads(flat["pair"][0]) == {"a": 1, "b": "é"}
        latex = (folder / "words.tex").read_text("utf-8")
        assert latex.startswith(r"\begin{longtable}{")
        assert latex.count("\n") == 4 + NASTY.height + 3
        [link] = list_tables(folder)
        assert (link.latex, link.csv) == ("words.tex", "words.csv")
        assert (link.name, link.rows, link.columns) == ("words", 4, tuple(NASTY.columns))
    assert bytes_of[0] == bytes_of[1]


def test_a_table_needs_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(REPORT_DIR, str(tmp_path))
    save_table(NASTY, "words")
    with pytest.raises(ReportError, match="already has a table 'words'"):
        save_table(NASTY, "words")
    for name in ("../words", "", "Words", "a.b"):
        with pytest.raises(ReportError, match="cannot name a file"):
            save_table(NASTY, name)


class Thing:
    def __init__(self, **fields):
        self.__dict__ |= fields


def test_what_cells_declare_is_joined_without_repeats():
    tok = Thing(name="t", algorithm="BPE", source="s", fingerprint="f")
    corpus = Thing(name="c", checksum="x", note=None)
    said = merge([declare([tok], [corpus], 7), declare([tok], [], None), declare([], [corpus], 8)])
    assert [one["name"] for one in said["tokenizers"]] == ["t"]
    assert said["corpora"] == [{"name": "c", "checksum": "x", "note": ""}]
    assert said["seeds"] == [7, 8]


def state(name, **changes):
    fields = {
        "name": name,
        "notebook": name,
        "title": f"Title of <b>{name}</b>",
        "summary": 'with "quotes" & <script>alert(1)</script>',
        "status": "done",
        "key": "k",
        "parameters": {"text": "<img src=x onerror=alert(1)>"},
        "seconds": 75.2,
        "finished": "2026-01-01 00:00 UTC",
        "page": f"{name}.html",
        "digest": "d",
    }
    return State(**{**fields, **changes})


def test_the_index_escapes_what_it_lists_and_shows_failures(tmp_path):
    store = Store(tmp_path)
    store.write("a{0}.html", "page")
    store.write("b.failed.html", "page")
    store.write("b.html", "the earlier page")
    store.write("studies/c.html", "page")
    store.save(state("a{0}"))
    store.save(state("b", status="failed", page="b.failed.html", error="ValueError: <oops>"))
    store.save(state("studies/c"))
    store.save(state("gone"))
    write_index(store)
    html = (tmp_path / "index.html").read_text()
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;b&gt;a{0}&lt;/b&gt;" in html
    assert 'href="a%7B0%7D.html"' in html
    assert "ValueError: &lt;oops&gt;" in html
    assert 'href="b.html"' in html
    assert "1 failed" in html
    assert "1 min 15 s" in html
    assert html.index("Notebooks") < html.index("Studies") < html.index('href="studies/c.html"')
    assert "gone" not in html


def test_a_report_is_current_only_while_its_files_are_as_written(tmp_path):
    store = Store(tmp_path)
    store.write("a.html", "page")
    table = store.write("a.files/x/t.parquet", "data")
    kept = state("a", digest="that of another page", tables=["a.files/x/t.parquet"])
    assert not store.is_current(kept, "k")
    kept.digest = hashlib.sha256(b"page").hexdigest()
    store.save(kept)
    assert store.is_current(store.load("a"), "k")
    assert not store.is_current(store.load("a"), "another key")
    table.unlink()
    assert not store.is_current(store.load("a"), "k")
    assert store.load("never") is None
    (tmp_path / ".work/states/a.json").write_text("{half")
    assert store.load("a") is None
    assert store.states() == []


def test_what_a_killed_run_left_is_swept_but_not_what_a_living_one_needs(tmp_path):
    store = Store(tmp_path)
    hidden = tmp_path / ".work"
    (hidden / "run-dead").mkdir()
    (hidden / "run-dead" / "half.html").write_text("half")
    (hidden / "run-dead.lock").touch()
    (hidden / "x.part").write_text("half")
    with store.workspace() as living:
        (living / "file").write_text("x")
        with Store(tmp_path).workspace():
            assert (living / "file").exists()
        assert sorted(path.name for path in hidden.glob("run-*")) == [
            living.name,
            f"{living.name}.lock",
        ]
    assert list(hidden.glob("run-*")) == []
    assert list(hidden.glob("*.part")) == []


def test_old_tables_go_when_a_new_page_is_there(tmp_path):
    store = Store(tmp_path)
    for content in ("one", "two"):
        with store.workspace() as work:
            (work / "tables").mkdir()
            (work / "tables" / "t.csv").write_text(content)
            at = store.tables_address("a", work / "tables")
            store.place_tables(work / "tables", at)
        store.drop_old_tables("a", keep=at)
        assert [path.read_text() for path in tmp_path.glob("a.files/*/*")] == [content]
    store.drop_old_tables("a", keep="")
    assert not (tmp_path / "a.files").exists()


def test_json_cannot_leave_its_script_element():
    text = safe_json({"a": "</script><script>alert(1)</script>\u2028<!--"})
    assert "<" not in text
    assert json.loads(text)["a"].startswith("</script>")


def test_the_policy_names_the_scripts_and_no_source():
    rule = policy(["one", "two"])
    assert script_hash("one") in rule
    assert "unsafe-eval" not in rule
    assert "http" not in rule
    assert "script-src 'none'" in policy([])


def output(data, kind="display_data"):
    return nbformat.v4.new_output(kind, data=data, metadata={})


def test_widgets_become_what_they_show_and_controls_go():
    view = "application/vnd.jupyter.widget-view+json"
    cell = nbformat.v4.new_code_cell("x")
    cell.outputs = [
        output({view: {"model_id": "box"}, "text/plain": "VBox(...)"}),
        output({view: {"model_id": "slider"}, "text/plain": "IntSlider()"}),
        output({view: {"model_id": "any"}, "text/html": "<b>twin</b>"}),
        output({"application/javascript": "alert(1)"}),
    ]
    inside = [
        {"output_type": "display_data", "data": {"text/html": "<p>shown</p>"}, "metadata": {}}
    ]
    states = {
        "box": {
            "model_name": "VBoxModel",
            "state": {"children": ["IPY_MODEL_slider", "IPY_MODEL_out", "IPY_MODEL_html"]},
        },
        "slider": {"model_name": "IntSliderModel", "state": {"value": 3}},
        "out": {"model_name": "OutputModel", "state": {"outputs": inside}},
        "html": {"model_name": "HTMLModel", "state": {"value": "<i>said</i>"}},
    }
    book = nbformat.v4.new_notebook(cells=[cell])
    book.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": states, "version_major": 2}
    }
    make_static(book)
    assert [one.data["text/html"] for one in cell.outputs] == [
        "<p>shown</p>",
        "<i>said</i>",
        "<b>twin</b>",
    ]
    assert "widgets" not in book.metadata


def test_a_polars_table_is_shown_for_reading_and_hides_no_white_space():
    frame = pl.DataFrame({"piece": ["plain", " the", "a\n", ""], "n": [1, -2, None, 4]})
    frame = frame.with_columns(p=pl.Series([0.361273, 1.2579e-32, 38559.892929, 2.0]))
    cell = nbformat.v4.new_code_cell("x")
    cell.outputs = [output({"text/html": frame._repr_html_(), "text/plain": "x"})]
    make_static(nbformat.v4.new_notebook(cells=[cell]))
    html = cell.outputs[0].data["text/html"]
    for shown in (
        '<td class="short">plain</td>',
        "<td>&quot; the&quot;</td>",
        '<td class="short">&quot;&quot;</td>',
        '<td class="number">-2</td>',
        '<td class="number">null</td>',
        '<td class="number">0.3613</td>',
        '<td class="number">1.258e-32</td>',
        '<td class="number">38560</td>',
        '<th class="number">n</th>',
        "<th>piece</th>",
    ):
        assert shown in html, shown
    assert ">a" not in html


def test_a_long_table_is_cut_in_the_middle_and_its_numbers_stay_numbers():
    texts = ["a sentence of some words, too long for one line", "x" * 40] * 40
    frame = pl.DataFrame({"text": texts, "share": [i / 3 for i in range(80)]})
    cell = nbformat.v4.new_code_cell("x")
    with pl.Config(fmt_str_lengths=300):
        cell.outputs = [output({"text/html": frame._repr_html_(), "text/plain": "x"})]
    make_static(nbformat.v4.new_notebook(cells=[cell]))
    html = cell.outputs[0].data["text/html"]
    assert '<td class="number">26.33</td>' in html  # the last row
    assert '<td class="number">&hellip;</td>' in html
    assert "<td>a sentence of some words, too long for one line</td>" in html
    assert f'<td class="long">{"x" * 40}</td>' in html


def test_importing_the_public_module_is_quick_and_light(root):
    code = (
        "import sys, workbench, workbench.reports, workbench.cli;"
        "print([m for m in ('altair', 'papermill', 'nbconvert', 'polars', 'IPython') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.strip() == "[]"

"""Notebook 04, run in this process on small parameters: what it computes is checked."""

import ast

import nbformat
import polars as pl
import pytest

from workbench.views.charts import Figure
from workbench.vocabulary import CHECKS, QTOK_CLASSES

SMALL = {
    "tokenizers": ["workbench-bpe", "bytes"],
    "beside": ["workbench-unigram"],
    "corpus": "prose",
    "documents": 10,
    "width": 64,
    "dtype": "float32",
    "rows": 5,
}


@pytest.fixture(scope="module")
def ran(root):
    notebook = nbformat.read(root / "notebooks" / "04_vocabulary_audit.ipynb", as_version=4)
    shown = []
    space = {"display": shown.append}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), space)
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), space))
        if "parameters" in cell.metadata.get("tags", ()):
            assert set(space) >= set(SMALL), "a small parameter is not one of the notebook"
            space.update(SMALL)
    return space, shown


def test_its_tables_hold_every_entry_of_every_tokenizer(ran):
    space, _ = ran
    assert space["every"].height == 4096 + 256
    assert set(space["classes"]["qtok_class"]) <= set(QTOK_CLASSES)
    totals = space["classes"].group_by("tokenizer").agg(pl.col("percent").sum())
    assert totals["percent"].to_list() == pytest.approx([100, 100])
    assert space["lengths"]["entries"].sum() <= space["every"].height


def test_its_health_table_has_each_check_for_each_tokenizer(ran):
    health = ran[0]["health"]
    assert health.height == 3 * len(CHECKS)
    assert health.filter(tokenizer="workbench-bpe", passed=False).is_empty()
    assert not health.filter(tokenizer="workbench-unigram", passed=False).is_empty()


def test_its_curve_covers_less_the_harder_it_prunes(ran):
    curve = ran[0]["curve"]
    assert curve["entries"].is_sorted(descending=True)
    assert curve["covered"].is_sorted(descending=True)
    saved = (4096 - curve["entries"]) * 64 * 4 * 2 / 2**20
    assert curve["saved_mib"].to_list() == pytest.approx(saved.to_list())


def test_its_charts_are_drawn_and_described(ran):
    figures = [value for value in ran[1] if isinstance(value, Figure)]
    assert len(figures) == 4
    assert all(f.alt and f.to_svg().startswith("<svg") for f in figures)


def test_what_is_looked_for_is_found(ran):
    space, shown = ran
    before = len(shown)
    space["find"]("the", "reachable", "Latin")
    found = shown[before]
    assert 0 < found.height <= SMALL["rows"]
    assert found["text"].str.contains("the").all()
    assert set(found["status"]) == {"reachable"}

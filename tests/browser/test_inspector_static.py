"""Where no kernel answers: the saved page, and a notebook that JupyterLab does not trust."""

import itertools
import re

import nbformat
import pytest

import workbench as wb

HOSTILE = (
    "<img src=x onerror=window.hacked=1> \u202eabc\u202c 👨\u200d👩\u200d👧 שלום\n"
    "<script>window.hacked=1</script>"
)


@pytest.fixture(scope="module")
def widget():
    return wb.TokenInspector(HOSTILE, ["tekken", "mistral-v1", "workbench-wordpiece"])


def test_the_saved_page_stands_alone_over_file(page, widget, tmp_path):
    path = tmp_path / "tokens.html"
    path.write_text(widget.to_html(standalone=True), "utf-8")
    page.goto(path.as_uri())
    shown = page.locator(".workbench-tokens")
    assert shown.is_visible()
    assert "RLO" in shown.text_content()
    assert "<img" in shown.text_content()
    assert page.locator("img, script").count() == 0
    assert page.evaluate("window.hacked") is None
    page.locator("summary").first.click()
    row = page.locator("table").first.locator("tbody tr").first
    assert row.is_visible()
    assert str(widget.segmentations[0].ids[0]) in row.text_content()
    assert page.errors == []
    assert page.remote == []


def test_the_saved_page_reads_in_order_from_right_to_left(page, tmp_path):
    path = tmp_path / "tokens.html"
    widget = wb.TokenInspector("abc שלום עולם def", ["words"])
    path.write_text(widget.to_html(standalone=True), "utf-8")
    page.goto(path.as_uri())
    chips = page.locator("[title^='token ']")
    lefts = [chips.nth(n).bounding_box()["x"] for n in range(4)]
    # abc, then the Hebrew words with the first of them further to the right, then def.
    assert lefts[0] < lefts[2] < lefts[1] < lefts[3]


def test_an_untrusted_notebook_shows_the_twin(lab, widget):
    data, _ = widget._repr_mimebundle_()
    output = nbformat.v4.new_output(
        "execute_result", {k: data[k] for k in ("text/html", "text/plain")}, execution_count=1
    )
    cell = nbformat.v4.new_code_cell("widget", outputs=[output], execution_count=1)
    lab.open_notebook(nbformat.v4.new_notebook(cells=[cell]), "untrusted.ipynb", trusted=False)
    page = lab.page
    shown = page.locator(".jp-OutputArea-output .workbench-tokens")
    shown.wait_for()
    chips = shown.locator("span[title^='token ']")
    assert chips.count() >= len(widget.segmentations[0])
    colours = chips.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
    assert "rgba(0, 0, 0, 0)" not in colours
    assert all(one != other for one, other in itertools.pairwise(colours[:10]))
    assert chips.first.evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
    shown.locator("summary").first.click()
    assert shown.locator("caption").first.is_visible()
    assert page.evaluate("window.hacked") is None
    assert shown.locator("img, script").count() == 0
    assert not re.search("[\u202a-\u202e]", shown.text_content())
    assert page.errors == []
    assert page.remote == []

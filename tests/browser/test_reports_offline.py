"""Exported reports in a real Chromium, from a file and with the network cut."""

from pathlib import Path

import pytest
from filelock import FileLock

from workbench.reports import render_reports

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOTEBOOKS = [
    HERE / "data" / "controls.ipynb",
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "notebooks" / "studies").glob("*.ipynb")),
]

DRAWN = """() => [...document.querySelectorAll("[data-chart]")].every((one) => one.dataset.state)"""

# Marks that a chart drew: what stands in its groups of marks, not axes' lines or texts.
MARKS = """() => [...document.querySelectorAll("[data-chart]")].map((one) => ({
  state: one.dataset.state,
  marks: one.querySelectorAll(".role-mark :is(path, line, text, image), canvas").length,
  label: one.querySelector(".drawn")?.getAttribute("aria-label") ?? "",
}))"""


@pytest.fixture(scope="session")
def reports(chromium_path, defaults_folder):
    """Every report on its defaults; what another test made there is not run again."""
    names = [str(path) for path in NOTEBOOKS]
    with FileLock(f"{defaults_folder}.lock"):
        results = render_reports(names, output_dir=defaults_folder, jobs=2)
    return {path.stem: result for path, result in zip(NOTEBOOKS, results, strict=True)}


@pytest.mark.timeout(600)  # where this file runs alone, the first test makes every report
@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_a_report_draws_its_charts_with_no_network(page, reports, name):
    page.goto(reports[name].html.as_uri())
    page.wait_for_function(DRAWN)
    charts = page.evaluate(MARKS)
    assert charts
    for chart in charts:
        assert chart["state"] == "drawn", chart
        assert chart["marks"] > 0, chart
        assert chart["label"], chart
    assert page.errors == []
    assert page.remote == []
    # The page is no wider than the window: a phone can read it.
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_code_is_hidden_until_it_is_asked_for(page, reports):
    page.goto(reports["controls"].html.as_uri())
    code = page.locator(".code-input").first
    assert not code.is_visible()
    page.locator("#show-code").focus()
    page.keyboard.press("Space")
    assert code.is_visible()


def test_a_chart_answers_to_the_pointer(page, reports):
    page.goto(reports["controls"].html.as_uri())
    page.wait_for_function(DRAWN)
    page.locator("[data-chart='1'] .mark-symbol path").first.hover()
    page.locator("#vg-tooltip-element.visible").wait_for()


def test_without_scripts_the_charts_are_pictures(chromium, reports):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["controls"].html.as_uri())
    picture = page.locator("[data-chart='0'] img")
    assert picture.get_attribute("alt") == "Letters of each word"
    assert picture.is_visible()
    context.close()


def test_markup_that_slips_in_through_data_can_do_nothing(page, reports, tmp_path):
    """Even a view that forgot to escape cannot make a page run code or call home."""
    html = reports["controls"].html.read_text("utf-8")
    bad = (
        '<script>window.bad = 1</script><img src="x" onerror="window.bad = 2">'
        '<img src="https://example.org/x">'
        '<iframe srcdoc="<script>parent.bad = 3</script>"></iframe>'
    )
    path = tmp_path / "bad.html"
    path.write_text(html.replace("<article>", f"<article>{bad}"), "utf-8")
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN)
    assert page.evaluate("window.bad") is None
    assert page.remote == []
    assert {one["state"] for one in page.evaluate(MARKS)} == {"drawn"}


def test_the_index_leads_to_every_report(page, reports):
    folder = reports["controls"].html.parent
    page.goto((folder / "index.html").as_uri())
    cards = page.locator(".card h3 a")
    addresses = [cards.nth(at).get_attribute("href") for at in range(cards.count())]
    assert {result.html.name for result in reports.values()} <= set(addresses)
    cards.first.click()
    page.locator("a", has_text="All reports").click()
    page.locator(".cards").wait_for()
    assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(chromium, reports, scheme):
    """axe-core finds nothing serious in a page, in light and in dark."""
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for html in (reports["controls"].html, reports["controls"].html.parent / "index.html"):
        page.goto(html.as_uri())
        page.wait_for_function(DRAWN)
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"][:120] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
    context.close()

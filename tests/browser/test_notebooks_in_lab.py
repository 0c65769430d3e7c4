"""Each notebook in JupyterLab: it opens, runs to its end, and its controls change what is shown."""

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOTEBOOKS = [HERE / "data" / "controls.ipynb", *sorted((ROOT / "notebooks").glob("*.ipynb"))]

# The control to change where the first that is found is not the one: a CSS selector inside the
# outputs. How it is changed follows from what it is.
CONTROLS: dict[str, str] = {
    "01_token_boundaries": ".jp-OutputArea-output textarea",  # the inspector's text
}

ANY_CONTROL = ", ".join(
    f".jp-OutputArea-output {one}"
    for one in (
        ".widget-dropdown select",
        ".widget-select select",
        ".widget-slider .noUi-handle",
        ".widget-checkbox input",
        ".widget-toggle-buttons button:not(.mod-active)",
        ".widget-text input",
        ".widget-textarea textarea",
    )
)

# What the outputs show, controls aside: their texts and pictures.
SHOWN = """() => [...document.querySelectorAll(".jp-OutputArea-output")].map((area) => {
  const copy = area.cloneNode(true);
  copy.querySelectorAll("select, input, textarea, button, .widget-readout, .widget-label")
    .forEach((one) => one.remove());
  const pictures = [...copy.querySelectorAll("img")].map((one) => one.src);
  const drawings = [...copy.querySelectorAll("svg, canvas")].map((one) => one.outerHTML);
  return [copy.textContent, ...pictures, ...drawings].join("|");
}).join("\\n")"""


def change(page, control):
    """Do to a control what a person does with mouse and keys."""
    control.scroll_into_view_if_needed()
    kind = control.evaluate("one => one.tagName + ' ' + (one.type ?? '')").lower()
    if kind.startswith("select"):
        # A click opens the list, so that the arrows go there and not to Lab's cells.
        at, count = control.evaluate("one => [one.selectedIndex, one.options.length]")
        control.click()
        page.keyboard.press("ArrowUp" if at == count - 1 else "ArrowDown")
        page.keyboard.press("Enter")
    elif kind.startswith(("input checkbox", "button")):
        control.click()
    elif kind.startswith(("input", "textarea")):
        control.click()
        page.keyboard.press("End")
        page.keyboard.type(" and 🧑‍🚀 ünüsual words")
        page.keyboard.press("Enter" if kind.startswith("input") else "Tab")
    else:  # a slider's handle
        control.focus()
        page.keyboard.press("ArrowRight")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_a_control_changes_what_is_shown(lab, notebook):
    lab.open_notebook(notebook).run_all()
    page = lab.page
    control = page.locator(CONTROLS.get(notebook.stem, ANY_CONTROL)).first
    control.wait_for()
    before = page.evaluate(SHOWN)
    change(page, control)
    page.wait_for_function(f"before => ({SHOWN})() !== before", arg=before)
    lab.wait_idle()
    assert page.errors == []
    assert page.remote == []

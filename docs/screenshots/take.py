# ruff: noqa: INP001 - a script beside the pictures it takes, no package
"""Take the pictures of this folder from the real page: `python docs/screenshots/take.py`.

JupyterLab and Chromium are started as the browser tests start them. Pictures of the inspector are
taken in the light and in the dark theme; the report is run anew. All are kept with 256 colours,
which is what makes them small. Letters and emoji look as the machine's fonts make them: Noto's were
used here.
"""

import importlib.util
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from workbench.reports import render_report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TEXT = "How many r's are in strawberry? 👨‍👩‍👧 naïve   1234567 שלום עולם"
NOTEBOOK = [
    "import workbench as wb",
    f"wb.TokenInspector({TEXT!r}, ['tekken', 'mistral-v1', 'deepseek-v4'])",
]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def _tools() -> Any:
    spec = importlib.util.spec_from_file_location(
        "browser_tools", ROOT / "tests" / "browser" / "conftest.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _keep(shown: Any, name: str, **options: Any) -> None:
    path = HERE / f"{name}.png"
    shown.screenshot(path=path, **options)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def _take(lab: Any, theme: str) -> None:
    page = lab.page
    page.wait_for_selector(".wbi[data-state='settled']")
    inspector = page.locator(".wbi")
    straw = inspector.locator(".wbi-row").nth(0).locator(".wbi-c", has_text="straw")
    straw.click()
    inspector.get_by_text("rank 50,567").wait_for()
    _keep(inspector, f"inspector-{theme}")
    inspector.get_by_role("tab", name="Why this cut").click()
    panel = inspector.locator(".wbi-panel:visible")
    panel.get_by_role("button", name="One merge back").click()
    panel.get_by_role("button", name="One merge back").click()
    _keep(panel, f"merges-{theme}")
    inspector.get_by_role("tab", name="Scores").click()
    inspector.get_by_label("Colour the tokens by").select_option(index=1)
    inspector.locator(".scored").nth(8).wait_for()
    page.mouse.move(1, 1)
    inspector.get_by_text("Likeliest here").wait_for()
    _keep(inspector.locator(".wbi-body"), f"scores-{theme}")


def _take_report(browser: Any, folder: Path) -> None:
    made = render_report("03_tokenizer_comparison", output_dir=folder)
    page = browser.new_page(viewport={"width": 1067, "height": 1664}, device_scale_factor=0.75)
    page.goto(made.html.as_uri())
    page.locator(".chart svg, .chart img").first.wait_for()
    _keep(page, "report")


def main() -> None:
    """Take all pictures."""
    tools = _tools()
    chromium = next(filter(None, map(shutil.which, tools.NAMES)))
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = tools.Server(Path(home))
        settings = server.folders["JUPYTERLAB_SETTINGS_DIR"]
        chosen = settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
        chosen.parent.mkdir(parents=True, exist_ok=True)
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=tools.FLAGS)
        try:
            for theme, name in THEMES.items():
                chosen.write_text(json.dumps({"theme": name}), "utf-8")
                page = browser.new_page(viewport={"width": 1500, "height": 1400})
                page.set_default_timeout(90_000)
                lab = tools.Lab(server, page).open_notebook(NOTEBOOK, f"{theme}.ipynb")
                lab.run_all()
                _take(lab, theme)
                page.close()
            _take_report(browser, Path(home) / "reports")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()

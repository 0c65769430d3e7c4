"""How long the inspector takes from a keystroke to the screen, in a real JupyterLab and Chromium.

Three tokenizers, 2,000 characters, keys typed at eight a second with the caret at the start, in the
middle and at the end; then a paste of 20,000 characters. Times are taken in the page: from the
`input` event until the frame after the chips were patched. Beside it stands the bare round trip: a
widget that sends the same text to the kernel and gets a number back.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PARAGRAPH = (
    "The water in the river was cold, and 1234 strawberries lay on the bank; nobody had counted "
    "them before. Naïve readers ask how many r's there are, and the tokenizer shrugs. "
)

NOTEBOOK = [
    """import anywidget, traitlets
import workbench as wb


class Echo(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const box = document.createElement("textarea");
      box.className = "echo";
      box.dataset.state = "settled";
      let n = 0;
      box.oninput = () => {
        box.dataset.state = "waiting";
        model.send({ n: ++n, text: box.value });
      };
      model.on("msg:custom", (m) => {
        if (m.n !== n) return;
        box.dataset.state = "settled";
        box.dispatchEvent(new Event("wbi-drawn"));
      });
      el.append(box);
    } }'''

    def __init__(self):
        super().__init__()
        self.on_msg(lambda _w, m, _b: self.send({"n": m["n"], "length": len(m["text"])}))


Echo()""",
    "wb.TokenInspector('', ['tekken', 'mistral-v1', 'deepseek-v4'])",
]

# Collects, for one text area, the milliseconds from each input to the frame that shows its answer.
WATCH = """([area, drawn, state]) => {
  const box = document.querySelector(area);
  const source = document.querySelector(drawn);
  const open = [];
  window.times = [];
  box.addEventListener("input", () => open.push(performance.now()), { capture: true });
  source.addEventListener("wbi-drawn", () => {
    if (document.querySelector(state).dataset.state !== "settled") return;
    const due = open.splice(0);
    requestAnimationFrame(() => {
      const channel = new MessageChannel(); // the task after the frame
      channel.port1.onmessage = () => {
        const now = performance.now();
        window.times.push(...due.map((start) => now - start));
      };
      channel.port2.postMessage(null);
    });
  });
}"""

PUT = """([area, text, place]) => {
  const box = document.querySelector(area);
  box.value = text;
  box.focus();
  box.setSelectionRange(place, place);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def _tools() -> ModuleType:
    """JupyterLab and Chromium as the browser tests start them."""
    spec = importlib.util.spec_from_file_location(
        "browser_tools", ROOT / "tests" / "browser" / "conftest.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _put(page: Any, area: str, text: str, place: int) -> float:
    """Paste a text; the milliseconds until it was drawn."""
    page.evaluate("() => { window.times = []; }")
    page.evaluate(PUT, [area, text, place])
    page.wait_for_function("() => window.times.length > 0")
    return float(page.evaluate("() => window.times[0]"))


def _typing(page: Any, area: str, place: int, keys: int, rate: float) -> list[float]:
    """Type into a text of 2,000 characters; the milliseconds of each key."""
    text = (PARAGRAPH * 20)[:2000]
    _put(page, area, text, place)
    page.evaluate("() => { window.times = []; }")
    for n in range(keys):
        page.keyboard.press("abcdefg h"[n % 9].replace(" ", "Space"))
        page.wait_for_timeout(1000 / rate)
    page.wait_for_function("n => window.times.length === n", arg=keys)
    return [float(one) for one in page.evaluate("() => window.times")]


def _line(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return (
        f"{name:<34} {statistics.median(times):7.0f} {p95:7.0f} {max(times):7.0f}   n={len(times)}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table.

    Args:
        arguments: of the command line; `--keys` for a shorter run.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100, help="keystrokes at each place")
    parser.add_argument("--rate", type=float, default=8.0, help="keystrokes a second")
    chosen = parser.parse_args(arguments)
    tools = _tools()
    found = next(filter(None, map(tools.shutil.which, tools.NAMES)), None)
    if found is None:
        print("inspector: no Chromium on the PATH, so nothing was measured")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = tools.Server(Path(home))
        server.start()
        browser = playwright.chromium.launch(executable_path=found, args=tools.FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(90_000)
            tools.Lab(server, page).open_notebook(NOTEBOOK, "bench.ipynb").run_all()
            page.wait_for_selector(".wbi[data-state='settled']")
            print(f"{'milliseconds':<34} {'median':>7} {'95%':>7} {'most':>7}")
            page.evaluate(WATCH, [".echo", ".echo", ".echo"])
            print(
                _line(
                    "bare round trip to the kernel",
                    _typing(page, ".echo", 1000, chosen.keys, chosen.rate),
                )
            )
            area = ".wbi-top textarea"
            page.evaluate(WATCH, [area, ".wbi", ".wbi"])
            every: list[float] = []
            for name, place in (("start", 0), ("middle", 1000), ("end", 2000)):
                times = _typing(page, area, place, chosen.keys, chosen.rate)
                every += times
                print(_line(f"keystroke, caret at the {name}", times))
            print(_line("keystroke, all (want 80, 160)", every))
            long = (PARAGRAPH * 200)[:20_000]
            pastes = []
            for n in range(5):
                _put(page, area, "", 0)
                pastes.append(_put(page, area, f"{n} {long}"[:20_000], 0))
            print(_line("paste of 20,000 characters (300)", pastes))
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

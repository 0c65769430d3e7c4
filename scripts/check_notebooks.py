"""Check the form of the notebooks: `make check` runs this.

A notebook in git begins with a parameters cell that people and papermill can read, has cells that
fit on a screen, and holds no outputs.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workbench.reporting.execution import quick_imports  # noqa: E402 - the path comes first
from workbench.reporting.parameters import PARAMETERS_TAG, ReportError, read_cell  # noqa: E402

LONGEST_CELL = 15
FOLDERS = ("notebooks", "tests/browser/data")
STRIP = ("--verify", "--keep-id", "--extra-keys=metadata.papermill cell.metadata.papermill")


def find_notebooks() -> list[Path]:
    """The notebooks that git holds, or would: no checkpoints."""
    return sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def problems_of(notebook: Any) -> Iterator[str]:
    """What is wrong with a notebook (as nbformat reads it), one sentence each."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if not code or PARAMETERS_TAG not in code[0]["metadata"].get("tags", []):
        yield f"its first code cell is not tagged {PARAMETERS_TAG!r}"
    else:
        yield from _parameters(code[0]["source"], notebook)
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] != "code":
            continue
        lines = len(cell["source"].splitlines())
        if lines > LONGEST_CELL and cell is not code[0]:
            yield f"cell {number} has {lines} lines: {LONGEST_CELL} is the most"
        if cell["outputs"] or cell["execution_count"] is not None:
            yield f"cell {number} holds outputs: run nbstripout"


def _parameters(source: str, notebook: Any) -> Iterator[str]:
    from papermill.inspection import _infer_parameters

    try:
        parameters = read_cell(source)
    except ReportError as error:
        yield str(error)
        return
    typed = {
        line.target.id
        for line in ast.parse(source).body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
    # What `papermill --help-notebook` shows; a union type hides a name from it, which is its loss.
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("tags", [])  # papermill expects them everywhere
    seen = {one.name for one in _infer_parameters(notebook, name="python3", language="python")}
    for one in parameters:
        if one.name not in typed:
            yield f"the parameter {one.name!r} has no type: write {one.name}: {one.type} = …"
        elif not one.help:
            yield f"the parameter {one.name!r} has no comment behind it that says what it means"
        elif one.name not in seen and "|" not in one.type:
            yield f"papermill does not see the parameter {one.name!r}: write it on one line"
        try:
            fits = one.accepts(one.default)
        except ReportError as error:
            yield f"the parameter {one.name!r}: {error}"
        else:
            if not fits:
                yield f"the parameter {one.name!r} is {one.default!r}, which is no {one.type}"


def main() -> int:
    """Print every problem; 1 where there is one."""
    quick_imports()
    import nbformat

    paths = find_notebooks()
    found = 0
    for path in paths:
        for problem in problems_of(nbformat.read(path, as_version=4)):
            print(f"{path.relative_to(ROOT)}: {problem}")
            found += 1
    if paths:
        strip = [sys.executable, "-m", "nbstripout", *STRIP, *map(str, paths)]
        found += subprocess.run(strip, check=False).returncode != 0
    print(f"{len(paths)} notebooks, {found} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

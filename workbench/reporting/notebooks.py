"""Which notebooks there are, and which one a name means."""

from __future__ import annotations

import difflib
from pathlib import Path

from workbench.reporting.parameters import ReportError
from workbench.reporting.provenance import ROOT


def notebooks_dir() -> Path:
    """The notebooks that come with the project, or `notebooks/` of the current folder.

    Raises:
        ReportError: Neither is there.
    """
    for folder in (ROOT / "notebooks", Path.cwd() / "notebooks"):
        if folder.is_dir():
            return folder
    raise ReportError(
        "no notebooks were found: run this in a checkout of the workbench, or give the path of "
        "a notebook (.ipynb)"
    )


def numbered() -> list[str]:
    """Names of the numbered notebooks, in order."""
    return sorted(path.stem for path in notebooks_dir().glob("[0-9][0-9]_*.ipynb"))


def studies() -> list[str]:
    """Names of the studies, sorted: ``studies/parity`` and so on."""
    return sorted(f"studies/{path.stem}" for path in (notebooks_dir() / "studies").glob("*.ipynb"))


def expand(names: list[str]) -> list[str]:
    """Replace ``studies`` by the names of all studies; no name means the numbered notebooks.

    Raises:
        ReportError: There is no study, or no numbered notebook.
    """
    if not names:
        if not (found := numbered()):
            raise ReportError(f"no numbered notebook was found in {notebooks_dir()}")
        return found
    expanded = []
    for name in names:
        if name.rstrip("/") == "studies":
            if not (found := studies()):
                raise ReportError(f"no study was found in {notebooks_dir() / 'studies'}")
            expanded += found
        else:
            expanded.append(name)
    return expanded


def find_notebook(name: str) -> tuple[str, Path]:
    """The notebook that a name means.

    Args:
        name: A name as `numbered` and `studies` give it, the beginning of just one of them
            (``03``), the last part of one (``parity``), or the path of an ``.ipynb`` file.

    Returns:
        Its full name and its path.

    Raises:
        ReportError: No notebook or several fit; the message lists the near names.
    """
    path = Path(name)
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise ReportError(f"there is no notebook at {name!r}")
        return path.stem, path.resolve()
    folder = notebooks_dir()
    known = numbered() + studies()
    if name in known:
        return name, folder / f"{name}.ipynb"
    for fitting in (
        [one for one in known if one.startswith(name)],
        [one for one in known if one.removeprefix("studies/").startswith(name)],
    ):
        if len(fitting) == 1 and name:
            return fitting[0], folder / f"{fitting[0]}.ipynb"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
    raise ReportError(
        f"there is no notebook {name!r}: the nearest are {', '.join(near)}"
        if known
        else f"there is no notebook {name!r}, and none other in {folder}"
    )

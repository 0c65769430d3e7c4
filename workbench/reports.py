"""Reports: notebooks run with checked parameters and kept as pages that work offline.

A report is one HTML file and its data files. It is made from the notebook's source, the package,
the data, the parameters and the installed versions; while none of them changes it is not made
again. Whatever happens on the way, what lies in the output folder is whole: the page and its data
are put in place by one rename.

>>> import workbench as wb
>>> wb.render_report("03_tokenizer_comparison", {"seed": 8})  # doctest: +SKIP
ReportPaths(name='03_tokenizer_comparison--seed=8', status='done', ...)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.reporting import provenance as origin
from workbench.reporting.execution import quick_imports
from workbench.reporting.index import write_index
from workbench.reporting.notebooks import expand, find_notebook
from workbench.reporting.parameters import (
    Parameter,
    ReportError,
    check_values,
    expand_grid,
    read_parameters,
)
from workbench.reporting.runs import Job, ReportPaths, result_of, run_all
from workbench.reporting.store import Store, report_name
from workbench.reporting.tables import save_table

__all__ = [
    "Parameter",
    "ReportError",
    "ReportPaths",
    "ReportRequest",
    "describe_parameters",
    "provenance",
    "read_requests",
    "render_report",
    "render_reports",
    "save_table",
]


@dataclass(frozen=True)
class ReportRequest:
    """A notebook and the values it is to run with.

    Attributes:
        notebook: A name, or the path of an ``.ipynb`` file.
        parameters: Values by name; the others keep their defaults.
    """

    notebook: str
    parameters: Mapping[str, Any]


def provenance(
    tokenizers: Iterable[Any] = (), corpora: Iterable[Any] = (), seed: int | None = None
) -> None:
    """Say in a notebook what its numbers come from; a report shows it in its footer.

    Args:
        tokenizers: Those that were used (`workbench.tokenizers.Tokenizer`).
        corpora: Those that were read (`workbench.corpora.Corpus`).
        seed: Of the random draws, if there were any.

    Example:
        >>> provenance(tokenizers=[tok], corpora=[corpus], seed=seed)  # doctest: +SKIP
    """
    from IPython.display import publish_display_data

    said = origin.declare(tokenizers, corpora, seed)
    names = [one["name"] for one in said["tokenizers"] + said["corpora"]]
    text = "From " + ", ".join(names) if names else "From no tokenizer and no corpus"
    if seed is not None:
        text += f"; seed {seed}"
    publish_display_data(  # type: ignore[no-untyped-call]
        {origin.PROVENANCE_MIME: said, "text/plain": text}
    )


def describe_parameters(notebook: str) -> list[Parameter]:
    """What a notebook may be given.

    Args:
        notebook: A name, or the path of an ``.ipynb`` file.

    Returns:
        Name, type, default and meaning of each parameter, in the notebook's order.

    Raises:
        ReportError: There is no such notebook, or its parameters cell is not well-formed.
    """
    return list(read_parameters(_read(find_notebook(notebook)[1])).values())


def read_requests(path: Path) -> list[ReportRequest]:
    """Read a YAML file of runs.

    Each entry names a ``notebook`` and may have ``parameters`` (one value each) and ``grid``
    (a list of values each: every combination becomes a report).

    Args:
        path: Such a file::

            - notebook: 03_tokenizer_comparison
              parameters: {seed: 8}
              grid: {corpus: [parallel, code]}

    Returns:
        The runs in the file's order.

    Raises:
        ReportError: The file is no such list; the message says where.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReportError(f"{path} cannot be read as YAML: {error}") from None
    if not isinstance(content, list):
        raise ReportError(f"{path} must hold a list of runs ('- notebook: NAME'), not {content!r}")
    requests = []
    for number, entry in enumerate(content, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("notebook"), str):
            raise ReportError(f"{path}, run {number}: 'notebook: NAME' is missing in {entry!r}")
        if unknown := set(entry) - {"notebook", "parameters", "grid"}:
            raise ReportError(
                f"{path}, run {number}: {sorted(unknown)} is unknown; "
                "a run has notebook, parameters and grid"
            )
        fixed = entry.get("parameters") or {}
        grid = entry.get("grid") or {}
        if not isinstance(fixed, dict) or not isinstance(grid, dict):
            raise ReportError(f"{path}, run {number}: parameters and grid hold 'name: value' lines")
        for name, values in grid.items():
            if not isinstance(values, list) or not values:
                raise ReportError(
                    f"{path}, run {number}: grid lists the values of {name!r}, not {values!r}"
                )
        requests += [
            ReportRequest(entry["notebook"], {**fixed, **one}) for one in expand_grid(grid)
        ]
    return requests


def render_report(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    output_dir: str | Path = "reports",
    *,
    force: bool = False,
    progress: bool = False,
) -> ReportPaths:
    """Run one notebook and keep it as a report.

    Args:
        name: A notebook's name (``03_tokenizer_comparison``, or ``03``), or a path.
        parameters: Values by name; the others keep their defaults. A relative path in a value
            is relative to the current folder.
        output_dir: Where reports lie.
        force: Run it even though nothing changed.
        progress: Show a progress bar.

    Returns:
        The paths of the page and of its tables.

    Raises:
        ReportError: An unknown notebook or parameter, or a value of another type (before anything
            runs); or the notebook failed (what it came to is kept, and named).
    """
    [result] = render_reports(
        [ReportRequest(name, parameters or {})],
        output_dir=output_dir,
        force=force,
        progress=progress,
    )
    if result.status == "failed":
        raise ReportError(f"{result.name} failed: {result.error}. See {result.html}")
    return result


def render_reports(
    names: Sequence[str | ReportRequest] = (),
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    jobs: int | None = None,
    output_dir: str | Path = "reports",
    force: bool = False,
    progress: bool = False,
    on_done: Callable[[ReportPaths], None] = lambda _: None,
) -> list[ReportPaths]:
    """Run several notebooks, several at a time; one that fails does not stop the others.

    Args:
        names: Notebooks, or requests with values of their own; ``studies`` means all studies.
            None at all means the four numbered notebooks.
        grid: A list of values for each name; every combination is one report of each notebook.
        jobs: How many run at the same time; by default one per processor, four at most.
        output_dir: Where reports lie.
        force: Run them even though nothing changed.
        progress: Show a progress bar.
        on_done: Called with each result as it comes.

    Returns:
        The results, in the order asked for; look at `ReportPaths.status`.

    Raises:
        ReportError: An unknown notebook or parameter, or a value of another type: nothing ran.
    """
    inputs = origin.Inputs()
    planned = _plan(names, grid or {}, inputs)
    store = Store(Path(output_dir))
    results: dict[str, ReportPaths] = {}
    waiting = []
    for job in planned:
        state = store.load(job.name)
        if not force and state is not None and store.is_current(state, job.key):
            results[job.name] = result_of(store, state, "unchanged")
            on_done(results[job.name])
        else:
            waiting.append(job)
    if waiting:
        at_once = max(1, min(jobs or min(os.cpu_count() or 1, 4), len(waiting)))
        for result in run_all(waiting, store, inputs, at_once, progress=progress):
            results[result.name] = result
            on_done(result)
    with store.lock:
        write_index(store)
    return [results[job.name] for job in planned]


def _read(path: Path) -> Any:
    quick_imports()
    import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ReportError(f"{path} is no notebook that can be read: {error}") from None


def _plan(
    names: Sequence[str | ReportRequest],
    grid: Mapping[str, Sequence[Any]],
    inputs: origin.Inputs,
) -> list[Job]:
    """Check every request before anything runs; the same report is made once."""
    requests: list[ReportRequest] = [one for one in names if isinstance(one, ReportRequest)]
    plain = [one for one in names if isinstance(one, str)]
    if plain or not requests:
        requests += [ReportRequest(name, {}) for name in expand(plain)]
    jobs: dict[str, Job] = {}
    for request in requests:
        notebook, path = find_notebook(request.notebook)
        content = _read(path)
        known = read_parameters(content)
        for values in expand_grid(grid):
            changed = check_values(notebook, known, {**request.parameters, **values})
            whole = {one.name: changed.get(one.name, one.default) for one in known.values()}
            job = Job(
                name=report_name(notebook, changed),
                notebook=notebook,
                path=path,
                values=whole,
                changed=changed,
                key=inputs.key(content, whole),
                cells=len(content["cells"]) + bool(changed),
            )
            if job.name in jobs and jobs[job.name].path != path:
                raise ReportError(
                    f"{path} and {jobs[job.name].path} would both become {job.name}.html: "
                    "give one of them another file name"
                )
            jobs[job.name] = job
    return list(jobs.values())

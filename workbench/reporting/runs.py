"""Reports made from checked requests, several at a time, each put in place whole."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.reporting import provenance as origin
from workbench.reporting.execution import Stop, run_notebook
from workbench.reporting.index import write_index
from workbench.reporting.store import State, Store
from workbench.reporting.tables import list_tables


@dataclass(frozen=True)
class ReportPaths:
    """Where a report lies, and how it went.

    Attributes:
        name: The report's name: the notebook's, with the parameters that differ from the defaults.
        status: ``done``, ``unchanged`` (it was there already) or ``failed``.
        html: The page; of a failed run, what it came to, ``NAME.failed.html``.
        tables: The Parquet files; each has a CSV file beside it.
        notebook: The executed notebook of a failed run, ``NAME.failed.ipynb``; else None.
        seconds: Duration of the run.
        error: What went wrong, or None.
    """

    name: str
    status: str
    html: Path
    tables: tuple[Path, ...]
    notebook: Path | None
    seconds: float
    error: str | None


@dataclass(frozen=True)
class Job:
    """A request that was checked.

    Attributes:
        name: The report's name.
        notebook: The notebook's name.
        path: The notebook.
        values: All parameters.
        changed: Those that differ from the defaults.
        key: `workbench.reporting.provenance.Inputs.key`.
        cells: Number of cells, for the progress bar.
    """

    name: str
    notebook: str
    path: Path
    values: dict[str, Any]
    changed: dict[str, Any]
    key: str
    cells: int


def run_all(
    jobs: Sequence[Job], store: Store, inputs: origin.Inputs, at_once: int, *, progress: bool
) -> Iterator[ReportPaths]:
    """Run the jobs and yield each result as it comes.

    Args:
        jobs: What to run.
        store: Where the reports go.
        inputs: For the footers.
        at_once: How many run at the same time.
        progress: Show a progress bar on the standard error stream.

    Yields:
        Results, failed ones too.
    """
    from tqdm import tqdm

    bar = tqdm(
        total=sum(job.cells for job in jobs),
        unit="cell",
        disable=not progress,
        file=sys.stderr,
        bar_format="{desc} {bar} {n_fmt}/{total_fmt} cells, {elapsed}",
    )
    running: list[str] = []
    stop = Stop()

    def run(job: Job) -> ReportPaths:
        running.append(job.name)
        bar.set_description_str(", ".join(running))
        try:
            return _run(job, store, inputs, bar.update, stop)
        finally:
            running.remove(job.name)

    pool = ThreadPoolExecutor(at_once)
    try:
        pending = {pool.submit(run, job) for job in jobs}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()
    except BaseException:
        # An interrupt, or a caller that left: what is under way becomes no report.
        stop.ask()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    finally:
        bar.close()
    pool.shutdown()


def _run(
    job: Job, store: Store, inputs: origin.Inputs, on_cell: Callable[[], object], stop: Stop
) -> ReportPaths:
    from workbench.reporting.html import render_page

    with store.workspace() as work:
        start = time.monotonic()
        outcome = run_notebook(job.path, job.changed, work, on_cell, stop)
        seconds = time.monotonic() - start
        failed = outcome.error is not None
        finished = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        executed = _notebook_text(outcome.notebook) if failed else ""
        # What a failed run saved is no report's data.
        tables = [] if failed else list_tables(work / "tables")
        files = store.tables_address(job.name, work / "tables") if tables else ""
        page = render_page(
            outcome.notebook,
            name=job.name,
            parameters=job.values,
            changed=list(job.changed),
            tables=tables,
            tables_at="/".join(files.split("/")[-2:]),
            to_index="../" * job.name.count("/") + "index.html",
            facts={
                "versions": origin.versions(),
                "lock": inputs.lock,
                "seconds": seconds,
                "finished": finished,
                **origin.git_state(job.path.parent),
            },
            error=outcome.error,
        )
        suffix = ".failed" if failed else ""
        state = State(
            name=job.name,
            notebook=job.notebook,
            title=page.title,
            summary=page.summary,
            status="failed" if failed else "done",
            key=job.key,
            parameters=job.changed,
            seconds=seconds,
            finished=finished,
            page=f"{job.name}{suffix}.html",
            digest=hashlib.sha256(page.html.encode()).hexdigest(),
            tables=[f"{files}/{one.parquet}" for one in tables],
            thumbnail=page.thumbnail,
            error=outcome.error,
        )
        with store.lock:
            if failed:
                store.write(f"{job.name}.failed.ipynb", executed)
            elif tables:
                store.place_tables(work / "tables", files)
            store.write(state.page, page.html)  # from here on the report is the new one
            store.save(state)
            if not failed:
                store.drop_old_tables(job.name, keep=files)
                for left in (f"{job.name}.failed.html", f"{job.name}.failed.ipynb"):
                    (store.folder / left).unlink(missing_ok=True)
            write_index(store)
    return result_of(store, state, state.status)


def _notebook_text(notebook: Any) -> str:
    import nbformat

    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def result_of(store: Store, state: State, status: str) -> ReportPaths:
    """A remembered report as what the caller gets."""
    failed = state.status == "failed"
    return ReportPaths(
        name=state.name,
        status=status,
        html=store.folder / state.page,
        tables=tuple(store.folder / one for one in state.tables),
        notebook=store.folder / f"{state.name}.failed.ipynb" if failed else None,
        seconds=state.seconds,
        error=state.error,
    )

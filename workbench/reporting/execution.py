"""One notebook, run by papermill in a kernel of its own.

The kernel gets its own environment (where to keep tables, a fixed hash seed, no user start-up
files) without touching this process's, so several notebooks can run in threads.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.reporting.tables import REPORT_DIR

ENGINE = "workbench"

# jsonschema's check of IRIs compiles a grammar for 1.7 s in each process that imports it (Altair
# and nbformat do), and nobody asks for that check. It accepts that the module is missing.
NO_IRI_GRAMMAR = "import sys; sys.modules.setdefault('rfc3987_syntax', None)"


class Stop:
    """Ends the runs that are under way, for an interrupt: threads cannot be interrupted."""

    def __init__(self) -> None:
        self.asked = False
        self._clients: list[Any] = []

    def watch(self, client: Any) -> None:
        """Remember the nbclient of a run."""
        self._clients.append(client)

    def ask(self) -> None:
        """Kill every kernel; the runs end with a `Stopped`."""
        self.asked = True
        for client in self._clients:
            process = getattr(getattr(client.km, "provisioner", None), "process", None)
            if process is not None:
                process.kill()

    def check(self) -> None:
        """Raise where an end was asked for.

        Raises:
            Stopped: It was.
        """
        if self.asked:
            raise Stopped


class Stopped(Exception):  # noqa: N818 - it is no error: somebody pressed Ctrl-C
    """A run that was ended from outside; nothing of it is kept."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Attributes:
        notebook: The executed notebook (nbformat), as far as it came.
        error: None, or one sentence: which error, and in which cell.
    """

    notebook: Any
    error: str | None


def quick_imports() -> None:
    """Spare this process what `NO_IRI_GRAMMAR` spares the kernel; call it before nbformat."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None blocks an import


def _prepare() -> Any:
    """Import papermill, without the slow part, and register the engine; returns papermill."""
    quick_imports()
    # A kernel named python3 in the user's folder may be another Python: ours goes first.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    import papermill
    import zmq
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.log import logger

    logging.getLogger("papermill").setLevel(logging.ERROR)

    class Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill ships no types
        """Papermill's client, which no longer misses a reply while an Output widget is in use."""

        def process_message(self, *arguments: Any, **keywords: Any) -> Any:
            """Handle one message of the kernel, then look whether the shell has news.

            For an Output widget nbclient answers on the shell's socket while a task waits there
            for the cell's reply. jupyter_client sends past that socket's event loop, which takes
            the one signal that the reply has come: under load one run in a dozen then waited for
            ever. Asking a socket for its events makes pyzmq look again.
            """
            done = super().process_message(*arguments, **keywords)
            self.kc.shell_channel.socket.get(zmq.EVENTS)
            return done

    class Engine(NBClientEngine):  # type: ignore[misc]  # papermill ships no types
        """Papermill's own engine, with an environment and a folder for the kernel."""

        @classmethod
        def execute_managed_notebook(
            cls,
            nb_man: Any,
            kernel_name: str,
            *,
            kernel_env: Mapping[str, str],
            kernel_cwd: str,
            on_cell_start: Callable[..., None],
            on_client: Callable[[Any], None],
            start_timeout: int = 60,
            **_: Any,
        ) -> Any:
            client = Client(
                nb_man,
                kernel_name=kernel_name,
                startup_timeout=start_timeout,
                timeout=None,
                on_cell_start=on_cell_start,
                log=logger,
                extra_arguments=[
                    "--HistoryManager.enabled=False",
                    "--IPKernelApp.log_level=40",  # loopback TCP without encryption is no news
                    f"--IPKernelApp.exec_lines={NO_IRI_GRAMMAR}",
                ],
                # Every output is here; a kernel that drew charts takes 3 s to leave by itself.
                shutdown_kernel="immediate",
            )
            on_client(client)
            return client.execute(env=dict(kernel_env), cwd=kernel_cwd)

    if ENGINE not in papermill_engines._engines:  # noqa: SLF001 - papermill has no way to ask
        papermill_engines.register(ENGINE, Engine)
    return papermill


# A page has room that a cell has not: whole sentences in tables, and no types under the names.
TABLES = {
    "POLARS_FMT_MAX_ROWS": "40",
    "POLARS_FMT_STR_LEN": "300",
    "POLARS_FMT_TABLE_HIDE_COLUMN_DATA_TYPES": "1",
    "POLARS_FMT_TABLE_HIDE_DATAFRAME_SHAPE_INFORMATION": "1",
}


def kernel_environment(work: Path) -> dict[str, str]:
    """The environment of a report's kernel.

    Args:
        work: The run's own folder; ``work/tables`` takes the tables.
    """
    return {
        **os.environ,
        **TABLES,
        REPORT_DIR: str(work / "tables"),
        "PYTHONHASHSEED": "0",  # the order of sets must not change the tables
        "IPYTHONDIR": str(work / "ipython"),  # the user's start-up files must not either
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TQDM_DISABLE": "1",
    }


def run_notebook(
    source: Path,
    parameters: Mapping[str, Any],
    work: Path,
    on_cell: Callable[[], object] = lambda: None,
    stop: Stop | None = None,
) -> Outcome:
    """Run a notebook to its end or to its first error.

    Args:
        source: The notebook; it is not changed.
        parameters: Checked values; the kernel's folder is the current one, so that a relative path
            means here what it means in the shell.
        work: An existing folder for this run alone.
        on_cell: Called at each cell, from the thread that runs.
        stop: Ends the run from another thread.

    Returns:
        The executed notebook, and what went wrong, if anything did.

    Raises:
        Stopped: The run was ended from outside.
    """
    stop = stop or Stop()
    stop.check()
    papermill = _prepare()
    import nbformat
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    (work / "tables").mkdir()
    # Papermill formats paths with str.format, so a name with braces never reaches it: it gets the
    # notebook itself, and a name of ours to write to.
    target = work / "run.ipynb"
    notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    error = None
    try:
        papermill.execute_notebook(
            notebook,
            str(target),
            parameters=dict(parameters),
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel_env=kernel_environment(work),
            kernel_cwd=str(Path.cwd()),
            on_cell_start=lambda **_: on_cell(),
            on_client=stop.watch,
        )
    except PapermillExecutionError as failed:
        error = f"{failed.ename}: {failed.evalue}".strip()
    except DeadKernelError as failed:
        error = f"the kernel died ({failed}); it may have run out of memory"
    except Exception as failed:  # noqa: BLE001 - one notebook's trouble must not stop the others
        error = f"it could not be run: {type(failed).__name__}: {failed}"
    stop.check()
    if target.exists():
        notebook = nbformat.read(target, as_version=4)  # type: ignore[no-untyped-call]
    return Outcome(notebook, error)

"""Where reports lie, and how one gets there whole.

A run works in ``.work/`` inside the output folder (the same file system, so that renaming is
atomic). Its tables go to ``NAME.files/<hash of their content>/``, a place no page names yet; then
one rename puts the page there, which names that place. A kill before the rename leaves the old
report, a kill after it the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.reporting.provenance import file_digest

LONGEST_NAME = 100


@dataclass
class State:
    """What the index knows of one report.

    Attributes:
        name: Its path in the output folder without ``.html``.
        notebook: The notebook's name.
        title: Its first heading.
        summary: Its first paragraph.
        status: ``done`` or ``failed``.
        key: `workbench.reporting.provenance.Inputs.key` of the run.
        parameters: Those that differ from the defaults.
        seconds: Duration of the run.
        finished: Date and time in UTC, ISO 8601.
        page: The HTML's path relative to the output folder.
        digest: SHA-256 of the HTML.
        tables: Paths of the Parquet files, relative to the output folder.
        thumbnail: The first chart as a data address, or None.
        error: The last line of what went wrong, or None.
    """

    name: str
    notebook: str
    title: str
    summary: str
    status: str
    key: str
    parameters: dict[str, Any]
    seconds: float
    finished: str
    page: str
    digest: str
    tables: list[str] = field(default_factory=list)
    thumbnail: str | None = None
    error: str | None = None


def report_name(notebook: str, parameters: Mapping[str, Any]) -> str:
    """A file name for a notebook with these parameters.

    Args:
        notebook: Such as ``03_tokenizer_comparison`` or ``studies/parity``.
        parameters: Those that differ from the defaults.

    Returns:
        The notebook's name alone for the defaults; else with the values, in characters that every
        file system takes, cut and marked with a hash where that loses something.

    Example:
        >>> report_name("03_tokenizer_comparison", {"seed": 8})
        '03_tokenizer_comparison--seed=8'
    """
    if not parameters:
        return notebook
    said = "--".join(f"{name}={_slug(value)}" for name, value in parameters.items())
    whole = all(
        (isinstance(value, str | int | float) and _slug(value) == str(value))
        for value in parameters.values()
    )
    if whole and len(said) <= LONGEST_NAME:
        return f"{notebook}--{said}"
    mark = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:8]
    return f"{notebook}--{said[:LONGEST_NAME].rstrip('-=.')}--{mark}"


def _slug(value: Any) -> str:
    if isinstance(value, int | float):
        return str(value)
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", ascii_text).strip("-.")


class Store:
    """An output folder.

    Args:
        folder: Made when it is absent.

    Raises:
        OSError: The folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hidden = folder / ".work"
        self.hidden.mkdir(parents=True, exist_ok=True)
        # Two commands may write into one folder; each commit and each index holds this lock.
        self.lock = FileLock(self.hidden / "lock")

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A temporary folder on the same file system; what killed runs left is removed first."""
        with self.lock:
            self._sweep()
            path = Path(tempfile.mkdtemp(prefix="run-", dir=self.hidden))
            alive = FileLock(self.hidden / f"{path.name}.lock")
            alive.acquire()
        try:
            yield path
        finally:
            with self.lock:
                shutil.rmtree(path, ignore_errors=True)
                alive.release()
                Path(alive.lock_file).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what killed runs left; the caller holds the lock, so no write is under way."""
        for part in self.hidden.glob("*.part"):
            part.unlink(missing_ok=True)
        for path in self.hidden.glob("run-*.lock"):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue  # its process lives
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            lock.release()
            path.unlink(missing_ok=True)

    def write(self, relative: str, text: str) -> Path:
        """Write a text in one step, under the lock: who reads sees the old file or the new one."""
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.hidden, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        return path

    def tables_address(self, name: str, tables: Path) -> str:
        """Where a report's tables belong, relative to the output folder: by their content."""
        content = json.dumps([[path.name, file_digest(path)] for path in sorted(tables.iterdir())])
        return f"{name}.files/{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def place_tables(self, tables: Path, address: str) -> None:
        """Move a run's tables to where its page points; an equal run may have been there before."""
        target = self.folder / address
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            # The name promises the content, so a file that somebody changed is put right again.
            for path in tables.iterdir():
                path.replace(target / path.name)
        else:
            tables.replace(target)

    def drop_old_tables(self, name: str, keep: str) -> None:
        """Remove the tables that no page points at any more."""
        parent = self.folder / f"{name}.files"
        for path in parent.glob("*"):
            if f"{name}.files/{path.name}" != keep:
                shutil.rmtree(path, ignore_errors=True)
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()

    def _state_path(self, name: str) -> str:
        return f".work/states/{name}.json"

    def save(self, state: State) -> None:
        """Remember a report for the index and for the next run."""
        self.write(self._state_path(state.name), json.dumps(asdict(state), indent=1))

    def load(self, name: str) -> State | None:
        """What is remembered of a report; None where there is nothing, or nothing readable."""
        try:
            content = json.loads((self.folder / self._state_path(name)).read_text("utf-8"))
            return State(**content)
        except (OSError, ValueError, TypeError):
            return None

    def states(self) -> list[State]:
        """Every remembered report whose page is still there, sorted by name."""
        base = self.hidden / "states"
        names = sorted(
            path.relative_to(base).as_posix().removesuffix(".json") for path in base.rglob("*.json")
        )
        found = [self.load(name) for name in names]
        return [one for one in found if one and (self.folder / one.page).is_file()]

    def is_current(self, state: State | None, key: str) -> bool:
        """Whether a report was made from these inputs and lies there whole."""
        if state is None or state.status != "done" or state.key != key:
            return False
        page = self.folder / state.page
        return (
            page.is_file()
            and file_digest(page) == state.digest
            and all((self.folder / table).is_file() for table in state.tables)
        )

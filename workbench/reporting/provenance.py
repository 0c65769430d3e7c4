"""What the numbers of a report came from, and the key that says whether they could differ."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

PROVENANCE_MIME = "application/vnd.workbench.provenance+json"

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent

# What is shown. The key looks at every installed distribution.
SHOWN = (
    "tokenizer-workbench",
    "tokenizers",
    "tiktoken",
    "sentencepiece",
    "gigatoken",
    "polars",
    "numpy",
    "scipy",
    "statsmodels",
    "altair",
    "papermill",
)
# Files beyond this many bytes are known by size and time, not by content: 1 GiB takes seconds.
HASHED_WHOLE = 1 << 30


def declare(
    tokenizers: Iterable[Any] = (), corpora: Iterable[Any] = (), seed: int | None = None
) -> dict[str, Any]:
    """What a notebook says about its inputs, as plain values.

    Args:
        tokenizers: `workbench.tokenizers.Tokenizer` objects.
        corpora: `workbench.corpora.Corpus` objects.
        seed: Of the random draws; None where nothing is drawn.

    Returns:
        A dictionary of JSON values.
    """
    return {
        "tokenizers": [
            {
                "name": one.name,
                "algorithm": one.algorithm,
                "source": str(one.source),
                "fingerprint": one.fingerprint,
            }
            for one in tokenizers
        ],
        "corpora": [
            {"name": one.name, "checksum": one.checksum, "note": one.note or ""} for one in corpora
        ],
        "seed": seed,
    }


def merge(declared: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Join what several cells declared; the same tokenizer or corpus is listed once."""
    tokenizers: dict[tuple[str, str], Any] = {}
    corpora: dict[tuple[str, str], Any] = {}
    seeds: list[int] = []
    for one in declared:
        tokenizers |= {(t["name"], t["fingerprint"]): t for t in one["tokenizers"]}
        corpora |= {(c["name"], c["checksum"]): c for c in one["corpora"]}
        if one["seed"] is not None and one["seed"] not in seeds:
            seeds.append(one["seed"])
    return {
        "tokenizers": list(tokenizers.values()),
        "corpora": list(corpora.values()),
        "seeds": seeds,
    }


def versions() -> dict[str, str]:
    """Versions of Python, the platform and the packages that compute."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in SHOWN:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any]:
    """The commit that holds a folder, and whether the working tree differs from it.

    Returns:
        ``commit`` (40 hexadecimal digits, or None outside a git checkout) and ``dirty``.
    """
    git = shutil.which("git")

    def ask(*arguments: str) -> str | None:
        if git is None:
            return None
        done = subprocess.run(  # noqa: S603 - git, found on the PATH, with fixed arguments
            [git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    status = ask("status", "--porcelain") if commit else None
    return {"commit": commit, "dirty": bool(status)}


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; of size and time for one of more than 1 GiB."""
    stat = path.stat()
    if stat.st_size > HASHED_WHOLE:
        return f"size {stat.st_size} time {stat.st_mtime_ns}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tree(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), file_digest(path)


class Inputs:
    """What every report of one call shares: package, data, lock and installed versions.

    Read once per call, since hashing them again for each report of a grid would say nothing new.
    """

    @cached_property
    def shared(self) -> dict[str, Any]:
        """Digests of everything that is not the notebook or its parameters."""
        lock = ROOT / "requirements.lock"
        data = ROOT / "data"
        return {
            "python": sys.version,
            "package": dict(_tree(PACKAGE)),
            "data": dict(_tree(data)) if data.is_dir() else {},
            "lock": file_digest(lock) if lock.is_file() else None,
            "installed": sorted(
                {path.name for entry in sys.path for path in Path(entry or ".").glob("*.dist-info")}
            ),
        }

    @property
    def lock(self) -> str | None:
        """SHA-256 of requirements.lock, or None where the package stands without one."""
        return self.shared["lock"]  # type: ignore[no-any-return]  # a value of a JSON-like dict

    def key(self, notebook: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
        """SHA-256 over all that can change a report's numbers.

        A parameter that names a file or folder counts with the bytes of that file.

        Args:
            notebook: As nbformat reads it; outputs and counters do not count.
            parameters: All of them, the defaults included.

        Returns:
            64 hexadecimal digits.
        """
        cells = [
            [cell["cell_type"], cell["source"], cell["metadata"].get("tags", [])]
            for cell in notebook["cells"]
        ]
        content = [self.shared, cells, parameters, list(_files_of(parameters))]
        text = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _files_of(value: Any) -> Iterator[list[str]]:
    """Path and digest of every existing file that a parameter names."""
    match value:
        case str() if value and len(value) < 4096 and "\n" not in value and "\0" not in value:
            path = Path(value)
            if path.is_file():
                yield [value, file_digest(path)]
            elif path.is_dir():
                yield from ([f"{value}/{name}", digest] for name, digest in _tree(path))
            elif any(mark in value for mark in "*?[") and not path.is_absolute():
                yield from ([str(one), file_digest(one)] for one in sorted(Path().glob(value)))
        case dict():
            for item in value.values():
                yield from _files_of(item)
        case list():
            for item in value:
                yield from _files_of(item)

"""A folder of finished work, found again by what it was made from.

An entry is a handful of arrays under the SHA-256 of its key. It is written to a temporary file and
renamed, so a kill at any moment leaves the old state or the new one; one that cannot be read is
made again; a full disk costs the entry, never the result. Two runs at once take turns by a lock
that the operating system releases when a process dies, so nothing is computed twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


class CacheWarning(UserWarning):
    """The cache could not keep something; the results are not touched by it."""


def default_folder() -> Path:
    """Where counts are kept between runs.

    Returns:
        A folder in the user's cache (`XDG_CACHE_HOME` moves it on Linux); it may not exist yet.
    """
    import platformdirs

    return platformdirs.user_cache_path("tokenizer-workbench") / "counts"


@cache
def code_version() -> str:
    """A hash of the code that counts: another code never finds this code's results.

    Returns:
        16 hexadecimal digits over the sources of this package and the versions of the libraries
        whose notion of a word or a character enters.
    """
    from importlib.metadata import version

    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for library in ("polars", "regex"):
        digest.update(version(library).encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Cache:
    """Finished work on disk. Picklable: workers on other machines may share the folder.

    Attributes:
        folder: Where; made when first written to. None keeps nothing.
        locked: Whether the caller holds a lock around its work, so that entries need none.
    """

    folder: Path | None
    locked: bool = False
    _warned: list[str] = field(default_factory=list, compare=False, repr=False)

    def get(
        self, key: Mapping[str, Any], compute: Callable[[], Mapping[str, npt.NDArray[Any]]]
    ) -> Arrays:
        """Return the entry of a key, computing it if nobody has.

        Args:
            key: What the entry depends on: JSON-able. The code's version is added to it.
            compute: Makes the arrays.

        Returns:
            The arrays, by name.
        """
        if self.folder is None:
            return dict(compute())
        path = self._path(key)
        found = _read(path)
        if found is None:
            with contextlib.nullcontext() if self.locked else self.lock(path.stem):
                found = _read(path)  # another run may have finished it while we waited
                if found is None:
                    found = dict(compute())
                    self._write(path, found)
        return found

    def __contains__(self, key: Mapping[str, Any]) -> bool:
        return self.folder is not None and self._path(key).is_file()

    def _path(self, key: Mapping[str, Any]) -> Path:
        assert self.folder is not None
        text = json.dumps({**key, "code": code_version()}, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def lock(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """Take turns with other processes on a piece of work.

        Args:
            name: Of the work, a hash: its first digits choose one of 4096 lock files. A process
                holds one at a time, so sharing a file can make somebody wait, never lock both out.

        Returns:
            A context that holds the lock; one that does nothing where the cache keeps nothing or
            its folder cannot be locked.
        """
        if self.folder is None:
            return contextlib.nullcontext()
        from filelock import FileLock

        lock = self.folder / "locks" / name[:3]
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            guard = FileLock(lock)
            guard.acquire()
        except (OSError, NotImplementedError) as error:  # the second: a file system without flock
            self._warn(f"cannot lock {lock} ({error}): two runs at once may do the same work twice")
            return contextlib.nullcontext()
        return contextlib.closing(_Release(guard))

    def _write(self, path: Path, arrays: Arrays) -> None:
        temporary: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            temporary = Path(name)
            with os.fdopen(handle, "wb") as file:
                # No fsync: after a power cut the checksums tell, and the entry is made again.
                np.savez(file, allow_pickle=False, **arrays)
            temporary.replace(path)
        except OSError as error:
            self._warn(
                f"cannot keep counts in {self.folder} ({error.strerror or error}): the run goes "
                "on and its results are complete, but a later run will count again. Make room, "
                "or pass cache= a folder that has some"
            )
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.append(message)
            warnings.warn(message, CacheWarning, stacklevel=2)


class _Release:
    def __init__(self, guard: Any) -> None:
        self.guard = guard

    def close(self) -> None:
        self.guard.release()


def _read(path: Path) -> Arrays | None:
    """The arrays of an entry; None where it is missing or damaged (its checksums tell)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def text_array(texts: list[str]) -> Arrays:
    """Texts as arrays that need no pickle.

    Args:
        texts: Any texts.

    Returns:
        `data` (uint8, their UTF-8 joined) and `ends` (int64).
    """
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(data) for data in encoded], dtype=np.int64)
    return {"data": np.frombuffer(b"".join(encoded), dtype=np.uint8), "ends": ends}


def array_text(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> list[str]:
    """The texts of `text_array`.

    Args:
        data: uint8.
        ends: int64.

    Returns:
        The texts.

    Example:
        >>> array_text(**text_array(["a", "", "é"]))
        ['a', '', 'é']
    """
    joined = data.tobytes()
    starts = [0, *ends.tolist()][:-1]
    return [joined[a:b].decode() for a, b in zip(starts, ends.tolist(), strict=True)]

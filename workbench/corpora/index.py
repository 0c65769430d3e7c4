"""One streaming pass over a file: its SHA-256, and where its records end.

The pass is what a checksum costs anyway. It also counts records, so that a shard in the middle of
a big file knows the number of its first row. A record ends at a line feed; in CSV, at a line feed
outside quotes, which the parity of the quotes before it tells (RFC 4180 doubles a quote inside a
quoted field, so parity survives it).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

WINDOW = 4 << 20
"""Bytes between two checkpoints of the index; a shard's edge is found by reading one window."""

CACHED_FROM = 8 << 20
"""Files of at least so many bytes have their index kept; smaller ones are as quickly read again."""

SETTLED = 2.0
"""Seconds a file must have rested: one changed within a clock tick could change again unseen."""


def cache_dir() -> Path:
    """Return the folder for what can be computed again; it may not exist yet.

    Example:
        >>> cache_dir().name
        'corpora'
    """
    return platformdirs.user_cache_path("tokenizer-workbench") / "corpora"


def record_ends(
    data: bytes | bytearray, quote: bytes | None, *, inside: bool = False
) -> npt.NDArray[np.int64]:
    r"""Return the offsets just after each record's line feed.

    Args:
        data: bytes of a file.
        quote: the quote character of CSV, one byte; None where every line feed ends a record.
        inside: whether `data` begins inside quotes.

    Returns:
        Ascending offsets in `data`, shape (records that end in it,).

    Example:
        >>> record_ends(b'a\n"b\nc"\n', b'"').tolist()
        [2, 8]
    """
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == 10)
    if quote is not None and len(ends):
        quotes = np.flatnonzero(array == quote[0])
        before = np.searchsorted(quotes, ends)
        ends = ends[(before + inside) % 2 == 0]
    return ends.astype(np.int64) + 1


@dataclass(frozen=True)
class FileIndex:
    """What one pass over a file tells.

    Attributes:
        path: the file.
        size: its bytes.
        sha256: lower-case hex over all of them (FIPS 180-4).
        quote: the quote character the records were told apart by, or None.
        records: for each window of `WINDOW` bytes, how many records end before it.
        inside: for each window, whether it begins inside quotes.
    """

    path: str
    size: int
    sha256: str
    quote: str | None
    records: tuple[int, ...]
    inside: tuple[bool, ...]

    def cuts(self, start: int, max_bytes: int) -> list[tuple[int, int]]:
        """Cut the file from `start` on into ranges of whole records.

        Args:
            start: where the first record begins, in bytes.
            max_bytes: what a range should not exceed; a longer record is a range of its own.

        Returns:
            (offset, records before it) of each cut, ascending, without `start` and the end.
        """
        found: list[tuple[int, int]] = []
        at = start
        window, ends = -1, np.empty(0, dtype=np.int64)
        while self.size - at > max_bytes:
            # The last record that ends in time; if none does, the first that ends too late.
            number = min(at + max_bytes, self.size - 1) // WINDOW
            cut = None
            while cut is None and number >= at // WINDOW:
                if number != window:
                    window, ends = number, self._ends(number)
                index = bisect_right(ends, at + max_bytes) - 1
                if index >= 0 and ends[index] > at:
                    cut = (int(ends[index]), self.records[number] + index + 1)
                number -= 1
            number = (at + max_bytes) // WINDOW
            while cut is None and number < len(self.records):
                if number != window:
                    window, ends = number, self._ends(number)
                index = bisect_right(ends, at + max_bytes)
                if index < len(ends):
                    cut = (int(ends[index]), self.records[number] + index + 1)
                number += 1
            if cut is None or cut[0] >= self.size:
                break
            found.append(cut)
            at = cut[0]
        return found

    def _ends(self, number: int) -> npt.NDArray[np.int64]:
        """Return the absolute record ends inside one window."""
        with Path(self.path).open("rb") as file:
            file.seek(number * WINDOW)
            data = file.read(WINDOW)
        quote = None if self.quote is None else self.quote.encode()
        return record_ends(data, quote, inside=self.inside[number]) + number * WINDOW


def file_index(path: str, quote: str | None = None) -> FileIndex:
    """Hash a file and find its records in one streaming pass, or recall the last pass.

    The result is kept in the user's cache folder under path, size and modification time. A cache
    that cannot be read or written only costs the pass.

    Args:
        path: a local file.
        quote: the quote character of a CSV file, or None.

    Returns:
        The index.

    Raises:
        OSError: If the file cannot be read.

    Example:
        >>> index = file_index("reviews.csv", quote='"')  # doctest: +SKIP
        >>> len(index.sha256)  # doctest: +SKIP
        64
    """
    status = Path(path).stat()
    stamp = [os.path.realpath(path), status.st_size, status.st_mtime_ns, quote, WINDOW]
    name = hashlib.sha256(json.dumps(stamp[0:1] + stamp[3:]).encode()).hexdigest()[:32]
    kept = cache_dir() / "files" / f"{name}.json"
    if status.st_size >= CACHED_FROM:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            entry = json.loads(kept.read_text(encoding="utf-8"))
            if entry["stamp"] == stamp:
                return FileIndex(
                    path,
                    status.st_size,
                    str(entry["sha256"]),
                    quote,
                    tuple(entry["records"]),
                    tuple(entry["inside"]),
                )
    index = _pass(path, quote)
    rested = time.time() - status.st_mtime > SETTLED
    if index.size == status.st_size >= CACHED_FROM and rested:
        entry = {
            "stamp": stamp,
            "sha256": index.sha256,
            "records": index.records,
            "inside": index.inside,
        }
        with contextlib.suppress(OSError):
            write_atomically(kept, json.dumps(entry).encode())
    return index


def _pass(path: str, quote: str | None) -> FileIndex:
    digest = hashlib.sha256()
    mark = None if quote is None else quote.encode()
    records, inside, size, seen, quotes = [], [], 0, 0, 0
    with Path(path).open("rb") as file:
        while data := file.read(WINDOW):
            digest.update(data)
            records.append(seen)
            inside.append(quotes % 2 == 1)
            if mark is None:
                seen += data.count(b"\n")
            else:
                seen += len(record_ends(data, mark, inside=inside[-1]))
                quotes += data.count(mark)
            size += len(data)
    return FileIndex(path, size, digest.hexdigest(), quote, tuple(records), tuple(inside))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a kill, sees all of it or nothing.

    Args:
        path: where; its folder is made.
        data: what.

    Raises:
        OSError: If the folder cannot be written.

    Example:
        >>> write_atomically(Path("/tmp/x"), b"all of it")  # doctest: +SKIP
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

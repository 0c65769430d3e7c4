"""Files that are one document each, to the byte."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from workbench.corpora.fields import (
    EMPTY_FILE,
    INVALID_UTF8,
    SCHEMA,
    UNREADABLE_FILE,
    Fields,
    Sieve,
)
from workbench.corpora.index import file_index
from workbench.corpora.records import invalid_utf8
from workbench.corpora.textfiles import open_stream

GROUP = 8 << 20
"""Bytes of text after which a frame is given out."""


@dataclass(frozen=True)
class TextFile:
    """One file of `WholeFiles`.

    Attributes:
        path: the local file.
        label: its `doc_id`.
        size: bytes when it was found.
        compression: "gz", "bz2", "xz", "zst" or None.
    """

    path: str
    label: str
    size: int
    compression: str | None = None


@dataclass(frozen=True)
class WholeFiles:
    """Files of which each is a document.

    Attributes:
        files: in order.
        fields: gives language, domain and what happens to a file that is no text.
    """

    files: tuple[TextFile, ...]
    fields: Fields

    @property
    def size(self) -> int:
        """Bytes of the files as stored."""
        return sum(file.size for file in self.files)

    @property
    def languages(self) -> tuple[str, ...] | None:
        """The languages of the documents; None where that takes reading."""
        return self.fields.languages(column=False)

    def identity(self) -> str:
        """Return a hash of the names and bytes of all files and of the reading options."""
        digests = [f"{file.label}:{file_index(file.path).sha256}" for file in self.files]
        return hashlib.sha256("|".join([*digests, self.fields.identity()]).encode()).hexdigest()

    def split(self, max_bytes: int) -> list[WholeFiles]:
        """Cut into runs of files of at most `max_bytes` together; a larger file comes alone."""
        parts: list[list[TextFile]] = []
        size = 0
        for file in self.files:
            if not parts or size + file.size > max_bytes:
                parts.append([])
                size = 0
            parts[-1].append(file)
            size += file.size
        return [replace(self, files=tuple(part)) for part in parts]

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:
        """Yield the documents, some megabytes at a time.

        Args:
            counts: takes what is skipped, by reason.

        Yields:
            Frames with the columns of `SCHEMA`.

        Raises:
            CorpusError: If a file is empty, cannot be read, or is no UTF-8.
        """
        sieve = Sieve(self.fields.errors, counts)
        labels: list[str] = []
        texts: list[str] = []
        size = 0
        for file in self.files:
            text = _read(file, sieve)
            if text is None:
                continue
            labels.append(file.label)
            texts.append(text)
            size += file.size
            if size >= GROUP:
                yield self._frame(labels, texts)
                labels, texts, size = [], [], 0
        if texts:
            yield self._frame(labels, texts)

    def _frame(self, labels: list[str], texts: list[str]) -> pl.DataFrame:
        count = len(texts)
        return pl.DataFrame(
            {
                "doc_id": labels,
                "text": texts,
                "language": [self.fields.language] * count,
                "domain": [self.fields.domain] * count,
            },
            schema=SCHEMA,
        )


def _read(file: TextFile, sieve: Sieve) -> str | None:
    """Return a file's text to the byte (line ends, NUL and byte order mark too), or None."""
    try:
        with open_stream(file.path, file.compression) as stream:
            data = stream.read()
    except (OSError, EOFError, ValueError) as error:
        sieve.reject(UNREADABLE_FILE, f"{file.path} cannot be read ({error}); fetch it again")
        return None
    if not data:
        sieve.reject(
            EMPTY_FILE,
            f'{file.path} is empty; remove it from the corpus, or pass errors="skip" to count it',
        )
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        sieve.reject(INVALID_UTF8, invalid_utf8(str(Path(file.path)), None, error, 0))
        return None

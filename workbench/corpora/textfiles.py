"""Files of records: text with one document a line, JSON lines, CSV; plain or compressed.

A file is read in blocks of whole records and never as a whole. Text is kept to the byte: line mode
drops the line end (LF or CRLF) and nothing else, so a lone CR, NUL, U+2028 or a byte order mark
stays in the document. JSON lines and CSV lose a byte order mark at the beginning of the file, which
belongs to the file and to no document.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, cast

import polars as pl

from workbench.corpora.fields import (
    DAMAGED_FILE,
    EMPTY_FILE,
    UNREADABLE_FILE,
    CorpusError,
    Fields,
    Sieve,
    resolve_columns,
)
from workbench.corpora.index import file_index, record_ends
from workbench.corpora.records import csv_frame, json_frame, line_frame

BLOCK = 2 << 20
"""Bytes read at a time."""

LONGEST_RECORD = 1 << 30
"""A record of more bytes is refused: most often a quote that was never closed."""

BOM = b"\xef\xbb\xbf"


def open_stream(path: str, compression: str | None) -> IO[bytes]:
    """Open a file for reading bytes, decompressed.

    Args:
        path: a local file.
        compression: "gz", "bz2", "xz", "zst" or None.

    Returns:
        A binary stream.

    Raises:
        OSError: If the file cannot be opened.

    Example:
        >>> open_stream("reviews.jsonl.gz", "gz").read(1)  # doctest: +SKIP
        b'{'
    """
    if compression == "gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression == "bz2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if compression == "xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    if compression == "zst":
        import pyarrow as pa

        return cast("IO[bytes]", pa.input_stream(path, compression="zstd"))
    return Path(path).open("rb")


@dataclass(frozen=True)
class FileRange:
    """Whole records of one file, or of a byte range of it.

    Attributes:
        path: the local file.
        label: how messages and made ids call it, relative to what was asked for.
        format: "text", "jsonl" or "csv".
        file_size: bytes of the file when it was found; a reader checks that it still is so.
        fields: how a record becomes a document.
        compression: "gz", "bz2", "xz", "zst" or None.
        start: offset of the first record.
        stop: offset after the last one; None for the end of the file.
        first_row: number of the first record, from 1 (in CSV the header is not counted).
        header: the columns of a CSV file.
        separator: one ASCII character (CSV).
        quote: one ASCII character, or None where quotes are ordinary text (CSV).
    """

    path: str
    label: str
    format: str
    file_size: int
    fields: Fields
    compression: str | None = None
    start: int = 0
    stop: int | None = None
    first_row: int = 1
    header: tuple[str, ...] = ()
    separator: str = ","
    quote: str | None = '"'
    sha256: str | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the range as stored."""
        return (self.file_size if self.stop is None else self.stop) - self.start

    @property
    def languages(self) -> tuple[str, ...] | None:
        """The languages of the documents; None where that takes reading."""
        return self.fields.languages(column=self.format != "text")

    def identity(self) -> str:
        """Return a hash of the bytes of the file, the range and the reading options."""
        sha = self.sha256 or file_index(self.path, self._mark()).sha256
        stop = self.file_size if self.stop is None else self.stop
        parts = [sha, self.format, str(self.start), str(stop), self.separator, str(self.quote)]
        return hashlib.sha256("|".join([*parts, self.fields.identity()]).encode()).hexdigest()

    def split(self, max_bytes: int) -> list[FileRange]:
        """Cut into ranges of whole records, each of at most `max_bytes` where records allow it.

        A compressed file cannot be entered in the middle and stays whole.
        """
        if self.compression is not None or self.size <= max_bytes:
            return [self]
        index = file_index(self.path, self._mark())
        first = self._first_record()
        edges = [(self.start, self.first_row), *index.cuts(first, max_bytes)]
        shift = 0 if self.format == "csv" else 1  # the header is record 0 of a CSV file
        return [
            replace(
                self,
                start=offset,
                stop=edges[number + 1][0] if number + 1 < len(edges) else None,
                first_row=before + shift if number else self.first_row,
                sha256=index.sha256,
            )
            for number, (offset, before) in enumerate(edges)
        ]

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:
        """Yield the documents, block by block.

        Args:
            counts: takes what is skipped, by reason.

        Yields:
            Frames with the columns of `SCHEMA`.

        Raises:
            CorpusError: If the file, or a record of it, cannot be read.
        """
        sieve = Sieve(self.fields.errors, counts)
        before, row, documents = counts.total(), self.first_row, 0
        parse = self._parser()
        try:
            for offset, block in self._blocks():
                frame, records = parse(block, row, offset, sieve)
                row += records
                documents += frame.height
                yield frame
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            sieve.reject(
                DAMAGED_FILE if self.compression else UNREADABLE_FILE,
                f"{self.path}: cannot be read past row {row - 1} ({error}); "
                "the file may be truncated or still being written: fetch it again",
            )
        if documents == 0 and counts.total() == before and self.stop is None and self.start == 0:
            sieve.reject(
                EMPTY_FILE,
                f'{self.path} holds no record; remove it from the corpus, or pass errors="skip"',
            )

    def _mark(self) -> str | None:
        return self.quote if self.format == "csv" else None

    def _parser(self) -> Callable[[bytes, int, int, Sieve], tuple[pl.DataFrame, int]]:
        where, fields = self.path, self.fields
        if self.format == "text":
            return lambda block, row, offset, sieve: line_frame(
                block, fields, where, row, offset, sieve
            )
        if self.format == "jsonl":
            return lambda block, row, _offset, sieve: json_frame(block, fields, where, row, sieve)
        found = resolve_columns(self.header, fields, where)
        return lambda block, row, _offset, sieve: csv_frame(
            block, self.header, found, fields, where, row, sieve, self.separator, self.quote
        )

    def _first_record(self) -> int:
        """Return the offset of the first record after the header."""
        if self.format != "csv" or self.start:
            return self.start
        quote = None if self.quote is None else self.quote.encode()
        with open_stream(self.path, self.compression) as stream:
            first = next(record_blocks(stream, None, quote, self.path), b"")
        ends = record_ends(first, quote)
        return int(ends[0]) if len(ends) else self.file_size

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, block of whole records), without header and byte order mark."""
        if self.compression is None and Path(self.path).stat().st_size != self.file_size:
            raise CorpusError(
                f"{self.path} had {self.file_size:,} bytes and now has "
                f"{Path(self.path).stat().st_size:,}: it changed; load the corpus again"
            )
        quote = None if self._mark() is None else str(self.quote).encode()
        with open_stream(self.path, self.compression) as stream:
            if self.start:
                stream.seek(self.start)
            limit = None if self.stop is None else self.stop - self.start
            offset = self.start
            for block in record_blocks(stream, limit, quote, self.path):
                begin = 0
                if offset == 0 and self.format == "csv":
                    ends = record_ends(block, quote)
                    begin = int(ends[0]) if len(ends) else len(block)
                elif offset == 0 and self.format == "jsonl" and block.startswith(BOM):
                    begin = len(BOM)
                if begin < len(block):
                    yield offset + begin, block[begin:]
                offset += len(block)


def record_blocks(
    stream: IO[bytes], limit: int | None, quote: bytes | None, where: str
) -> Iterator[bytes]:
    r"""Read a stream in blocks that end where a record ends.

    Args:
        stream: positioned at the beginning of a record.
        limit: bytes to read; None for all.
        quote: the quote character of CSV, or None.
        where: the file, for messages.

    Yields:
        Blocks of about `BLOCK` bytes; a longer record makes a longer block.

    Raises:
        CorpusError: If a record is longer than `LONGEST_RECORD`.

    Example:
        >>> list(record_blocks(io.BytesIO(b"a\nb"), None, None, "x"))
        [b'a\n', b'b']
    """
    pending, want, left = bytearray(), BLOCK, limit
    while data := stream.read(want if left is None else min(want, left)):
        if left is not None:
            left -= len(data)
        pending += data
        if quote is None:
            end = pending.rfind(b"\n") + 1
        else:
            ends = record_ends(pending, quote)
            end = int(ends[-1]) if len(ends) else 0
        if end:
            yield bytes(memoryview(pending)[:end])
            del pending[:end]
            want = BLOCK
        elif len(pending) > LONGEST_RECORD:
            cause = (
                "a quote that is never closed: pass quote_char=None if quotes are ordinary text"
                if quote
                else 'a file without line ends: pass documents="file" if it is one document'
            )
            raise CorpusError(
                f"{where}: a record is longer than {LONGEST_RECORD:,} bytes; "
                f"the cause may be {cause}"
            )
        else:
            want = max(BLOCK, len(pending))  # doubles, so that one long record costs linear time
    if pending:
        yield bytes(pending)


def read_header(
    path: str, compression: str | None, separator: str, quote: str | None
) -> tuple[str, ...]:
    """Return the column names of a CSV file.

    Args:
        path: a local file.
        compression: as in `open_stream`.
        separator: one character.
        quote: one character, or None.

    Returns:
        The names, as written.

    Raises:
        CorpusError: If the first record is no header.

    Example:
        >>> read_header("reviews.csv", None, ",", '"')  # doctest: +SKIP
        ('id', 'text')
    """
    mark = None if quote is None else quote.encode()
    try:
        with open_stream(path, compression) as stream:
            block = next(record_blocks(stream, None, mark, path), b"")
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); fetch the file again") from error
    ends = record_ends(block, mark)
    first = block[: int(ends[0])] if len(ends) else block
    options: dict[str, Any] = {"delimiter": separator, "strict": True}
    options |= {"quoting": csv.QUOTE_NONE} if quote is None else {"quotechar": quote}
    try:
        text = first.removeprefix(BOM).decode()
        names = next(csv.reader(io.StringIO(text, newline=""), **options), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"{path}: the first line is no header of UTF-8 column names ({error}); "
            "a UTF-16 or Latin-1 file must be converted: iconv -f UTF-16 -t UTF-8"
        ) from error
    if not names:
        raise CorpusError(f"{path}: the first line is blank; a CSV file begins with column names")
    return tuple(names)

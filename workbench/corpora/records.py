"""From a block of whole records to documents: lines, JSON lines, CSV.

Each format has a way for sound blocks, and one that goes record by record when something is wrong,
so that an error can name the row. JSON is read by the standard library: faster readers were tried,
and one turns a lone surrogate into NUL and the number 1 into the text "1" without a word.
"""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from workbench.corpora.fields import (
    BLANK_LINE,
    BROKEN_RECORD,
    INVALID_UTF8,
    LONE_SURROGATE,
    MISSING_FIELD,
    NOT_A_STRING,
    NULL_ID,
    NULL_TEXT,
    SCHEMA,
    CorpusError,
    Fields,
    Sieve,
    near,
    tidy,
)
from workbench.corpora.index import record_ends

SKIP = 'pass errors="skip" to count and leave out such rows'

_field_limit = threading.Lock()


def invalid_utf8(where: str, row: int | None, error: UnicodeDecodeError, offset: int) -> str:
    r"""Write the sentence for bytes that are no UTF-8.

    Args:
        where: the file.
        row: the record, or None for a whole file.
        error: what `bytes.decode` raised.
        offset: where the decoded bytes begin in the file.

    Returns:
        The sentence.

    Example:
        >>> try:
        ...     b"ab\xff".decode()
        ... except UnicodeDecodeError as error:
        ...     print(invalid_utf8("a.txt", 7, error, 100).split(";")[0])
        a.txt, row 7: byte 0xFF at offset 102 is not valid UTF-8
    """
    data = bytes(error.object)
    byte = data[error.start]
    utf16 = offset == 0 and data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    place = where if row is None else f"{where}, row {row}"
    remedy = (
        "the file begins like UTF-16: convert it (iconv -f UTF-16 -t UTF-8)"
        if utf16
        else "convert the file from its encoding (iconv -f LATIN1 -t UTF-8), or "
        + (SKIP if row is not None else 'pass errors="skip" to leave such files out')
    )
    return (
        f"{place}: byte 0x{byte:02X} at offset {offset + error.start} is not valid UTF-8; {remedy}"
    )


def documents(
    rows: Sequence[int], columns: Mapping[str, Sequence[str | None]], fields: Fields
) -> pl.DataFrame:
    """Build the frame of documents from lists; ids that are not given are made from the rows."""
    count = len(rows)
    made: dict[str, Any] = {
        "doc_id": columns.get("doc_id") or [fields.ids(row, 1)[0] for row in rows],
        "text": columns["text"],
        "language": columns.get("language") or [fields.language] * count,
        "domain": columns.get("domain") or [fields.domain] * count,
    }
    return pl.DataFrame(made, schema=SCHEMA)


def line_frame(
    block: bytes, fields: Fields, where: str, row: int, offset: int, sieve: Sieve
) -> tuple[pl.DataFrame, int]:
    r"""Read a block of lines, each a document.

    Args:
        block: whole lines; the last may lack its line end.
        fields: the options.
        where: the file, for messages.
        row: the number of the first line.
        offset: of the block in the file, for messages.
        sieve: takes lines that are no UTF-8.

    Returns:
        The documents and the number of lines read.

    Raises:
        CorpusError: If a line is no UTF-8 and the sieve raises.

    Example:
        >>> frame, lines = line_frame(b"a\r\nb\n", Fields(), "x", 1, 0, Sieve())
        >>> frame["text"].to_list(), lines
        (['a', 'b'], 2)
    """
    try:
        texts = split_lines(block.decode())
        rows: Sequence[int] = range(row, row + len(texts))
    except UnicodeDecodeError:
        texts, kept, lines = [], [], block.split(b"\n")
        at = offset
        for number, line in enumerate(lines, row):
            try:
                if number < row + len(lines) - 1:
                    texts.append(line.removesuffix(b"\r").decode())
                    kept.append(number)
                elif line:
                    texts.append(line.decode())
                    kept.append(number)
            except UnicodeDecodeError as error:
                sieve.reject(INVALID_UTF8, invalid_utf8(where, number, error, at))
            at += len(line) + 1
        rows = kept
    count = block.count(b"\n") + (not block.endswith(b"\n"))
    if fields.blank_lines == "skip":
        full = [(number, text) for number, text in zip(rows, texts, strict=True) if text.strip()]
        if len(full) < len(texts):
            sieve.counts[BLANK_LINE] += len(texts) - len(full)
            rows, texts = [number for number, _ in full], [text for _, text in full]
    return documents(rows, {"text": texts}, fields), count


def split_lines(text: str) -> list[str]:
    r"""Split at LF and CRLF alone; the last line may lack its end.

    Example:
        >>> split_lines("a\r\nb\rc\n\nd")
        ['a', 'b\rc', '', 'd']
    """
    lines = text.split("\n")
    last = lines.pop()
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    if last:
        lines.append(last)
    return lines


def json_frame(
    block: bytes, fields: Fields, where: str, row: int, sieve: Sieve
) -> tuple[pl.DataFrame, int]:
    r"""Read a block of JSON lines.

    Args:
        block: whole lines.
        fields: the options.
        where: the file, for messages.
        row: the number of the first line.
        sieve: takes lines that are no document.

    Returns:
        The documents and the number of lines read; blank lines count as lines alone.

    Raises:
        CorpusError: If a line is no document and the sieve raises.

    Example:
        >>> frame, _ = json_frame(b'{"text": "a"}\n', Fields(prefix="x:"), "x", 1, Sieve())
        >>> frame.row(0)
        ('x:1', 'a', None, None)
    """
    lines: Sequence[str | bytes]
    try:
        lines = block.decode().split("\n")
    except UnicodeDecodeError:
        lines = block.split(b"\n")
    return json_lines(lines, fields, where, row, sieve), block.count(b"\n") + (
        not block.endswith(b"\n")
    )


def json_lines(
    lines: Sequence[str | bytes], fields: Fields, where: str, row: int, sieve: Sieve
) -> pl.DataFrame:
    """Read JSON lines that are already apart; as `json_frame`.

    Example:
        >>> json_lines(['{"text": "a"}', ""], Fields(), "x", 1, Sieve()).height
        1
    """
    labels = {
        "doc_id": fields.id_column or "doc_id",
        "language": None if fields.language is not None else fields.language_column or "language",
        "domain": None if fields.domain is not None else fields.domain_column or "domain",
    }
    wanted = [(target, name) for target, name in labels.items() if name is not None]
    asked = {
        name
        for name in (fields.id_column, fields.language_column, fields.domain_column)
        if name is not None
    }
    rows: list[int] = []
    columns: dict[str, list[str | None]] = {"text": [], **{target: [] for target, _ in wanted}}
    for number, line in enumerate(lines, row):
        if not line or line.isspace():
            continue
        try:
            text = line if isinstance(line, str) else line.decode()
            record = json.loads(text)
        except UnicodeDecodeError as error:
            sieve.reject(INVALID_UTF8, f"{where}, row {number}: {error}; {SKIP}")
            continue
        except (ValueError, RecursionError) as error:
            sieve.reject(
                BROKEN_RECORD,
                f"{where}, row {number}: broken JSON ({error}); each line is one object: "
                f"mend the line, or {SKIP}",
            )
            continue
        problem = _problem(record, fields.text_column, asked)
        if problem is not None:
            sieve.reject(problem[0], f"{where}, row {number}: {problem[1]}; {SKIP}")
            continue
        values: list[str | None] = [record[fields.text_column]]
        try:
            for _target, name in wanted:
                values.append(_label(record.get(name), name))
        except CorpusError as error:
            sieve.reject(NOT_A_STRING, f"{where}, row {number}: {error}; {SKIP}")
            continue
        if values[1] is None:
            if "doc_id" in record or fields.id_column is not None:
                given = fields.id_column or "doc_id"
                sieve.reject(NULL_ID, f"{where}, row {number}: {given!r} is null; {SKIP}")
                continue
            values[1] = fields.ids(number, 1)[0]
        if ("\\ud" in text or "\\uD" in text) and (code := _lone_surrogate(values)):
            sieve.reject(
                LONE_SURROGATE,
                f"{where}, row {number}: the escape \\u{code:04x} is half of a surrogate pair and "
                f"no character; mend the line (U+FFFD stands for a lost character), or {SKIP}",
            )
            continue
        rows.append(number)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    return documents(rows, columns, fields)


def _problem(record: Any, column: str, asked: set[str]) -> tuple[str, str] | None:
    """Say why a JSON value is no document, or None."""
    if type(record) is not dict:
        return BROKEN_RECORD, f"holds a JSON {type(record).__name__}, not an object with fields"
    text = record.get(column)
    if type(text) is str and asked <= record.keys():
        return None
    if column not in record:
        return MISSING_FIELD, (
            f"has no field {column!r} ({near(column, record)}); pass text_column= with its name"
        )
    if text is None:
        return NULL_TEXT, f"field {column!r} is null"
    if type(text) is not str:
        shown = repr(text)[:40]
        return NOT_A_STRING, f"field {column!r} holds {shown} ({type(text).__name__}), not a string"
    absent = min(asked - record.keys())
    return MISSING_FIELD, f"has no field {absent!r} ({near(absent, record)})"


def _label(value: Any, name: str) -> str | None:
    if value is None or type(value) is str:
        return value
    if isinstance(value, (int, float)):  # True is spelt as JSON spells it
        return json.dumps(value)
    raise CorpusError(f"field {name!r} holds a {type(value).__name__}, not a string or a number")


def _lone_surrogate(values: Sequence[str | None]) -> int | None:
    """Return the first surrogate in strings that came from JSON, which no UTF-8 text can hold."""
    for value in values:
        try:
            (value or "").encode()
        except UnicodeEncodeError as error:
            return ord(error.object[error.start])
    return None


def csv_frame(
    block: bytes,
    header: Sequence[str],
    found: Mapping[str, str],
    fields: Fields,
    where: str,
    row: int,
    sieve: Sieve,
    separator: str,
    quote: str | None,
) -> tuple[pl.DataFrame, int]:
    r"""Read a block of CSV records, without the header.

    polars reads it, and a count of the separators outside quotes checks that each record has as
    many fields as the header (polars would fill a short record with empty texts). Where anything
    differs, the standard library reads record by record and the row at fault is named.

    Args:
        block: whole records.
        header: the column names.
        found: what `resolve_columns` gave.
        fields: the options.
        where: the file, for messages.
        row: the number of the first record.
        sieve: takes records that are no document.
        separator: one ASCII character.
        quote: one ASCII character, or None.

    Returns:
        The documents and the number of records read. An empty cell is an empty text: CSV has no
        null.

    Raises:
        CorpusError: If a record is no document and the sieve raises.

    Example:
        >>> data = b'1,"a\r\nb"\r\n2,c\r\n'
        >>> frame, records = csv_frame(
        ...     data, ["n", "text"], {"text": "text"}, Fields(), "x", 1, Sieve(), ",", '"'
        ... )
        >>> frame["text"].to_list(), records
        (['a\r\nb', 'c'], 2)
    """
    mark = None if quote is None else quote.encode()
    outside = block if mark is None else b"".join(block.split(mark)[::2])
    records = outside.count(b"\n") + (not outside.endswith(b"\n") or not block.endswith(b"\n"))
    # polars would take a byte order mark at the beginning of any block for the file's.
    plain = (mark is None or block.count(mark) % 2 == 0) and not block.startswith(b"\xef\xbb\xbf")
    width = len(header)
    if plain and width > 1 and outside.count(separator.encode()) == records * (width - 1):
        names = [str(number) for number in range(width)]
        places = {target: names[header.index(column)] for target, column in found.items()}
        try:
            table = pl.read_csv(
                block,
                has_header=False,
                schema=dict.fromkeys(names, pl.String),
                columns=sorted({int(place) for place in places.values()}),
                separator=separator,
                quote_char=quote,
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:
            table = None
        if table is not None and table.height == records:
            return tidy(table, places, fields, where, row, sieve), records
    rows: list[int] = []
    places_of = [header.index(column) for column in found.values()]
    columns: dict[str, list[str | None]] = {target: [] for target in found}
    number = row - 1
    for number, cells in enumerate(_csv_records(block, mark, separator, where, row, sieve), row):
        if cells is None:
            continue
        if len(cells) != width:
            sieve.reject(
                BROKEN_RECORD,
                f"{where}, row {number}: has {len(cells)} fields, the header has {width}; a text "
                f"with a separator or a line end must stand in quotes: mend the row, or {SKIP}",
            )
            continue
        values = [cells[place] for place in places_of]
        try:
            "".join(values).encode()
        except UnicodeEncodeError:
            sieve.reject(
                INVALID_UTF8,
                f"{where}, row {number}: the text is not valid UTF-8; convert the file from its "
                f"encoding (iconv -f LATIN1 -t UTF-8), or {SKIP}",
            )
            continue
        rows.append(number)
        for column, cell in zip(columns.values(), values, strict=True):
            column.append(cell)
    return documents(rows, columns, fields), number - row + 1


def _csv_records(
    block: bytes, mark: bytes | None, separator: str, where: str, row: int, sieve: Sieve
) -> Iterator[list[str] | None]:
    """Yield the cells of each record; None for a blank one and for one that was refused."""
    options: dict[str, Any] = {"delimiter": separator, "strict": True}
    options |= {"quoting": csv.QUOTE_NONE} if mark is None else {"quotechar": mark.decode()}
    ends = record_ends(block, mark).tolist()
    if not ends or ends[-1] < len(block):
        ends.append(len(block))
    start = 0
    for number, end in enumerate(ends, row):
        # Bytes that are no UTF-8 become lone surrogates, so that only their own row is refused.
        text = block[start:end].decode("utf-8", "surrogateescape")
        start = end
        with _field_limit:
            usual = csv.field_size_limit(len(text) + 1)
            try:
                cells = list(csv.reader(io.StringIO(text, newline=""), **options))
            except csv.Error as error:
                cells, problem = [], str(error)
            else:
                problem = "a quote inside a field without quotes" if len(cells) > 1 else ""
            finally:
                csv.field_size_limit(usual)
        if problem:
            sieve.reject(
                BROKEN_RECORD,
                f"{where}, row {number}: {problem}; if this file does not use quoting, pass "
                f"quote_char=None; else mend the row (a quote inside quotes is doubled), or {SKIP}",
            )
        yield cells[0] if len(cells) == 1 and cells[0] and not problem else None

"""What a document is made of: which columns give it, what is refused, and what was skipped."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "doc_id": pl.String(),
    "text": pl.String(),
    "language": pl.String(),
    "domain": pl.String(),
}
"""Every frame of documents has these columns, in this order."""

INVALID_UTF8 = "invalid UTF-8"
LONE_SURROGATE = "lone surrogate"
BROKEN_RECORD = "broken record"
MISSING_FIELD = "missing field"
NULL_TEXT = "null text"
NULL_ID = "null doc_id"
NOT_A_STRING = "not a string"
EMPTY_FILE = "empty file"
DAMAGED_FILE = "damaged file"
UNREADABLE_FILE = "unreadable file"
BLANK_LINE = "blank line"
OTHER_FILE = "file of another kind"
DUPLICATE = "duplicate"


class CorpusError(ValueError):
    """A corpus cannot be had as asked; the message names file, row and remedy."""


@dataclass(frozen=True)
class Fields:
    """How a record of a source becomes a document.

    Attributes:
        text_column: the column or JSON key that holds the text.
        id_column: the one that holds `doc_id`; None takes `doc_id` where there is one, else rows
            are numbered from 1 (`prefix` and the row, zero-filled to `width` digits).
        language_column: None takes `language` where there is one, else null.
        domain_column: None takes `domain` where there is one, else null.
        language: a constant for every document; it wins over a column.
        domain: the same for `domain`.
        prefix: what stands before the row number in a made `doc_id`.
        width: to how many digits the row number is zero-filled.
        blank_lines: "keep" or "skip": whether an empty line of a text file is a document.
        errors: "raise" or "skip": what happens to a record that is no document.
    """

    text_column: str = "text"
    id_column: str | None = None
    language_column: str | None = None
    domain_column: str | None = None
    language: str | None = None
    domain: str | None = None
    prefix: str = ""
    width: int = 0
    blank_lines: str = "keep"
    errors: str = "raise"

    def identity(self) -> str:
        """Spell all options as JSON, for a checksum: the same options give the same string.

        Example:
            >>> Fields().identity() == Fields(text_column="text").identity()
            True
        """
        return json.dumps(asdict(self), sort_keys=True)

    def languages(self, *, column: bool) -> tuple[str, ...] | None:
        """Say which languages there are, where that is known without reading.

        Args:
            column: whether the source may have a column of languages.

        Returns:
            The constant; nothing where no document has a language; None where reading decides.

        Example:
            >>> Fields(language="deu_Latn").languages(column=True)
            ('deu_Latn',)
        """
        if self.language is not None:
            return (self.language,)
        return None if column else ()

    def ids(self, first: int, count: int) -> list[str]:
        """Number `count` rows from `first` on.

        Example:
            >>> Fields(prefix="a.txt:", width=2).ids(9, 2)
            ['a.txt:09', 'a.txt:10']
        """
        prefix, width = self.prefix, self.width
        return [f"{prefix}{row:0{width}d}" for row in range(first, first + count)]


@dataclass
class Sieve:
    """Refuses what is no document: by an error, or by counting it.

    Attributes:
        errors: "raise" or "skip".
        counts: what was skipped, by reason; shared with the caller.
    """

    errors: str = "raise"
    counts: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str, sentence: str, count: int = 1) -> None:
        """Raise the sentence, or count the reason.

        Args:
            reason: one of the constants of this module.
            sentence: what is wrong, where, and what to do.
            count: how many documents are lost.

        Raises:
            CorpusError: under `errors="raise"`.

        Example:
            >>> sieve = Sieve("skip")
            >>> sieve.reject(NULL_TEXT, "row 3 of a.csv holds no text")
            >>> dict(sieve.counts)
            {'null text': 1}
        """
        if self.errors == "raise":
            raise CorpusError(sentence)
        self.counts[reason] += count


def near(name: str, names: Iterable[str]) -> str:
    """Say which of `names` a mistyped `name` may mean, or what there is.

    Example:
        >>> near("txt", ["text", "id"])
        "did you mean 'text'?"
        >>> near("zzz", ["text", "id"])
        "there are 'text', 'id'"
    """
    every = list(names)
    lower = {other.lower(): other for other in reversed(every)}
    typed = name.lower()
    close = [
        other
        for other in lower
        if min(len(typed), len(other)) > 1 and (other.startswith(typed) or typed.startswith(other))
    ]
    close += [one for one in difflib.get_close_matches(typed, lower, n=3) if one not in close]
    if close:
        return "did you mean " + " or ".join(repr(lower[other]) for other in close[:3]) + "?"
    if not every:
        return "there is none at all"
    shown = ", ".join(repr(other) for other in every[:12])
    return f"there are {shown}" + (f" and {len(every) - 12} more" if len(every) > 12 else "")


def missing_column(where: str, column: str, columns: Sequence[str], option: str) -> str:
    """Write the sentence for a column that is not there.

    Example:
        >>> missing_column("a.csv", "text", ["body", "id"], "text_column")
        "a.csv has no column 'text' (there are 'body', 'id'); pass text_column= with its name"
    """
    return (
        f"{where} has no column {column!r} ({near(column, columns)}); pass {option}= with its name"
    )


def resolve_columns(columns: Sequence[str], fields: Fields, where: str) -> dict[str, str]:
    """Find which source columns give `text`, `doc_id`, `language` and `domain`.

    Args:
        columns: the names the source has.
        fields: what was asked for.
        where: the source, for the message.

    Returns:
        Document column -> source column; a column that is made, constant or null is absent.

    Raises:
        CorpusError: If a column that was asked for is missing, or is there twice.

    Example:
        >>> resolve_columns(["body", "doc_id"], Fields(text_column="body"), "a.csv")
        {'text': 'body', 'doc_id': 'doc_id'}
    """
    asked: dict[str, tuple[str | None, str, str]] = {
        "text": (fields.text_column, "text", "text_column"),
        "doc_id": (fields.id_column, "doc_id", "id_column"),
    }
    if fields.language is None:
        asked["language"] = (fields.language_column, "language", "language_column")
    if fields.domain is None:
        asked["domain"] = (fields.domain_column, "domain", "domain_column")
    found: dict[str, str] = {}
    for target, (given, usual, option) in asked.items():
        column = usual if given is None else given
        if column in columns:
            if list(columns).count(column) > 1:
                raise CorpusError(f"{where} has two columns {column!r}; rename one of them")
            found[target] = column
        elif given is not None:
            raise CorpusError(missing_column(where, column, columns, option))
    return found


def check_types(schema: Mapping[str, pl.DataType], found: Mapping[str, str], where: str) -> None:
    """Refuse a text column that holds no strings, and labels that cannot be spelt.

    Raises:
        CorpusError: If the text is no string, or another used column is nested or binary.

    Example:
        >>> check_types({"n": pl.Int64()}, {"text": "n"}, "the frame")
        Traceback (most recent call last):
        workbench.corpora.fields.CorpusError: the frame: column 'n' holds Int64, not strings; ...
    """
    for target, column in found.items():
        dtype = schema[column]
        textual = isinstance(dtype, (pl.String, pl.Categorical, pl.Enum))
        if target == "text" and not textual:
            remedy = (
                "decode it (polars: pl.col(...).cast(pl.String))"
                if isinstance(dtype, pl.Binary)
                else "choose the column of texts with text_column=, or cast it to strings"
            )
            raise CorpusError(f"{where}: column {column!r} holds {dtype}, not strings; {remedy}")
        if not textual and (dtype.is_nested() or isinstance(dtype, (pl.Binary, pl.Object))):
            raise CorpusError(
                f"{where}: column {column!r} holds {dtype}, which gives no {target}; "
                "choose a column of strings or numbers"
            )


def tidy(
    frame: pl.DataFrame,
    found: Mapping[str, str],
    fields: Fields,
    where: str,
    row: int,
    sieve: Sieve,
) -> pl.DataFrame:
    """Turn a piece of a table into documents.

    Args:
        frame: rows of the source, with at least the columns in `found`.
        found: what `resolve_columns` gave.
        fields: the options.
        where: the source, for messages.
        row: the number of the first row; the source's first row is 1.
        sieve: takes rows without a text.

    Returns:
        The documents, in the order of the rows.

    Raises:
        CorpusError: If a text or an id is null and the sieve raises.

    Example:
        >>> tidy(pl.DataFrame({"t": ["a"]}), {"text": "t"}, Fields(), "x", 1, Sieve()).row(0)
        ('1', 'a', None, None)
    """
    constant = {"language": fields.language, "domain": fields.domain}
    columns: list[pl.Expr | pl.Series] = []
    for target in SCHEMA:
        if target in found:
            columns.append(pl.col(found[target]).cast(pl.String).alias(target))
        elif target == "doc_id":
            columns.append(pl.Series("doc_id", fields.ids(row, frame.height), pl.String))
        else:
            columns.append(pl.lit(constant[target], pl.String).alias(target))
    documents = frame.select(columns)
    nulls = documents.select(pl.col("text", "doc_id").null_count()).row(0)
    if not any(nulls):
        return documents
    for column, reason in (("text", NULL_TEXT), ("doc_id", NULL_ID)):
        missing = documents[column].is_null()
        if missing.any():
            first = row + int(missing.arg_max() or 0)
            sieve.reject(
                reason,
                f"{where}, row {first}: column {found[column]!r} is null; "
                'drop such rows, or pass errors="skip" to count and leave them out',
                int(missing.sum()),
            )
            documents = documents.filter(pl.col(column).is_not_null())
    return documents

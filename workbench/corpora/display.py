"""How a corpus shows itself: one line of text, or a small table of HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.corpora.corpus import Corpus

MOST_ROWS = 12
"""Languages shown before the rest is summed up."""


def in_bytes(size: int) -> str:
    """Spell a number of bytes for people, in powers of ten.

    Example:
        >>> in_bytes(999), in_bytes(1_234_567)
        ('999 B', '1.2 MB')
    """
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def facts(corpus: Corpus) -> list[tuple[str, str]]:
    """List what is said of a corpus, without reading a big one.

    Args:
        corpus: any.

    Returns:
        (name, value) pairs in words.

    Example:
        >>> import polars as pl
        >>> from workbench.corpora import load_corpus
        >>> facts(load_corpus(pl.DataFrame({"text": ["a"]})))[0]
        ('documents', '1')
    """
    said: list[tuple[str, str]] = []
    if corpus.counted():
        table = corpus.summary()
        said.append(("documents", f"{int(table['documents'].sum()):,}"))
        said.append(("text", in_bytes(int(table["bytes"].sum()))))
        if corpus.languages:
            said.append(("languages", str(len(corpus.languages))))
        counts = corpus.skipped
    else:
        said.append(("documents", "not counted yet: ask .summary()"))
        if corpus.kind not in {"query", "remote"}:
            said.append(("size", in_bytes(corpus.size)))
        counts = None
    if counts:
        reasons = ", ".join(f"{reason}: {number:,}" for reason, number in counts.items())
        said.append(("skipped", reasons))
    elif counts is None and corpus.may_skip():
        said.append(("skipped", "not counted yet: ask .skipped"))
    if corpus.licence:
        said.append(("licence", corpus.licence))
    if corpus.note:
        said.append(("note", corpus.note))
    return said


def as_text(corpus: Corpus) -> str:
    """Write a corpus as one line; a source that cannot be read says so there.

    Example:
        >>> import polars as pl
        >>> from workbench.corpora import load_corpus
        >>> as_text(load_corpus(pl.DataFrame({"text": ["a"]})))
        "Corpus('frame', documents 1, text 1 B)"
    """
    said = [
        value if name in {"note", "error"} else f"{name} {value}"
        for name, value in _facts_or_error(corpus)
    ]
    return f"Corpus({corpus.name!r}, {', '.join(said)})"


def as_html(corpus: Corpus) -> str:
    """Write a corpus as HTML for a notebook: facts, then documents by language.

    Everything from the source is escaped; no script and no remote address is used.

    Example:
        >>> import polars as pl
        >>> from workbench.corpora import load_corpus
        >>> "&lt;b&gt;" in as_html(load_corpus(pl.DataFrame({"text": ["a"]}), name="<b>"))
        True
    """
    rows = [
        f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(value)}</td></tr>"
        for name, value in _facts_or_error(corpus)
    ]
    name = f"<caption style='text-align:left'><strong>{escape(corpus.name)}</strong></caption>"
    parts = [f"<table class='plain'>{name}", *rows, "</table>"]
    parts += _languages(corpus)
    return "<div>" + "".join(parts) + "</div>"


def _languages(corpus: Corpus) -> list[str]:
    """Return the table of languages, where there are several and they are counted."""
    if not corpus.counted():
        return []
    try:
        table = corpus.summary()
    except ValueError:
        return []
    if table.height < 2:
        return []
    sides = ["right" if dtype.is_numeric() else "left" for dtype in table.dtypes]
    head = "".join(
        f"<th scope='col' style='text-align:{side}'>{name}</th>"
        for name, side in zip(table.columns, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:{side}'>{escape(_cell(one))}</td>"
            for one, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in table.head(MOST_ROWS).rows()
    )
    rest = table.height - MOST_ROWS
    more = (
        f"<tr><td colspan='{table.width}' style='text-align:left'>"
        f"and {rest} rows more: .summary()</td></tr>"
        if rest > 0
        else ""
    )
    return [
        f"<table class='plain'><thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"
    ]


def _cell(value: object) -> str:
    """One cell in words: nothing for null, thousands parted."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts_or_error(corpus: Corpus) -> list[tuple[str, str]]:
    """Return the facts; a display must not fail, so an error becomes one of them."""
    try:
        return facts(corpus)
    except ValueError as error:
        return [("error", str(error))]

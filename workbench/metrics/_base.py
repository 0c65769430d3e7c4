"""What a metric is: a name, its variants, and what each needs to be computed.

A metric is pure. It never reads a corpus and never runs a tokenizer over one: `workbench.counting`
does that once and hands over sums, histograms or single documents. What kind of thing a variant
receives decides which interval is honest:

====================  ==========================================  ===============================
class                 its ``value`` receives                      spread
====================  ==========================================  ===============================
`SumsVariant`         sums over the documents of one group        bootstrap of block sums
`RelativeVariant`     sums of a group, sums of the reference      the same, jointly
`GroupsVariant`       sums of all groups (last axis)              the same, jointly
`TypesVariant`        the histogram of one group's tokens         rarefaction and split halves
`WordsVariant`        the word types of one group                 none: stated sample of types
`TokenizerVariant`    the tokenizer alone                         none: nothing was sampled
`PairSumsVariant`     sums over documents, two tokenizers         bootstrap of block sums
`PairTypesVariant`    the histograms of two tokenizers            rarefaction and split halves
====================  ==========================================  ===============================

A formula over sums is written once for arrays of any leading shape; the point estimate, a thousand
resamples and every leave-one-out value are the same call on differently shaped arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from workbench.metrics._views import (
    DocumentView,
    FloatArray,
    Histogram,
    IntArray,
    WordTypes,
    divide,
)

__all__ = [
    "STATISTICS",
    "TEXT_STATISTICS",
    "DocumentView",
    "FloatArray",
    "GroupsVariant",
    "Histogram",
    "IntArray",
    "Metric",
    "PairProbe",
    "PairSumsVariant",
    "PairTypesVariant",
    "Probe",
    "RelativeVariant",
    "Sums",
    "SumsVariant",
    "TokenizerVariant",
    "TypesVariant",
    "Variant",
    "WordTypes",
    "WordsVariant",
    "divide",
    "document_mean",
    "pooled",
]

Sums = Mapping[str, FloatArray]
"""Sums by statistic's name. The arrays share one shape: () for a point estimate, (resamples,) for
a bootstrap, with one more, last, axis of groups for a `GroupsVariant`."""

STATISTICS: dict[str, str] = {
    # Of the text alone: computed once per corpus whatever the number of tokenizers.
    "documents": "documents",
    "bytes": "bytes of the text in UTF-8",
    "characters": "Unicode code points",
    "graphemes": "extended grapheme clusters (UAX #29), what a reader calls a character",
    "lines": "lines: pieces between line feeds that hold more than white space",
    "words": "words by white space: maximal runs of characters that are not white space",
    "words_letters": "of these words, those of letters, marks, hyphens and apostrophes only",
    "words_digits": "of these words, those that hold a digit",
    "words_other": "of these words, the rest: with punctuation or symbols and no digit",
    "units": "tokka-bench's units: a word by white space, but a character in scripts written "
    "without spaces (Han, kana, Thai, Lao, Khmer, Burmese) and a syllable in Tibetan",
    # Of a text under a tokenizer.
    "tokens": "tokens, special tokens left out unless asked for",
    "unknown": "tokens that are the tokenizer's unknown token",
    # Of the words of a text, each encoded alone with no space before it.
    "alone_words": "words (letters and digits, see `units`), each encoded alone",
    "alone_tokens": "tokens of these words",
    "alone_continued": "of these words, those of two tokens or more",
    # Of documents found in both the group and the reference group (equal doc_id).
    "paired": "documents that the group and the reference both hold, with tokens in both",
    "paired:tokens": "sum over these documents of tokens / tokens in the reference",
}
"""Every statistic that counting knows, and what it is. Two more spellings are understood:
``mean:a/b`` is the sum over documents of a / b, ``count:a/b`` counts documents with b > 0."""

TEXT_STATISTICS = frozenset(
    (
        *("documents", "bytes", "characters", "graphemes", "lines", "words"),
        *("words_letters", "words_digits", "words_other", "units"),
    )
)
"""The statistics that need no tokenizer."""

Aggregation = Literal[
    "pooled",
    "mean of documents",
    "mean of groups",
    "over groups",
    "types",
    "occurrences",
    "entries",
]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One published way to compute a metric, with all that a reader of the number must know.

    Attributes:
        name: Short, unique within the metric: "bytes", "whitespace_mean".
        unit: "bytes per token", "share", "ratio", "bits": what the number counts.
        aggregation: How documents (or entries) became one number.
        formula: In plain Unicode: "Σ bytes / Σ tokens".
        better: Which way is better for who pays per token, or None where that is not a question.
        vocabulary: "declared" or "observed" where the size of the vocabulary enters, else None.
        degenerate: What happens where the formula has no value. The answer is null, never 0.
        source: Where this variant comes from, if not where the whole metric does.
    """

    spread: ClassVar[str] = "none"
    name: str
    unit: str
    aggregation: Aggregation
    formula: str
    degenerate: str
    better: Literal["higher", "lower"] | None = None
    vocabulary: Literal["declared", "observed"] | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class SumsVariant(Variant):
    """A ratio or a mean: a function of sums over the documents of one group.

    Attributes:
        needs: The statistics whose sums it reads: names of `STATISTICS`, ``mean:a/b``,
            ``count:a/b``, or keys of the metric's own probe spelled ``<metric>.<key>``.
        value: The formula, for arrays of any one shape.
    """

    spread: ClassVar[str] = "bootstrap"
    needs: frozenset[str]
    value: Callable[[Sums], FloatArray]


@dataclass(frozen=True, kw_only=True)
class RelativeVariant(Variant):
    """A group against the reference group (a language against English).

    Attributes:
        needs: As in `SumsVariant`; ``paired`` and ``paired:tokens`` are understood here only.
        value: The formula of (sums of the group, sums of the reference).
    """

    spread: ClassVar[str] = "bootstrap"
    needs: frozenset[str]
    value: Callable[[Sums, Sums], FloatArray]


@dataclass(frozen=True, kw_only=True)
class GroupsVariant(Variant):
    """One number over all groups, such as a Gini coefficient over languages.

    Attributes:
        needs: As in `SumsVariant`.
        value: The formula; the last axis of every array runs over the groups and is gone from
            the result.
    """

    spread: ClassVar[str] = "bootstrap"
    needs: frozenset[str]
    value: Callable[[Sums], FloatArray]


@dataclass(frozen=True, kw_only=True)
class TypesVariant(Variant):
    """A count of types, an entropy, a rank: a function of the histogram of tokens.

    A bootstrap over documents is wrong for these (the estimate can lie outside its own interval):
    `workbench.compare.rarefaction` gives the value at stated sample sizes instead.

    Attributes:
        value: The formula; None where it has no value.
    """

    spread: ClassVar[str] = "rarefaction"
    value: Callable[[Histogram], float | None]


@dataclass(frozen=True, kw_only=True)
class WordsVariant(Variant):
    """A mean over word types, in which a rare word weighs as much as a frequent one.

    Attributes:
        value: The formula; None where it has no value.
    """

    spread: ClassVar[str] = "none"
    value: Callable[[WordTypes], float | None]


@dataclass(frozen=True, kw_only=True)
class TokenizerVariant(Variant):
    """A property of the vocabulary, whatever the text.

    Attributes:
        value: The formula; None where it has no value.
    """

    spread: ClassVar[str] = "none"
    value: Callable[[Any], float | None]


@dataclass(frozen=True, kw_only=True)
class PairSumsVariant(Variant):
    """Two tokenizers over the same documents: a function of sums of the metric's pair probe.

    Attributes:
        needs: Keys of the metric's `pair_probe`, spelled ``<metric>.<key>``.
        value: The formula, for arrays of any one shape. It must be symmetric, or say so.
    """

    spread: ClassVar[str] = "bootstrap"
    needs: frozenset[str]
    value: Callable[[Sums], FloatArray]


@dataclass(frozen=True, kw_only=True)
class PairTypesVariant(Variant):
    """Two tokenizers' histograms over the same text, such as the overlap of what they use.

    Attributes:
        value: The formula; None where it has no value.
    """

    spread: ClassVar[str] = "rarefaction"
    value: Callable[[Histogram, Histogram], float | None]


Probe = Callable[[DocumentView], Mapping[str, int]]
PairProbe = Callable[[DocumentView, DocumentView], Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric: its variants, and the source of the idea.

    Attributes:
        name: As a user types it, also the module's name: "fertility".
        title: A few words for an axis: "Fertility".
        summary: One sentence: what the number tells.
        source: Paper, equation or tool that defines it.
        variants: At least one.
        probe: For what sums of the text cannot give: a pure function of one document under one
            tokenizer that returns whole numbers by key. Always the same keys. It runs on a
            sample of documents (see `compare`'s `sample`), and its sums, named
            ``<metric>.<key>``, are what a `SumsVariant` reads.
        pair_probe: The same for two tokenizers on one document.
        report: Whether it is in the set that `compare(metrics=None)` computes.
    """

    name: str
    title: str
    summary: str
    source: str
    variants: tuple[Variant, ...]
    probe: Probe | None = None
    pair_probe: PairProbe | None = None
    report: bool = True

    def __post_init__(self) -> None:
        """Refuse a metric that could not be computed or told apart.

        Raises:
            ValueError: If variants are missing or share a name, or need an unknown statistic.
        """
        names = [variant.name for variant in self.variants]
        if not names or len(set(names)) != len(names):
            raise ValueError(
                f"metric {self.name!r} has the variants {names}: give at least one, and each a "
                "name of its own"
            )
        for variant in self.variants:
            for need in sorted(getattr(variant, "needs", ())):
                _check_need(self, variant, need)

    def __getitem__(self, variant: str) -> Variant:
        """One variant by name.

        Raises:
            KeyError: If there is none of this name.
        """
        for candidate in self.variants:
            if candidate.name == variant:
                return candidate
        raise KeyError(
            f"metric {self.name!r} has no variant {variant!r}; it has "
            f"{[v.name for v in self.variants]}"
        )


def _check_need(metric: Metric, variant: Variant, need: str) -> None:
    if need.startswith(metric.name + "."):
        pair = isinstance(variant, PairSumsVariant)
        if (metric.pair_probe if pair else metric.probe) is None:
            raise ValueError(
                f"{metric.name}.{variant.name} needs {need!r}, but the metric has no "
                f"{'pair_probe' if pair else 'probe'} that would count it"
            )
        return
    paired = need in {"paired", "paired:tokens"}
    if paired and not isinstance(variant, RelativeVariant):
        raise ValueError(
            f"{metric.name}.{variant.name} needs {need!r}, which only a RelativeVariant can have"
        )
    kind, _, ratio = need.partition(":")
    parts = ratio.split("/") if kind in {"mean", "count"} else [need]
    if (kind in {"mean", "count"} and len(parts) != 2) or any(p not in STATISTICS for p in parts):
        raise ValueError(
            f"{metric.name}.{variant.name} needs {need!r}, which nobody counts; known are "
            f"{sorted(STATISTICS)}, mean:a/b and count:a/b of these, and {metric.name}.<key> of "
            "the metric's own probe"
        )


def pooled(
    name: str,
    numerator: str,
    denominator: str,
    *,
    unit: str,
    formula: str = "",
    scale: float = 1.0,
    better: Literal["higher", "lower"] | None = None,
    degenerate: str = "",
    source: str = "",
) -> SumsVariant:
    """A variant that divides one sum by another over the whole group.

    Args:
        name: The variant's name.
        numerator: A statistic.
        denominator: A statistic.
        unit: What the number counts.
        formula: In plain Unicode; made from the names if not given.
        scale: A constant factor (100 for per cent).
        better: Which way is better, if that is a question.
        degenerate: When it is null; said from the denominator if not given.
        source: If another than the metric's.

    Returns:
        The variant.

    Example:
        >>> import numpy as np
        >>> variant = pooled("bytes", "bytes", "tokens", unit="bytes per token")
        >>> float(variant.value({"bytes": np.array(12.0), "tokens": np.array(3.0)}))
        4.0
    """
    return SumsVariant(
        name=name,
        unit=unit,
        aggregation="pooled",
        formula=formula or f"Σ {_plain(numerator)} / Σ {_plain(denominator)}",
        degenerate=degenerate or f"null where there are no {_plain(denominator)}",
        better=better,
        source=source,
        needs=frozenset((numerator, denominator)),
        value=lambda sums: scale * divide(sums[numerator], sums[denominator]),
    )


def document_mean(
    name: str,
    numerator: str,
    denominator: str,
    *,
    unit: str,
    better: Literal["higher", "lower"] | None = None,
    source: str = "",
) -> SumsVariant:
    """A variant that is the mean over documents of a ratio; every document weighs the same.

    It differs from the pooled ratio by up to a fifth on real corpora, so the two never share a
    name. Documents whose denominator is 0 are left out of the mean.

    Args:
        name: The variant's name.
        numerator: A statistic of text or tokens.
        denominator: A statistic of text or tokens.
        unit: What the number counts.
        better: Which way is better, if that is a question.
        source: If another than the metric's.

    Returns:
        The variant.
    """
    ratio = f"{numerator}/{denominator}"
    return SumsVariant(
        name=name,
        unit=unit,
        aggregation="mean of documents",
        formula=f"mean over documents of {_plain(numerator)} / {_plain(denominator)}",
        degenerate=f"documents without {_plain(denominator)} are left out; null if that is all",
        better=better,
        source=source,
        needs=frozenset((f"mean:{ratio}", f"count:{ratio}")),
        value=lambda sums: divide(sums[f"mean:{ratio}"], sums[f"count:{ratio}"]),
    )


def _plain(statistic: str) -> str:
    return statistic.rpartition(".")[2].replace("_", " ")

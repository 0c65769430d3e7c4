"""From counts to a table: every chosen metric for every tokenizer and group, with its interval.

The sums of a tokenizer form one array (groups, blocks, statistics). Its totals give the estimates,
its product with the resampling weights the resamples, its totals less each block the leave-one-out
values; each formula is then evaluated on the three of them. The weights are drawn once, so that
tokenizers and parallel languages are resampled jointly and may be subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.compare.probing import BlockSums
from workbench.counting import BLOCKS, FIXED, CorpusCounts, Group, GroupCounts, TokenCounts
from workbench.counting.samples import WORD_TYPES, smallest_words
from workbench.counting.shards import tokens_of_words
from workbench.intervals import Method, interval, resampling_weights
from workbench.metrics._base import (
    FloatArray,
    GroupsVariant,
    Metric,
    PairSumsVariant,
    PairTypesVariant,
    RelativeVariant,
    SumsVariant,
    TokenizerVariant,
    TypesVariant,
    Variant,
    WordsVariant,
    WordTypes,
)
from workbench.tokenizers.base import Tokenizer

SCHEMA: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "group": pl.String,
    "metric": pl.String,
    "variant": pl.String,
    "aggregation": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n": pl.Int64,
    "special_tokens": pl.String,
    "vocabulary": pl.String,
}
"""The columns of a comparison. `n` counts the documents that a number rests on."""

ALL = "all"
"""The group of numbers over the whole corpus, or over all groups."""

Chosen = Sequence[tuple[Metric, Variant]]


@dataclass(frozen=True)
class Spread:
    """Estimates with what their interval and their differences are made of.

    Attributes:
        groups: Names along the first axis.
        point: float64 (groups,).
        resampled: float64 (groups, resamples).
        left_out: float64 (groups, blocks).
        n: Documents behind each.
    """

    groups: list[str]
    point: FloatArray
    resampled: FloatArray
    left_out: FloatArray
    n: list[int]


@dataclass(frozen=True)
class Options:
    """How numbers are made; all of it belongs under a table.

    Attributes:
        reference: The group that others are measured against; None where there is none.
        resamples: Of the bootstrap.
        level: Confidence of the intervals.
        method: "bca" or "percentile".
        seed: Of the resampling.
    """

    reference: str | None = None
    resamples: int = 1000
    level: float = 0.95
    method: Method = "bca"
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """A corpus counted under tokenizers, ready to be measured.

    Attributes:
        counted: The counts.
        tokenizers: By name.
        chosen: Metrics and variants.
        label: The name of the group that a (language, domain) belongs to.
        options: How numbers are made.
        probed: What probes counted, by tokenizer.
    """

    counted: CorpusCounts
    tokenizers: Mapping[str, Tokenizer]
    chosen: Chosen
    label: Callable[[Group], str]
    options: Options
    probed: Mapping[str, BlockSums] = field(default_factory=dict)

    @cached_property
    def groups(self) -> dict[str, dict[str, GroupCounts]]:
        """Counts by tokenizer and group."""
        return {name: counts.by(self.label) for name, counts in self.counted.counts.items()}

    @cached_property
    def names(self) -> list[str]:
        """The groups, in order."""
        return list(next(iter(self.groups.values())))

    @cached_property
    def blocks(self) -> Any:
        """int64: the blocks that hold a document in any group."""
        first = next(iter(self.groups.values()))
        documents = sum(group.sums["documents"] for group in first.values())
        return np.flatnonzero(documents)

    @cached_property
    def weights(self) -> FloatArray:
        """float64 (resamples, blocks)."""
        return resampling_weights(len(self.blocks), self.options.resamples, self.options.seed)

    def probe_sums(self, tokenizer: str) -> dict[str, dict[str, Any]]:
        """What probes counted under a tokenizer, by the groups of this comparison."""
        out: dict[str, dict[str, Any]] = {}
        for key, sums in self.probed.get(tokenizer, {}).items():
            into = out.setdefault(self.label(key), {})
            for name, values in sums.items():
                into[name] = into[name] + values if name in into else values
        return out

    @cached_property
    def _arrays(self) -> dict[str, tuple[dict[str, int], FloatArray, FloatArray, FloatArray]]:
        return {}

    def sums(self, tokenizer: str) -> tuple[dict[str, int], FloatArray, FloatArray, FloatArray]:
        """All sums under a tokenizer, three times.

        Args:
            tokenizer: Its name.

        Returns:
            Place of each statistic; totals (groups, statistics); resampled (groups, resamples,
            statistics); with one block left out (groups, blocks, statistics).
        """
        if tokenizer not in self._arrays:
            groups, probes = self.groups[tokenizer], self.probe_sums(tokenizer)
            counted = set(next(iter(groups.values())).sums)
            probed = {name for sums in probes.values() for name in sums}
            paired = {"paired", "paired:tokens"} if self.options.reference else set()
            place = {name: i for i, name in enumerate(sorted(counted | probed | paired))}
            table = np.zeros((len(groups), BLOCKS, len(place)))
            for row, (name, counts) in enumerate(groups.items()):
                for statistic, column in place.items():
                    source: Mapping[str, Any] = counts.sums
                    if statistic in probed:
                        source = probes.get(name, {})
                    if statistic in source:
                        scale = FIXED if statistic.startswith("mean:") else 1
                        table[row, :, column] = source[statistic] / scale
                if paired:
                    ratio, number = self._paired(groups, counts)
                    for statistic, values in (("paired", number), ("paired:tokens", ratio)):
                        if statistic in place:
                            table[row, :, place[statistic]] = values
            table = table[:, self.blocks]
            total = table.sum(axis=1)
            self._arrays[tokenizer] = (
                place,
                total,
                np.matmul(self.weights, table),
                total[:, None] - table,
            )
        return self._arrays[tokenizer]

    def _paired(
        self, groups: Mapping[str, GroupCounts], counts: GroupCounts
    ) -> tuple[FloatArray, FloatArray]:
        """Sum of ratios and number of parallel documents against the reference, by block."""
        ratio, number = np.zeros(BLOCKS), np.zeros(BLOCKS)
        reference = groups.get(self.options.reference or "")
        if reference is None:
            return ratio, number
        ours, theirs = _by_document(counts), _by_document(reference)
        shared, a, b = np.intersect1d(ours[0], theirs[0], assume_unique=True, return_indices=True)
        top, bottom = ours[1][a], theirs[1][b]
        keep = (top > 0) & (bottom > 0)
        block = (shared[keep] % np.uint64(BLOCKS)).astype(np.int64)
        np.add.at(ratio, block, top[keep] / bottom[keep])
        np.add.at(number, block, 1)
        return ratio, number

    def spread(self, tokenizer: str, variant: Variant) -> Spread | None:
        """A ratio or mean under a tokenizer, resampled.

        Args:
            tokenizer: Its name.
            variant: A variant over sums.

        Returns:
            The estimates; None where the variant needs a reference that is not there.
        """
        place, *forms = self.sums(tokenizer)
        names, documents = self.names, place["documents"]
        values: list[FloatArray] = []
        reference = self.options.reference
        if isinstance(variant, RelativeVariant) and reference not in names:
            return None
        for form in forms:
            with np.errstate(all="ignore"):
                if isinstance(variant, SumsVariant):
                    values.append(variant.value(_named(variant.needs, place, form)))
                elif isinstance(variant, RelativeVariant):
                    base = form[names.index(str(reference))][None]
                    ours = _named(variant.needs, place, form)
                    values.append(variant.value(ours, _named(variant.needs, place, base)))
                elif isinstance(variant, GroupsVariant):
                    # The groups go last for the formula, and come back as one group.
                    turned = np.moveaxis(form, 0, -2)
                    values.append(variant.value(_named(variant.needs, place, turned))[None])
                else:
                    raise TypeError(f"{variant.name} is no ratio or mean")
        needs: frozenset[str] = getattr(variant, "needs", frozenset())
        probe = {need.partition(".")[0] for need in needs if "." in need}
        column = place[f"{probe.pop()}.documents"] if probe else documents
        n = [int(total) for total in forms[0][:, column]]
        if isinstance(variant, GroupsVariant):
            return Spread([ALL], values[0], values[1], values[2], [sum(n)])
        return Spread(names, values[0], values[1], values[2], n)

    def table(self) -> pl.DataFrame:
        """Every chosen metric for every tokenizer and group: the columns of `SCHEMA`."""
        rows: list[dict[str, Any]] = []
        for name in self.tokenizers:
            for metric, variant in self.chosen:
                for group, value, low, high, n in self._values(name, variant):
                    rows.append(
                        {
                            "tokenizer": name,
                            "group": group,
                            "metric": metric.name,
                            "variant": variant.name,
                            "aggregation": variant.aggregation,
                            "unit": variant.unit,
                            "value": _known(value),
                            "ci_low": _known(low),
                            "ci_high": _known(high),
                            "n": n,
                            "special_tokens": self.special_tokens(name),
                            "vocabulary": variant.vocabulary,
                        }
                    )
        return pl.DataFrame(rows, schema=SCHEMA)

    def special_tokens(self, tokenizer: str) -> str:
        """The policy on special tokens in words."""
        added = self.counted.counts[tokenizer].added
        return f"{added} added to each document" if added else "none added, none read"

    def _values(
        self, tokenizer: str, variant: Variant
    ) -> Iterable[tuple[str, float | None, float | None, float | None, int | None]]:
        if isinstance(variant, PairSumsVariant | PairTypesVariant):
            return
        if isinstance(variant, TokenizerVariant):
            yield ALL, variant.value(self.tokenizers[tokenizer]), None, None, None
        elif isinstance(variant, TypesVariant | WordsVariant):
            for name, counts in self.groups[tokenizer].items():
                if isinstance(variant, TypesVariant):
                    value = self.types_value(tokenizer, variant, counts)
                else:
                    value = variant.value(self.word_types(tokenizer)[name])
                yield name, value, None, None, counts.total("documents")
        else:
            spread = self.spread(tokenizer, variant)
            if spread is None:
                return
            options = self.options
            low, high = interval(
                spread.point, spread.resampled, spread.left_out, options.level, options.method
            )
            yield from zip(
                spread.groups,
                spread.point.tolist(),
                low.tolist(),
                high.tolist(),
                spread.n,
                strict=True,
            )

    def types_value(
        self, tokenizer: str, variant: TypesVariant, counts: GroupCounts
    ) -> float | None:
        """A type count, entropy or rank of a group."""
        whole: TokenCounts = self.counted.counts[tokenizer]
        return variant.value(whole.histogram(counts, self.tokenizers[tokenizer]))

    @cached_property
    def _words(self) -> dict[str, dict[str, WordTypes]]:
        return {}

    def word_types(self, tokenizer: str) -> dict[str, WordTypes]:
        """The word types of each group, encoded alone under a tokenizer."""
        if tokenizer not in self._words:
            by_group: dict[str, list[tuple[int, str, int]]] = {name: [] for name in self.names}
            for key, words in self.counted.sample.words.items():
                by_group[self.label(key)].extend(words)
            engines = {report.tokenizer: report.engine for report in self.counted.engines}
            out = {}
            for name, every in by_group.items():
                kept = sorted((word, times) for _, word, times in smallest_words(every))
                texts = tuple(word for word, _ in kept)
                times = np.array([times for _, times in kept], dtype=np.int64)
                lengths = tokens_of_words(
                    self.tokenizers[tokenizer], texts, engines[tokenizer], self.counted.folder
                )
                out[name] = WordTypes(texts, times, lengths, len(texts) < WORD_TYPES)
            self._words[tokenizer] = out
        return self._words[tokenizer]


def _named(needs: Iterable[str], place: Mapping[str, int], form: FloatArray) -> dict[str, Any]:
    return {name: form[..., place[name]] for name in needs}


def _by_document(counts: GroupCounts) -> tuple[Any, Any]:
    """Hashes, each once, and the tokens of each."""
    hashes, where = np.unique(counts.documents.hashes, return_inverse=True)
    tokens = np.zeros(len(hashes), dtype=np.int64)
    np.add.at(tokens, where, counts.documents.tokens)
    return hashes, tokens


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)

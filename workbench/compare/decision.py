"""Which tokenizer for this corpus: a ranking that keeps its doubts, and trade-offs in words.

A rank is an estimate like any other. Every resample of the documents ranks the tokenizers anew, and
a place is given as the range it takes in 95% of them; tokenizers whose ranges overlap are not told
apart by this corpus. The sentences are computed: each names its number, its interval or its doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from workbench.metrics import get_metric
from workbench.metrics._base import SumsVariant
from workbench.metrics.premium import UNKNOWN_LIMIT

if TYPE_CHECKING:
    from workbench.compare.comparison import Comparison

RANKING: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "group": pl.String,
    "metric": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "place": pl.Int64,
    "place_low": pl.Int64,
    "place_high": pl.Int64,
    "first": pl.Float64,
    "unknown": pl.Float64,
    "n": pl.Int64,
}
"""The columns of `ranking`. `place` 1 is best; it lies between `place_low` and `place_high` in 95%
of the resamples, and `first` is the share of the resamples in which the tokenizer comes first.
`unknown` is the share of unknown tokens: a tokenizer that does not know a text is short for the
wrong reason."""


def ranking(made: Comparison, name: str = "compression.bytes") -> pl.DataFrame:
    """Rank tokenizers by one ratio or mean, with the doubt about every place.

    Args:
        made: A comparison that computed the metric.
        name: "metric.variant"; the variant says which way is better.

    Returns:
        One row per tokenizer and group, the best first: the columns of `RANKING`. Tokenizers that
        segment alike share their places.

    Raises:
        ValueError: If the variant is no ratio or mean, or better neither way.
    """
    metric, _, which = name.partition(".")
    variant = get_metric(metric)[which]
    if not isinstance(variant, SumsVariant) or variant.better is None:
        raise ValueError(f"{name} cannot rank: it is no ratio or mean, or better neither way")
    spreads = {tok: made.measured.spread(tok, variant) for tok in made.tokenizers}
    known = {tok: spread for tok, spread in spreads.items() if spread is not None}
    names = list(known)
    sign = -1.0 if variant.better == "higher" else 1.0
    drawn = sign * np.stack([known[tok].resampled for tok in names])
    point = sign * np.stack([known[tok].point for tok in names])
    # A place is one more than the number of those that are better; ties share it.
    places = 1 + (drawn[None, :] < drawn[:, None]).sum(axis=1)
    now = 1 + (point[None, :] < point[:, None]).sum(axis=1)
    low, high = np.quantile(places, [0.025, 0.975], axis=-1, method="nearest")
    table = made.table.filter(metric=metric, variant=which)
    rows = [
        {
            "tokenizer": tok,
            "group": group,
            "place": int(now[i, j]),
            "place_low": int(low[i, j]),
            "place_high": int(high[i, j]),
            "first": float((places[i, j] == 1).mean()),
            "unknown": _unknown(made, tok, group),
        }
        for i, tok in enumerate(names)
        for j, group in enumerate(known[tok].groups)
    ]
    order = {group: i for i, group in enumerate(made.groups)}
    return (
        table.join(pl.DataFrame(rows), on=["tokenizer", "group"])
        .with_columns(pl.col("group").replace_strict(order, return_dtype=pl.Int64).alias("at"))
        .sort("at", "place", maintain_order=True)
        .select(list(RANKING))
    )


def _unknown(made: Comparison, tokenizer: str, group: str) -> float | None:
    counts = made.measured.groups[tokenizer][group]
    tokens = counts.total("tokens")
    return counts.total("unknown") / tokens if tokens else None


def trade_offs(made: Comparison) -> pl.DataFrame:
    """What there is to weigh, in sentences computed from the numbers.

    Args:
        made: A comparison by language (or another grouping) with compression and round trip.

    Returns:
        Columns question, tokenizer (the answer; null where there is none), statement, evidence.
    """
    whole = made.grouped(None)
    rows = [*_length(whole), *_languages(made), *_equity(made), *_loss(whole), *_size(whole)]
    schema = dict.fromkeys(("question", "tokenizer", "statement", "evidence"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _fit(table: pl.DataFrame) -> pl.DataFrame:
    """Without those that are short because they do not know the text."""
    return table.filter(pl.col("unknown").fill_null(0.0) <= UNKNOWN_LIMIT)


Row = tuple[str, str | None, str, str]


def _length(whole: Comparison) -> list[Row]:
    """Who needs the fewest tokens, and is that sure?"""
    table = _fit(ranking(whole))
    if len(table) < 2:
        return []
    best = table.row(0, named=True)
    alike = next(names for names in whole.alike() if best["tokenizer"] in names)
    rest = table.filter(~pl.col("tokenizer").is_in(alike))
    if rest.is_empty():
        return []
    name, other = best["tokenizer"], rest["tokenizer"][0]
    gap = whole.differences(other).filter(tokenizer=name, metric="compression", variant="bytes")
    row = gap.row(0, named=True)
    fewer = row["value"] / row["baseline_value"] - 1
    same = f" ({', '.join(alike[1:])} segment alike)" if len(alike) > 1 else ""
    sure = (row["ci_low"] or 0.0) > 0
    statement = (
        f"{name}{same} packs {best['value']:.2f} bytes into a token, {fewer:.1%} more than "
        f"{other}, the next" + ("." if sure else "; on this corpus the two cannot be told apart.")
    )
    interval = _interval(row["ci_low"], row["ci_high"])
    evidence = f"difference {row['difference']:.3f} bytes per token, 95% interval {interval}"
    return [("Which is shortest?", name if sure else None, statement, evidence)]


def _languages(made: Comparison) -> list[Row]:
    """Does one tokenizer win everywhere?"""
    groups = made.groups
    if len(groups) < 2 or len(made.tokenizers) < 2:
        return []
    table = _fit(ranking(made))
    firsts = table.filter(pl.col("place") == pl.col("place").min().over("group"))
    wins = firsts.group_by("tokenizer").len().sort("len", "tokenizer", descending=[True, False])
    name, won = wins.row(0)
    sure = table.filter((pl.col("tokenizer") == name) & (pl.col("first") >= 0.975))
    elsewhere = [
        group for group in groups if group not in set(firsts.filter(tokenizer=name)["group"])
    ]
    statement = f"{name} is shortest in {won} of {len(groups)} groups"
    statement += f", surely in {len(sure)} of them."
    if elsewhere:
        others = firsts.filter(pl.col("group").is_in(elsewhere)).unique("group").sort("group")
        shown = [f"{row['group']} ({row['tokenizer']})" for row in others.iter_rows(named=True)]
        more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
        statement += f" Others win in {', '.join(shown[:6])}{more}."
    evidence = "bytes per token by group; sure means first in 97.5% of the resamples"
    answer = name if won == len(groups) else None
    return [("Does one win everywhere?", answer, statement, evidence)]


def _equity(made: Comparison) -> list[Row]:
    """Who pays?"""
    if made.reference is None:
        return []
    gini = made.inequality().filter(variant="per_document").sort("gini")
    worst = made.equity().filter(pl.col("rank") == 1).drop_nulls("premium").sort("premium")
    if gini.is_empty() or worst.is_empty():
        return []
    fair, unfair = gini.row(0, named=True), gini.row(-1, named=True)
    mild, harsh = worst.row(0, named=True), worst.row(-1, named=True)
    statement = (
        f"{fair['tokenizer']} has the smallest Gini coefficient, {fair['gini']:.2f}; "
        f"{unfair['tokenizer']} the largest, {unfair['gini']:.2f} "
        f"(of {fair['maximum']:.2f} possible)."
    )
    evidence = f"95% intervals {_of(fair)} and {_of(unfair)}"
    alike: Row = ("Which treats languages most alike?", fair["tokenizer"], statement, evidence)
    statement = (
        f"At best {mild['premium']:.1f} times {made.reference} ({mild['group']} under "
        f"{mild['tokenizer']}), at worst {harsh['premium']:.1f} times ({harsh['group']} under "
        f"{harsh['tokenizer']})."
    )
    evidence = f"95% intervals {_of(mild)} and {_of(harsh)}"
    return [
        alike,
        ("What does the worst-off language pay?", mild["tokenizer"], statement, evidence),
    ]


def _loss(whole: Comparison) -> list[Row]:
    """What does not come back?"""
    table = whole.table.filter(metric="round_trip", variant="exact").drop_nulls("value")
    if table.is_empty():
        return []
    lossy = table.filter(pl.col("value") < 1).sort("value")
    evidence = f"{min(table['n'].to_list()):,} documents decoded under each tokenizer"
    if lossy.is_empty():
        return [("Is anything lost?", None, "Every document came back exactly.", evidence)]
    shown = ", ".join(
        f"{row['tokenizer']} returns {row['value']:.0%} of documents unchanged"
        for row in lossy.iter_rows(named=True)
    )
    return [("Is anything lost?", None, f"Yes: {shown}.", evidence)]


def _size(whole: Comparison) -> list[Row]:
    """What does the vocabulary cost, and is it used?"""
    table = whole.table.filter(metric="utilisation", variant="declared").drop_nulls("value")
    counts = whole.measured.counted.counts
    sizes = {name: counts[name].declared for name in table["tokenizer"]}
    if len(sizes) < 2:
        return []
    used = dict(table.select("tokenizer", "value").iter_rows())
    big = max(sizes, key=lambda name: sizes[name] or 0)
    small = min(sizes, key=lambda name: sizes[name] or 0)
    statement = (
        f"{big} has {sizes[big]:,} entries, of which this corpus touches {used[big]:.1%}; "
        f"{small} has {sizes[small]:,}, touched {used[small]:.1%}."
    )
    evidence = "a larger corpus touches more: compare at equal size (rarefaction)"
    return [("What does the vocabulary cost?", None, statement, evidence)]


def _of(row: Mapping[str, Any]) -> str:
    return _interval(row["ci_low"], row["ci_high"])


def _interval(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:.3f} to {high:.3f}"

"""Which tokenizers cut alike: agreement of boundaries, overlap of what they use, clusters.

Two tokenizers that cut every sampled document at the same places, and need the same number of
tokens in every block of the corpus, are one tokenizer for this corpus, whatever their names and
ids: they are found here and folded into one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.compare.measuring import Measured
from workbench.compare.probing import Documents, probe_pairs, views_of
from workbench.intervals import interval
from workbench.metrics import all_metrics, select_metrics
from workbench.metrics._base import PairSumsVariant, PairTypesVariant, Variant

AGREEMENT: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "other": pl.String,
    "metric": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n": pl.Int64,
}
"""The columns of `agreement`; each pair once, over the whole corpus."""

PAIR_DOCUMENTS = 200
"""Documents over all groups on which pairs are compared: every tokenizer must segment them."""


def pair_documents(measured: Measured, limit: int = PAIR_DOCUMENTS) -> Documents:
    """The sampled documents on which pairs are compared, as many from each group.

    Args:
        measured: A corpus counted with a sample.
        limit: About how many.

    Returns:
        Documents by group.
    """
    sample = measured.counted.sample.documents
    each = max(1, limit // max(1, len(sample)))
    return tuple((group, members[:each]) for group, members in sample.items())


def alike(measured: Measured) -> list[list[str]]:
    """Tokenizers that segment this corpus alike.

    Args:
        measured: A corpus counted with a sample.

    Returns:
        Every tokenizer once, in the order given, those alike in one list.
    """
    classes: list[list[str]] = []
    documents = pair_documents(measured)
    for name in measured.tokenizers:
        for members in classes:
            if _same(measured, members[0], name, documents):
                members.append(name)
                break
        else:
            classes.append([name])
    return classes


def _same(measured: Measured, one: str, other: str, documents: Documents) -> bool:
    ours, theirs = measured.groups[one], measured.groups[other]
    for name in measured.names:
        a, b = ours[name].sums["tokens"], theirs[name].sums["tokens"]
        if not np.array_equal(a, b):
            return False
    views = (views_of(measured.tokenizers[name], documents) for name in (one, other))
    return all(
        np.array_equal(left.segmentation.boundaries, right.segmentation.boundaries)
        for (_, left), (_, right) in zip(*views, strict=True)
    )


def agreement(
    measured: Measured, metrics: Sequence[str] | None = None, *, fold: bool = True
) -> pl.DataFrame:
    """Every pair of tokenizers by every pair metric.

    Args:
        measured: A corpus counted with a sample.
        metrics: Pair metrics or variants; None takes all there are.
        fold: Whether tokenizers that segment alike are represented by the first of them.

    Returns:
        The columns of `AGREEMENT`. Intervals where the metric is a ratio of sums.

    Raises:
        ValueError: If a metric asked for is none of pairs.
    """
    if metrics is None:
        every = list(all_metrics().values())
        chosen = [(m, v) for m, v in select_metrics([*every]) if _of_pairs(v)]
    else:
        chosen = select_metrics(metrics)
        wrong = sorted({m.name for m, v in chosen if not _of_pairs(v)})
        if wrong:
            raise ValueError(f"{', '.join(wrong)} measure one tokenizer, not pairs: use compare")
    names = [members[0] for members in alike(measured)] if fold else list(measured.tokenizers)
    tokenizers = [measured.tokenizers[name] for name in names]
    documents = pair_documents(measured)
    n = sum(len(members) for _, members in documents)
    rows: list[dict[str, Any]] = []
    probed: dict[str, Any] = {}
    for metric, variant in chosen:
        if isinstance(variant, PairSumsVariant):
            if metric.name not in probed:
                probed[metric.name] = probe_pairs(tokenizers, metric, documents)
            for (a, b), sums in probed[metric.name].items():
                value, low, high = _estimate(measured, variant, sums)
                rows.append(_row(a, b, metric.name, variant, value, low, high, n))
        elif isinstance(variant, PairTypesVariant):
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    shared = variant.value(*(_histogram(measured, name) for name in (a, b)))
                    total = measured.counted.counts[a].total.total("documents")
                    rows.append(_row(a, b, metric.name, variant, shared, None, None, total))
    return pl.DataFrame(rows, schema=AGREEMENT)


def _of_pairs(variant: Variant) -> bool:
    return isinstance(variant, PairSumsVariant | PairTypesVariant)


def _histogram(measured: Measured, name: str) -> Any:
    counts = measured.counted.counts[name]
    return counts.histogram(counts.total, measured.tokenizers[name])


def _estimate(
    measured: Measured, variant: PairSumsVariant, sums: Any
) -> tuple[float, float, float]:
    """Over all groups: documents of one block are resampled together."""
    table = {
        need: sum(group[need] for group in sums.values())[measured.blocks].astype(np.float64)
        for need in variant.needs
    }
    point = variant.value({name: np.array(values.sum()) for name, values in table.items()})
    drawn = variant.value({name: measured.weights @ values for name, values in table.items()})
    left = variant.value({name: values.sum() - values for name, values in table.items()})
    options = measured.options
    low, high = interval(point, drawn, left, options.level, options.method)
    return float(point), float(low), float(high)


def _row(
    a: str, b: str, metric: str, variant: Any, value: Any, low: Any, high: Any, n: int
) -> dict[str, Any]:
    numbers = {"value": value, "ci_low": low, "ci_high": high}
    known = {k: None if v is None or np.isnan(v) else float(v) for k, v in numbers.items()}
    return {
        "tokenizer": a,
        "other": b,
        "metric": metric,
        "variant": variant.name,
        "unit": variant.unit,
        **known,
        "n": n,
    }


def clustered(table: pl.DataFrame, variant: str = "f1") -> pl.DataFrame:
    """A symmetric matrix of agreement with neighbours side by side, and clusters.

    Average linkage on 1 − agreement, leaves in optimal order (Bar-Joseph et al. 2001); clusters are
    what remains together when the tree is cut at its widest gap.

    Args:
        table: What `agreement` gave.
        variant: Which of its measures.

    Returns:
        Columns tokenizer, other, value, row, column (places in the order), cluster (of tokenizer).

    Raises:
        ValueError: If the table has no such variant.
    """
    kept = table.filter(pl.col("variant") == variant)
    if kept.is_empty():
        raise ValueError(
            f"the table has no variant {variant!r}; it has {table['variant'].unique().to_list()}"
        )
    names = list(dict.fromkeys([*kept["tokenizer"], *kept["other"]]))
    place = {name: i for i, name in enumerate(names)}
    matrix = np.eye(len(names))
    for a, b, value in kept.select("tokenizer", "other", "value").iter_rows():
        agreed = np.nan if value is None else value
        matrix[place[a], place[b]] = matrix[place[b], place[a]] = agreed
    order, cluster = _tree(matrix)
    position = {int(leaf): i for i, leaf in enumerate(order)}
    return pl.DataFrame(
        [
            {
                "tokenizer": a,
                "other": b,
                "value": None if np.isnan(matrix[i, j]) else float(matrix[i, j]),
                "row": position[i],
                "column": position[j],
                "cluster": int(cluster[i]),
            }
            for i, a in enumerate(names)
            for j, b in enumerate(names)
        ]
    ).sort("row", "column")


def _tree(matrix: Any) -> tuple[Any, Any]:
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return np.arange(len(matrix)), np.ones(len(matrix), dtype=int)
    distance = np.clip(1 - np.nan_to_num(matrix), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    heights = tree[:, 2]
    gaps = np.diff(heights)
    cut = heights[int(np.argmax(gaps))] + gaps.max() / 2
    return leaves_list(tree), fcluster(tree, cut, criterion="distance")

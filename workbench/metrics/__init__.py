"""The metrics: one per file, found by their place in this folder.

A module here whose name does not begin with an underscore holds one `METRIC`. There is no list to
keep: put the file here and it is known. How a metric is built stands in `workbench.metrics._base`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from workbench.metrics._base import (
    STATISTICS,
    DocumentView,
    GroupsVariant,
    Histogram,
    Metric,
    PairSumsVariant,
    PairTypesVariant,
    RelativeVariant,
    Sums,
    SumsVariant,
    TokenizerVariant,
    TypesVariant,
    Variant,
    WordsVariant,
    WordTypes,
    divide,
    document_mean,
    pooled,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "STATISTICS",
    "DocumentView",
    "GroupsVariant",
    "Histogram",
    "Metric",
    "PairSumsVariant",
    "PairTypesVariant",
    "RelativeVariant",
    "Selected",
    "Sums",
    "SumsVariant",
    "TokenizerVariant",
    "TypesVariant",
    "Variant",
    "WordTypes",
    "WordsVariant",
    "all_metrics",
    "describe_metrics",
    "divide",
    "document_mean",
    "get_metric",
    "pooled",
    "select_metrics",
]

Selected = list[tuple[Metric, Variant]]


@cache
def all_metrics() -> dict[str, Metric]:
    """Every metric of this folder by name, in the order of the names.

    Returns:
        The metrics.

    Raises:
        TypeError: If a module here holds no `METRIC`, or one under another name than its own.

    Example:
        >>> "fertility" in all_metrics()
        True
    """
    found = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        metric = getattr(importlib.import_module(f"{__name__}.{info.name}"), "METRIC", None)
        if not isinstance(metric, Metric) or metric.name != info.name:
            raise TypeError(
                f"workbench/metrics/{info.name}.py should hold METRIC, a Metric named "
                f"{info.name!r}, and holds {metric!r}; helpers live in files that begin with _"
            )
        found[metric.name] = metric
    return found


def get_metric(name: str) -> Metric:
    """One metric by name.

    Args:
        name: Such as "fertility".

    Returns:
        The metric.

    Raises:
        KeyError: If there is none; the near names are listed.
    """
    metrics = all_metrics()
    if name not in metrics:
        near = difflib.get_close_matches(name, metrics, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(metrics)}"
        raise KeyError(f"no metric is called {name!r}: {hint}")
    return metrics[name]


def select_metrics(wanted: Iterable[str | Metric] | None = None) -> Selected:
    """The variants that a user asked for.

    Args:
        wanted: Names of metrics ("fertility": all its variants), of variants
            ("fertility.pooled"), or `Metric` objects of one's own; None is the report's set.

    Returns:
        Pairs of metric and variant, each once, in the order asked for.

    Raises:
        KeyError: For a name that does not exist.
        TypeError: For something that is neither a name nor a `Metric`.

    Example:
        >>> [v.name for _, v in select_metrics(["compression.bytes"])]
        ['bytes']
    """
    if wanted is None:
        wanted = [metric for metric in all_metrics().values() if metric.report]
    elif isinstance(wanted, str):
        wanted = [wanted]
    chosen: dict[tuple[str, str], tuple[Metric, Variant]] = {}
    for item in wanted:
        if isinstance(item, Metric):
            metric, variants = item, item.variants
        elif isinstance(item, str):
            name, _, variant = item.partition(".")
            metric = get_metric(name)
            variants = (metric[variant],) if variant else metric.variants
        else:
            raise TypeError(
                f"a metric is asked for by name ('fertility', 'fertility.pooled') or as a Metric, "
                f"not as {item!r}"
            )
        for one in variants:
            chosen[metric.name, one.name] = (metric, one)
    return list(chosen.values())


def describe_metrics(wanted: Iterable[str | Metric] | None = None) -> pl.DataFrame:
    """What each number means: the table to print beside the numbers.

    Args:
        wanted: As in `select_metrics`; None here means every metric there is.

    Returns:
        One row per variant: metric, variant, summary, unit, aggregation, formula, vocabulary,
        spread, better, degenerate, source (all text).
    """
    import polars as pl

    names: list[str | Metric] = list(all_metrics() if wanted is None else wanted)
    return pl.DataFrame(
        [
            {
                "metric": metric.name,
                "variant": variant.name,
                "summary": metric.summary,
                "unit": variant.unit,
                "aggregation": variant.aggregation,
                "formula": variant.formula,
                "vocabulary": variant.vocabulary,
                "spread": variant.spread,
                "better": variant.better,
                "degenerate": variant.degenerate,
                "source": variant.source or metric.source,
            }
            for metric, variant in select_metrics(names)
        ],
        schema_overrides={"vocabulary": pl.String, "better": pl.String},
    )

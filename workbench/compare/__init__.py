"""Compare tokenizers on a corpus: tidy tables of metrics, with the intervals that are honest.

`compare` gives the table and `differences` what separates the tokenizers; `comparison` gives the
object behind both, which also yields rarefaction curves, the equity of languages and the agreement
of boundaries without counting again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from workbench.compare.agreement import clustered
from workbench.compare.comparison import Comparison
from workbench.compare.decision import ranking, trade_offs
from workbench.compare.grouping import By, label_of, possible, reference_of
from workbench.compare.measuring import ALL, SCHEMA, Measured, Options
from workbench.compare.probing import ProbeError, probe_tokenizers
from workbench.counting import CorpusCounts, Plan, count_corpus
from workbench.counting.running import executor_of
from workbench.intervals import Method
from workbench.metrics import Selected, select_metrics
from workbench.metrics._base import Metric, PairSumsVariant, PairTypesVariant, WordsVariant
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "ALL",
    "SCHEMA",
    "Comparison",
    "Options",
    "ProbeError",
    "clustered",
    "compare",
    "comparison",
    "differences",
    "ranking",
    "trade_offs",
]

SAMPLE = 200
"""Documents of each group on which metrics that need the text itself are computed."""


def comparison(
    tokenizers: Iterable[Any] | Any,
    corpus: Any,
    metrics: Iterable[str | Metric] | None = None,
    by: By = None,
    client: Any = None,
    *,
    reference: str | None = None,
    sample: int = SAMPLE,
    resamples: int = 1000,
    level: float = 0.95,
    method: Method = "bca",
    seed: int = 0,
    add_special_tokens: bool = False,
    cache: str | Path | bool | None = None,
    engine: str | None = None,
    errors: str = "raise",
    progress: bool | None = None,
) -> Comparison:
    """Count a corpus under tokenizers and keep what every table is made of.

    Args:
        tokenizers: Names, paths, or tokenizers; anything `load_tokenizer` takes.
        corpus: A `workbench.Corpus`, the name of one, or a polars frame with a column text.
        metrics: Names ("fertility", "fertility.units") or metrics; None is the report's set.
        by: "language", "domain", "script" (the part of a language's code after "_"), several of
            them, or a function of (language, domain); None is the whole corpus.
        client: A `dask.distributed.Client` to count on.
        reference: The group that premium and parity are measured against; None takes English if
            there is a group of that name.
        sample: Documents of each group on which probes run (round trip, agreement).
        resamples: Of the bootstrap.
        level: Confidence of the intervals.
        method: "bca" or "percentile".
        seed: Of the resampling.
        add_special_tokens: Count what a tokenizer puts around each document.
        cache: As in `workbench.counting.count_corpus`, as are `engine`, `errors`, `progress`.
        engine: See `cache`.
        errors: See `cache`.
        progress: See `cache`.

    Returns:
        The comparison.

    Raises:
        ValueError: If an option is unknown, a metric needs groups or a reference that are not
            there, or the corpus is empty.
        KeyError: If there is no metric of a name.
    """
    loaded = _tokenizers(tokenizers)
    if metrics is not None and not isinstance(metrics, str):
        metrics = list(metrics)
    chosen = [
        (metric, variant)
        for metric, variant in select_metrics(metrics)
        if not isinstance(variant, PairSumsVariant | PairTypesVariant)
    ]
    if sample < 1:
        raise ValueError(f"sample is the number of documents for probes, at least 1, not {sample}")
    label = label_of(by)
    counted = count_corpus(
        loaded.values(),
        _corpus(corpus),
        _plan(chosen, sample, add_special_tokens=add_special_tokens),
        client=client,
        cache=cache,
        engine=engine,
        errors=errors,
        progress=progress,
    )
    names = list(dict.fromkeys(label(g) for g in next(iter(counted.counts.values())).groups))
    if not names:
        raise ValueError("the corpus holds no documents: there is nothing to compare")
    options = Options(reference_of(reference, names), resamples, level, method, seed)
    kept = possible(chosen, names, options, _named(metrics))
    return Comparison(
        Measured(
            counted, loaded, kept, label, options, _probe(kept, loaded.values(), counted, client)
        ),
        tuple(chosen),
    )


def compare(
    tokenizers: Iterable[Any] | Any,
    corpus: Any,
    metrics: Iterable[str | Metric] | None = None,
    by: By = None,
    client: Any = None,
    **options: Any,
) -> pl.DataFrame:
    """Compare tokenizers on a corpus.

    Args:
        tokenizers: Names, paths, or tokenizers; anything `load_tokenizer` takes.
        corpus: A `workbench.Corpus`, the name of one, or a polars frame with a column text.
        metrics: Names ("fertility", "fertility.units") or metrics; None is the report's set.
        by: "language", "domain", "script", several of them, or a function of both; None is the
            whole corpus.
        client: A `dask.distributed.Client` to count on.
        **options: Of `comparison`: reference, sample, resamples, level, method, seed and more.

    Returns:
        One row per tokenizer, group, metric and variant: tokenizer, group, metric, variant,
        aggregation, unit, value, ci_low, ci_high, n (documents), special_tokens, vocabulary.
        Intervals stand by ratios and means only; type counts and entropies have none (see
        `Comparison.rarefaction`). A number that does not exist is null, never 0.

    Raises:
        ValueError: As `comparison`.
        KeyError: If there is no metric of a name.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"text": ["to be or not to be"] * 10})
        >>> table = compare(["bytes", "words"], frame, ["compression.bytes"], cache=False)
        >>> table["value"].to_list()
        [1.0, 3.0]
    """
    made = comparison(tokenizers, corpus, metrics, by, client, **options)
    table = made.table
    table._workbench_comparison = made  # type: ignore[attr-defined]  # noqa: SLF001 - read below
    return table


def differences(
    table_or_counts: pl.DataFrame | Comparison, baseline: str | None = None
) -> pl.DataFrame:
    """Tokenizers against one of them: paired, with intervals and p-values by Holm.

    Args:
        table_or_counts: What `compare` or `comparison` returned.
        baseline: The name of a tokenizer in it; None is the first.

    Returns:
        One row per other tokenizer, group and ratio or mean: tokenizer, baseline, group, metric,
        variant, unit, value, baseline_value, difference, ci_low, ci_high (of the difference),
        relative, p, p_holm (over all rows), n.

    Raises:
        ValueError: If the baseline is not in the comparison, or a table was changed on its way
            here (documents must be resampled together, and a table alone does not hold them).
    """
    made: Any = table_or_counts
    if isinstance(made, pl.DataFrame):
        made = getattr(made, "_workbench_comparison", None)
    if not isinstance(made, Comparison):
        raise ValueError(  # noqa: TRY004 - a table is the right type; this one was changed
            "differences needs the table just as compare returned it, or a Comparison: this one "
            "was filtered, loaded or built elsewhere, so its documents cannot be resampled. Call "
            "workbench.compare.comparison(...).differences(baseline), then filter the result"
        )
    return made.differences(made.tokenizers[0] if baseline is None else baseline)


def _tokenizers(given: Iterable[Any] | Any) -> dict[str, Tokenizer]:
    single = isinstance(given, str | Path | Tokenizer) or not isinstance(given, Iterable)
    out: dict[str, Tokenizer] = {}
    for item in [given] if single else given:
        tokenizer = item if isinstance(item, Tokenizer) else load_tokenizer(item)
        if tokenizer.name in out:
            raise ValueError(
                f"two tokenizers are called {tokenizer.name!r}: give each a name of its own"
            )
        out[tokenizer.name] = tokenizer
    if not out:
        raise ValueError("give at least one tokenizer; list_tokenizers() shows what there is")
    return out


def _corpus(given: Any) -> Any:
    if isinstance(given, str | Path):
        from workbench.corpora import load_corpus

        return load_corpus(given)
    return given


def _plan(chosen: Selected, sample: int, *, add_special_tokens: bool) -> Plan:
    needs = {need for _, variant in chosen for need in getattr(variant, "needs", ())}
    statistics = {need for need in needs if "." not in need} - {"paired", "paired:tokens"}
    words = any(isinstance(variant, WordsVariant) for _, variant in chosen)
    return Plan(frozenset(statistics), sample, words, add_special_tokens)


def _named(metrics: Iterable[str | Metric] | None) -> set[str]:
    """What a user asked for by name: metrics, and variants as "metric.variant"."""
    given = [] if metrics is None else [metrics] if isinstance(metrics, str) else metrics
    return {item if isinstance(item, str) else item.name for item in given}


def _probe(
    chosen: Selected, tokenizers: Iterable[Tokenizer], counted: CorpusCounts, client: Any
) -> dict[str, Any]:
    wanted = {m.name: m for m, v in chosen if any("." in n for n in getattr(v, "needs", ()))}
    if not wanted:
        return {}
    documents = tuple(counted.sample.documents.items())
    with executor_of(client) as executor:
        return probe_tokenizers(
            list(tokenizers), list(wanted.values()), documents, executor, counted.folder
        )

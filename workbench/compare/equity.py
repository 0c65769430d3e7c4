"""What the same content costs in each language: premium, inequality, money and context.

A tokenizer taxes a language by the tokens it needs for what another says in fewer: a provider bills
by token, and a context window is counted in tokens. All of it is relative to a reference language
over a parallel corpus; over texts that are not parallel, tokens per byte is what remains.

Sources: Petrov et al. 2023 (arXiv 2305.15425) for the premium and its cost; TokEval for the Gini
coefficient over languages, ΣΣ|cᵢ − cⱼ| / (2 n² μ), whose maximum over n languages is 1 − 1/n.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from workbench.compare.measuring import Measured
from workbench.intervals import interval
from workbench.metrics._base import GroupsVariant, RelativeVariant
from workbench.metrics.gini import METRIC as GINI
from workbench.metrics.parity import METRIC as PARITY
from workbench.metrics.premium import METRIC as PREMIUM

EQUITY: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "group": pl.String,
    "reference": pl.String,
    "premium": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "parity": pl.Float64,
    "rank": pl.Int64,
    "cost": pl.Float64,
    "extra_cost": pl.Float64,
    "window": pl.Float64,
    "window_share": pl.Float64,
    "n": pl.Int64,
}
"""The columns of `equity`. `rank` 1 pays most; `cost` and `extra_cost` are money for the content of
a million tokens of the reference; `window` is how many tokens of the reference say what fits into
the context window, `window_share` what part of the reference's content that is."""

INEQUALITY: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "gini": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "maximum": pl.Float64,
    "groups": pl.Int64,
    "n": pl.Int64,
}
"""The columns of `inequality`. `maximum` is 1 − 1/n, what one language paying all would give."""


def _reference(measured: Measured) -> str:
    reference = measured.options.reference
    if reference is None or reference not in measured.names:
        raise ValueError(
            f"equity needs a reference language among the groups {measured.names[:20]}: call "
            "compare.comparison(..., by='language', reference='eng_Latn')"
        )
    return reference


def equity(
    measured: Measured, *, price: float | None = None, window: int | None = None
) -> pl.DataFrame:
    """What each language pays under each tokenizer.

    Args:
        measured: A corpus counted by language.
        price: Money for a million tokens, in any currency; None leaves money out.
        window: Tokens of a context window; None leaves it out.

    Returns:
        One row per tokenizer and language, the dearest first: the columns of `EQUITY`.

    Raises:
        ValueError: If there is no reference language, or a price or window is not positive.
    """
    reference = _reference(measured)
    for name, number in (("price", price), ("window", window)):
        if number is not None and not number > 0:
            raise ValueError(f"{name} is a positive number or None, not {number!r}")
    premium, parity = PREMIUM.variants[0], PARITY.variants[0]
    assert isinstance(premium, RelativeVariant)
    rows: list[dict[str, Any]] = []
    options = measured.options
    for tokenizer in measured.tokenizers:
        spread, mean = measured.spread(tokenizer, premium), measured.spread(tokenizer, parity)
        assert spread is not None
        assert mean is not None
        low, high = interval(
            spread.point, spread.resampled, spread.left_out, options.level, options.method
        )
        for i, group in enumerate(spread.groups):
            times = spread.point[i]
            rows.append(
                {
                    "tokenizer": tokenizer,
                    "group": group,
                    "reference": reference,
                    "premium": times,
                    "ci_low": low[i],
                    "ci_high": high[i],
                    "parity": mean.point[i],
                    "cost": None if price is None else price * times,
                    "extra_cost": None if price is None else price * (times - 1),
                    "window": None if window is None or not times > 0 else window / times,
                    "window_share": None if window is None or not times > 0 else 1 / times,
                    "n": spread.n[i],
                }
            )
    schema = {name: kind for name, kind in EQUITY.items() if name != "rank"}
    return (
        pl.DataFrame(rows, schema=schema)
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .with_columns(
            pl.col("premium")
            .rank("ordinal", descending=True)
            .over("tokenizer")
            .cast(pl.Int64)
            .alias("rank")
        )
        .select(list(EQUITY))
        .sort("tokenizer", "rank", maintain_order=True, nulls_last=True)
    )


def inequality(measured: Measured) -> pl.DataFrame:
    """The Gini coefficient of tokens over the groups, with its maximum.

    Where documents are parallel sentences, cost per document compares equal content; bytes favour
    scripts that spend more of them on a character.

    Args:
        measured: A corpus counted by language.

    Returns:
        One row per tokenizer and way of counting cost: the columns of `INEQUALITY`.
    """
    rows: list[dict[str, Any]] = []
    options = measured.options
    for tokenizer in measured.tokenizers:
        counted = measured.sums(tokenizer)[0]
        for variant in GINI.variants:
            if not (isinstance(variant, GroupsVariant) and variant.needs <= counted.keys()):
                continue
            spread = measured.spread(tokenizer, variant)
            assert spread is not None
            low, high = interval(
                spread.point, spread.resampled, spread.left_out, options.level, options.method
            )
            count = len(measured.names)
            rows.append(
                {
                    "tokenizer": tokenizer,
                    "variant": variant.name,
                    "unit": variant.unit,
                    "gini": float(spread.point[0]),
                    "ci_low": float(low[0]),
                    "ci_high": float(high[0]),
                    "maximum": 1 - 1 / count,
                    "groups": count,
                    "n": spread.n[0],
                }
            )
    return pl.DataFrame(rows, schema=INEQUALITY).with_columns(pl.col(pl.Float64).fill_nan(None))


def lorenz(measured: Measured) -> pl.DataFrame:
    """The Lorenz curve: which share of all tokens the cheapest languages need.

    Args:
        measured: A corpus counted by language, its documents parallel.

    Returns:
        Columns tokenizer, group (the language that the step adds; null at the origin), languages
        and tokens (cumulative shares, 0 to 1), sorted along the curve. The cost of a language is
        its tokens per document, so that all weigh the same. Equality is the diagonal.
    """
    rows: list[dict[str, Any]] = []
    for tokenizer, groups in measured.groups.items():
        cost = {
            name: counts.total("tokens") / counts.total("documents")
            for name, counts in groups.items()
            if counts.total("documents")
        }
        ordered = sorted(cost.items(), key=lambda item: (item[1], item[0]))
        total, seen = sum(cost.values()), 0.0
        rows.append({"tokenizer": tokenizer, "group": None, "languages": 0.0, "tokens": 0.0})
        for i, (name, value) in enumerate(ordered, start=1):
            seen += value
            rows.append(
                {
                    "tokenizer": tokenizer,
                    "group": name,
                    "languages": i / len(ordered),
                    "tokens": seen / total if total else None,
                }
            )
    return pl.DataFrame(
        rows,
        schema={
            "tokenizer": pl.String,
            "group": pl.String,
            "languages": pl.Float64,
            "tokens": pl.Float64,
        },
    )

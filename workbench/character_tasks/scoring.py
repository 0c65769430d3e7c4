"""Every item of every model ends as exactly one of six: the accounting is part of the score.

`correct`, `wrong` (an answer was read, another one), `invalid` (no answer could be read),
`refused` (the model declined), `failed` (a request was made and brought no text), `missing` (no
row). The six add up to the items, for the strict parser and for the lenient one, which stand in
columns of their own and are never mixed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.character_tasks.answers import answers_frame
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.parsing import NUMBER_PARSERS, TEXT_PARSERS, Parser

OUTCOMES = ("correct", "wrong", "invalid", "refused", "failed", "missing")
OUTCOME = pl.Enum(OUTCOMES)
PARSERS = ("strict", "lenient")

_INT64 = 2**63 - 1


def score(
    items: pl.DataFrame,
    answers: Any,
    *,
    model: str | None = None,
    unknown: Literal["error", "ignore"] = "error",
    strict_parser: Parser | None = None,
) -> pl.DataFrame:
    """What became of every item under every model.

    Args:
        items: Any item set (see `build_items`).
        answers: Any frame (polars, pandas, Arrow) or file with `question_idx`, `model` and
            `response`; or what `read_answers` reads. A null response is a failed request; a
            column `refused` (boolean) or `stop_reason` tells refusals; `logprob` is kept.
        model: The model's name, where `answers` has no column `model`.
        unknown: What to do with answers to questions that are not in the set: `error`, or
            `ignore` them.
        strict_parser: Instead of the strict parser of the set's kind, e.g. `parse_cute`.

    Returns:
        One row per item and model: the item's columns, `model`, `response`, then for each parser
        its reading (`strict`, `lenient`: Int64 or String, null where none was read) and its
        outcome (`strict_outcome`, `lenient_outcome`).

    Raises:
        CharacterTaskError: On missing columns, answers twice for one item, unknown questions, or
            answers that all lack a model.

    Example:
        >>> from workbench.character_tasks.items import build_items
        >>> items = build_items(["abca", "bcdd"], ["count_unique_chars"], 2, lengths=[4])
        >>> said = {"question_idx": [0, 1], "model": "m", "response": ["3", "**3**"]}
        >>> score(items, pl.DataFrame(said)).select("strict_outcome", "lenient_outcome").rows()
        [('correct', 'correct'), ('invalid', 'correct')]
    """
    if "question_idx" not in items.columns or "answer" not in items.columns:
        raise CharacterTaskError(
            f"items has the columns {items.columns}, but question_idx and answer were expected: "
            "give a set from build_items or load_items first, and the answers second."
        )
    if items["question_idx"].n_unique() != items.height:
        raise CharacterTaskError("items has a question_idx twice: each item needs a number alone.")
    given = answers_frame(answers, model=model)
    given = _check(items, given, unknown)
    numbers = items["answer"].dtype.is_integer()
    parsers: Mapping[str, Parser] = NUMBER_PARSERS if numbers else TEXT_PARSERS
    used = {"strict": strict_parser or parsers["strict"], "lenient": parsers["lenient"]}

    models = given.select("model").unique(maintain_order=True)
    keep = [c for c in ("response", "logprob", "refused", "error") if c in given.columns]
    # Responses repeat a thousandfold: they are parsed once each, and joined by number.
    texts = given["response"].unique().drop_nulls()
    readings = pl.DataFrame({"response": texts})
    for name, parser in used.items():
        readings = readings.with_columns(**_read(name, parser, texts, numbers=numbers))
    answered = (
        given.select("question_idx", "model", *keep)
        .join(readings, on="response", how="left")
        .with_columns(_row=pl.lit(1, pl.Int8))
    )
    table = items.join(models, how="cross").join(
        answered, on=["question_idx", "model"], how="left", maintain_order="left"
    )
    refused = pl.col("refused").fill_null(value=False) if "refused" in keep else pl.lit(value=False)
    outcomes = {
        f"{name}_outcome": pl.when(pl.col("_row").is_null())
        .then(pl.lit("missing"))
        .when(refused)
        .then(pl.lit("refused"))
        .when(pl.col("response").is_null())
        .then(pl.lit("failed"))
        .when(pl.col(f"_{name}_reason").is_not_null())
        .then(pl.col(f"_{name}_reason"))
        .when(_folded(name, numbers=numbers) == _folded("answer", numbers=numbers))
        .then(pl.lit("correct"))
        .otherwise(pl.lit("wrong"))
        .cast(OUTCOME)
        for name in used
    }
    order = [c for name in used for c in (name, f"{name}_outcome")]
    extra = [c for c in ("logprob", "error") if c in keep]
    return table.with_columns(**outcomes).select(
        *items.columns, "model", "response", *order, *extra
    )


def _folded(name: str, *, numbers: bool) -> pl.Expr:
    """A column to compare: words are compared in lower case, as CUTE does."""
    return pl.col(name) if numbers else pl.col(name).str.to_lowercase()


def _check(items: pl.DataFrame, given: pl.DataFrame, unknown: str) -> pl.DataFrame:
    known = given["question_idx"].is_in(items["question_idx"].implode())
    strangers = given.filter(~known)
    if strangers.height and unknown == "error":
        some = strangers["question_idx"].unique().sort().head(3).to_list()
        raise CharacterTaskError(
            f"{strangers.height:,} of {given.height:,} answers are to questions that the set does "
            f"not have (question_idx {', '.join(map(str, some))}, …): they belong to another set, "
            "or to a larger one. Give the set they were asked from, or unknown='ignore'."
        )
    given = given.filter(known) if strangers.height else given
    if given.height == 0:
        raise CharacterTaskError("There are no answers to score: the frame has no row left.")
    twice = given.height - given.select("question_idx", "model").n_unique()
    if twice:
        raise CharacterTaskError(
            f"{twice:,} answers are second answers of a model to an item: keep one per model and "
            "question_idx, or give each run a model name of its own."
        )
    return given


def _read(name: str, parser: Parser, texts: pl.Series, *, numbers: bool) -> dict[str, pl.Series]:
    parsed = [parser(text) for text in texts]
    values: list[int | str | None] = [value for value, _ in parsed]
    if numbers:
        # Integers beyond 64 bits are answers too, and wrong ones: they are shown at the limit.
        values = [max(min(v, _INT64), -_INT64) if isinstance(v, int) else None for v in values]
    kind = pl.Int64 if numbers else pl.String
    return {
        name: pl.Series(name, values, dtype=kind),
        f"_{name}_reason": pl.Series([reason for _, reason in parsed], dtype=pl.String),
    }


def accounting(scored: pl.DataFrame, by: tuple[str, ...] = ("model", "task")) -> pl.DataFrame:
    """How many items ended how, per parser.

    Returns:
        `by`, `parser`, the six outcomes as counts, and `items`, which is their sum.
    """
    parts = [
        scored.group_by(*by, maintain_order=True)
        .agg(
            *[(pl.col(f"{parser}_outcome") == o).sum().cast(pl.Int64).alias(o) for o in OUTCOMES],
            items=pl.len().cast(pl.Int64),
        )
        .with_columns(parser=pl.lit(parser))
        .select(*by, "parser", *OUTCOMES, "items")
        for parser in PARSERS
    ]
    return pl.concat(parts).sort(*by, "parser", descending=[False] * len(by) + [True])


def accuracy(
    scored: pl.DataFrame, by: tuple[str, ...] = ("model", "task"), level: float = 0.95
) -> pl.DataFrame:
    """Accuracy with Wilson's interval, under the strict and the lenient parser side by side.

    The denominator is `answered`: correct, wrong, invalid and refused. Failed and missing items
    are no answers; `coverage` says which share of the items was answered. Where the set carries
    `weight` (stratified sampling) the accuracy is that of the plain population, and the interval
    uses Kish's effective number of answers.

    Returns:
        `by`, `parser`, `answered`, `coverage`, `accuracy`, `ci_low`, `ci_high`, `n_effective`;
        all shares from 0 to 1; accuracy null where nothing was answered.
    """
    weight = pl.col("weight") if "weight" in scored.columns else pl.lit(1.0)
    parts = []
    for parser in PARSERS:
        outcome = pl.col(f"{parser}_outcome")
        asked = ~outcome.is_in(["failed", "missing"])
        part = (
            scored.with_columns(_w=weight.cast(pl.Float64), _a=asked, _c=outcome == "correct")
            .group_by(*by, maintain_order=True)
            .agg(
                answered=pl.col("_a").sum().cast(pl.Int64),
                coverage=pl.col("_a").mean(),
                _sum=pl.col("_w").filter("_a").sum(),
                _squares=(pl.col("_w") ** 2).filter("_a").sum(),
                _right=(pl.col("_w") * pl.col("_c")).filter("_a").sum(),
            )
            .with_columns(
                parser=pl.lit(parser),
                accuracy=pl.when(pl.col("_sum") > 0).then(pl.col("_right") / pl.col("_sum")),
                n_effective=pl.when(pl.col("_sum") > 0).then(
                    pl.col("_sum") ** 2 / pl.col("_squares")
                ),
            )
        )
        low, high = wilson(part["accuracy"].to_numpy(), part["n_effective"].to_numpy(), level)
        part = part.with_columns(
            ci_low=pl.Series(low).fill_nan(None), ci_high=pl.Series(high).fill_nan(None)
        )
        parts.append(
            part.select(
                *by, "parser", "answered", "coverage", "accuracy", "ci_low", "ci_high",
                "n_effective",
            )
        )  # fmt: skip
    return pl.concat(parts).sort(*by, "parser", descending=[False] * len(by) + [True])


def wilson(
    share: "np.ndarray[Any, Any]", n: "np.ndarray[Any, Any]", level: float = 0.95
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Wilson's score interval for shares (Wilson, 1927), elementwise.

    Example:
        >>> low, high = wilson(np.array([0.5]), np.array([100]))
        >>> round(float(low[0]), 4), round(float(high[0]), 4)
        (0.4038, 0.5962)
    """
    from scipy.special import ndtri

    p, m = np.asarray(share, dtype=float), np.asarray(n, dtype=float)
    z = float(ndtri(0.5 + level / 2))
    centre = (p + z**2 / (2 * m)) / (1 + z**2 / m)
    half = z / (1 + z**2 / m) * np.sqrt(p * (1 - p) / m + z**2 / (4 * m**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def score_file(items: str | Path, answers: str | Path) -> pl.DataFrame:
    """`score` for two files: a saved set and any file of answers."""
    from workbench.character_tasks.store import load_items

    return score(load_items(items), answers)

"""What the answers show before any model of them: baselines, slopes by property, kinds of error."""

from typing import Any

import numpy as np
import polars as pl

from workbench.character_tasks.items import INDEX_TASKS
from workbench.character_tasks.scoring import wilson

BASELINE_SCHEMA = ("task", "chance", "always_one", "majority", "majority_per_length", "items")


def baselines(items: pl.DataFrame) -> pl.DataFrame:
    """What answering without looking scores on these very items.

    * `chance`: a uniform guess among the answers that the word's length allows (1 to length for
      counts, 0 to length − 1 for positions; one of two for yes and no; one of the options);
    * `always_one`: the answer 1 throughout;
    * `majority`: the commonest right answer of the task;
    * `majority_per_length`: that of each word length. Both are taken from the same items, so they
      are upper bounds of what such a habit scores (by under half a point from 1,000 items on).

    Returns:
        One row per task; shares from 0 to 1, null where a baseline has no meaning; weighted where
        the set carries `weight`.
    """
    weight = pl.col("weight") if "weight" in items.columns else pl.lit(1.0)
    table = items.with_columns(_w=weight.cast(pl.Float64), _n=pl.col("word").str.len_chars())
    numbers = items["answer"].dtype.is_integer()
    if "options" in items.columns:
        guess = 1 / pl.col("options").list.len()
    elif numbers:
        guess = 1 / pl.col("_n")
    else:
        yes_no = pl.col("answer").is_in(["Yes", "No"])
        guess = pl.when(yes_no).then(0.5).otherwise(None)
    one = (pl.col("answer") == 1) if numbers else pl.lit(None, pl.Boolean)
    base = table.group_by("task", maintain_order=True).agg(
        chance=(guess * pl.col("_w")).sum() / pl.col("_w").sum(),
        always_one=(one.cast(pl.Float64) * pl.col("_w")).sum() / pl.col("_w").sum()
        if numbers
        else pl.lit(None, pl.Float64),
        items=pl.len().cast(pl.Int64),
        _all=pl.col("_w").sum(),
        _none=pl.lit(0.0) if numbers or "options" in items.columns else guess.null_count(),
    )
    base = base.with_columns(chance=pl.when(pl.col("_none") == 0).then(pl.col("chance")))
    for name, cells in (("majority", ["task"]), ("majority_per_length", ["task", "_n"])):
        best = (
            table.group_by(*cells, "answer")
            .agg(pl.col("_w").sum())
            .group_by(*cells)
            .agg(pl.col("_w").max())
            .group_by("task")
            .agg(pl.col("_w").sum().alias(name))
        )
        base = base.join(best, on="task", how="left", maintain_order="left").with_columns(
            pl.col(name) / pl.col("_all")
        )
    return base.select(*BASELINE_SCHEMA)


def by_property(rows: pl.DataFrame, properties: tuple[str, ...], level: float) -> pl.DataFrame:
    """Accuracy at each value of each property, with Wilson's interval.

    Properties with more than 12 values are cut at their twelfths (equal numbers of answers).

    Args:
        rows: Answers with `model`, `task`, `correct` (0/1) and the properties.
        properties: Their names; text is taken as it is.
        level: Of the interval.

    Returns:
        `model`, `task`, `property`, `value` (mean of the group; null for text), `label`, `n`,
        `accuracy`, `ci_low`, `ci_high`.
    """
    parts = []
    for name in properties:
        if name not in rows.columns or rows[name].null_count() == rows.height:
            continue
        table = rows.select("model", "task", "correct", _v=pl.col(name)).drop_nulls("_v")
        text = table["_v"].dtype == pl.String
        if not text and table["_v"].n_unique() > 12:
            # Distinct edges: a value that many rows share fills a group of its own.
            edges = np.unique(np.quantile(table["_v"].to_numpy(), np.linspace(0, 1, 13)))[1:-1]
            group = pl.Series("_g", np.searchsorted(edges, table["_v"].to_numpy(), side="right"))
            table = table.with_columns(group)
        else:
            table = table.with_columns(_g=pl.col("_v"))
        grouped = table.group_by("model", "task", "_g").agg(
            value=pl.lit(None, pl.Float64) if text else pl.col("_v").mean().cast(pl.Float64),
            label=pl.col("_v").first() if text else pl.col("_v").mean().round(2).cast(pl.String),
            n=pl.len().cast(pl.Int64),
            accuracy=pl.col("correct").mean().cast(pl.Float64),
        )
        parts.append(grouped.drop("_g").with_columns(property=pl.lit(name)))
    found = pl.concat(parts)
    low, high = wilson(found["accuracy"].to_numpy(), found["n"].to_numpy(), level)
    return (
        found.with_columns(ci_low=pl.Series(low), ci_high=pl.Series(high))
        .select("model", "task", "property", "value", "label", "n", "accuracy", "ci_low", "ci_high")
        .sort("model", "task", "property", "value", "label")
    )


def counting_bias(rows: pl.DataFrame) -> pl.DataFrame:
    """Mean and deviation of prediction − gold over wrong answers, for tasks with numbers.

    Returns:
        `model`, `task`, `n` (wrong answers that are numbers), `bias`, `deviation` (null below two
        answers), `too_low` and `too_high` (shares of the wrong answers). Differences beyond 1,000
        are left out and counted in `absurd`: one answer of a million digits is no bias.
    """
    schema = ["model", "task", "n", "bias", "deviation", "too_low", "too_high", "absurd"]
    if not rows["answer"].dtype.is_integer():
        return pl.DataFrame(schema=dict.fromkeys(schema[:2], pl.String) | dict.fromkeys(
            schema[2:], pl.Float64))  # fmt: skip
    difference = (pl.col("prediction").cast(pl.Float64) - pl.col("answer")).alias("_d")
    wrong = rows.filter((pl.col("correct") == 0) & pl.col("prediction").is_not_null()).with_columns(
        difference
    )
    near = pl.col("_d").filter(pl.col("_d").abs() <= 1000)
    return (
        wrong.group_by("model", "task")
        .agg(
            n=near.len().cast(pl.Int64),
            bias=near.mean(),
            deviation=near.std(),
            too_low=(near < 0).mean(),
            too_high=(near > 0).mean(),
            absurd=(pl.col("_d").abs() > 1000).sum().cast(pl.Int64),
        )
        .sort("model", "task")
    )


def error_overlap(right: dict[str, dict[str, np.ndarray[Any, Any]]]) -> pl.DataFrame:
    """Do models fail on the same items? Intersection over union, beside what chance would give.

    Args:
        right: Per task and model, correctness over the task's items (NaN: not answered).

    Returns:
        `task`, `model_a`, `model_b`, `n`, `iou` (errors of both over errors of either),
        `iou_chance` (were the errors independent at these rates), `kappa` (Cohen's, of being
        wrong); null where neither model errs.
    """
    rows = []
    for task, models in right.items():
        names = list(models)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                both = ~np.isnan(models[a]) & ~np.isnan(models[b])
                if not both.any():
                    continue
                wrong_a, wrong_b = models[a][both] == 0, models[b][both] == 0
                pa, pb = wrong_a.mean(), wrong_b.mean()
                shared, either = (wrong_a & wrong_b).mean(), (wrong_a | wrong_b).mean()
                agree, by_chance = 1 - either + shared, pa * pb + (1 - pa) * (1 - pb)
                rows.append(
                    {
                        "task": task, "model_a": a, "model_b": b, "n": int(both.sum()),
                        "iou": float(shared / either) if either else None,
                        "iou_chance": float(pa * pb / (pa + pb - pa * pb)) if either else None,
                        "kappa": float((agree - by_chance) / (1 - by_chance))
                        if by_chance < 1 else None,
                    }
                )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "task": pl.String, "model_a": pl.String, "model_b": pl.String, "n": pl.Int64,
            "iou": pl.Float64, "iou_chance": pl.Float64, "kappa": pl.Float64,
        },
    )  # fmt: skip


def calibration(rows: pl.DataFrame, bins: int = 10) -> pl.DataFrame:
    """Does the model know when it is right? For answers that come with a log-probability.

    Confidence is the probability of the answer's text, `exp(logprob)`.

    Returns:
        Per model and task: `n`, `confidence` (mean), `accuracy`, `ece` (expected calibration
        error over `bins` equal-width bins), `brier`, and `auroc` (a right answer is more
        confident than a wrong one; ties count half; null where all are right or all wrong).
        Empty where no answer has a log-probability.
    """
    names = ("n", "confidence", "accuracy", "ece", "brier", "auroc")
    found = []
    if "logprob" in rows.columns:
        known = rows.drop_nulls("logprob")
        for (model, task), part in known.group_by("model", "task", maintain_order=True):
            p = np.exp(np.minimum(part["logprob"].to_numpy(), 0.0))
            y = part["correct"].to_numpy().astype(float)
            place = np.minimum((p * bins).astype(int), bins - 1)
            size = np.bincount(place, minlength=bins)
            gap = np.abs(np.bincount(place, p - y, bins))
            found.append(
                (model, task, len(p), p.mean(), y.mean(), float(gap.sum() / size.sum()),
                 float(((p - y) ** 2).mean()), _auroc(p, y))
            )  # fmt: skip
    return pl.DataFrame(
        found,
        schema={"model": pl.String, "task": pl.String, "n": pl.Int64}
        | dict.fromkeys(names[1:], pl.Float64),
        orient="row",
    )


def _auroc(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float | None:
    right = int(y.sum())
    wrong = len(y) - right
    if not right or not wrong:
        return None
    ranks = pl.Series(p).rank("average").to_numpy()
    return float((ranks[y == 1].sum() - right * (right + 1) / 2) / (right * wrong))


def is_index_task(task: str) -> bool:
    """Whether the gold of a task is a position."""
    return task in INDEX_TASKS

"""`analyze`: from scored answers to what tokenization has to do with the errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.adjusted import (
    EFFECT_SCHEMA,
    RELIABILITIES,
    Data,
    Design,
    adjusted_effect,
    as_row,
    frequency_sensitivity,
    held_out_gain,
    marginal_only,
)
from workbench.character_tasks.analysis.correlations import correlations
from workbench.character_tasks.analysis.describe import (
    baselines,
    by_property,
    calibration,
    counting_bias,
    error_overlap,
)
from workbench.character_tasks.analysis.logistic import fit_logistic
from workbench.character_tasks.analysis.paired import compare_models, with_corrections
from workbench.character_tasks.analysis.power import (
    noise_correlation,
    smallest_difference,
    smallest_effect,
)
from workbench.character_tasks.analysis.properties import (
    PAPER_PROPERTIES,
    TOKEN_PROPERTIES,
    all_views,
    item_properties,
)
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import INDEX_TASKS
from workbench.character_tasks.scoring import accounting, accuracy

_ITEM_COLUMNS = ("question_idx", "question", "answer", "word", "character", "task")


@dataclass(frozen=True, eq=False)
class Analysis:
    """What `analyze` found; every attribute but `notes` and `parser` is a polars frame.

    Attributes:
        accounting: The six outcomes per model, task and parser, adding up to the items.
        accuracy: Per model, task and parser, with Wilson's interval, beside the baselines of the
            same items; `above_baseline` says whether the interval lies above the best of them.
        by_property: Accuracy at each value of each property, with intervals.
        correlations: The paper's, with intervals; tokens in the prompt and of the bare word.
        effects: Per model, task and token property the effect in points of accuracy per unit,
            `marginal` (no controls) and `adjusted`, with intervals, variance inflation and
            corrected p.
        log_loss: Held-out gain of the token terms, entered first and last.
        sensitivity: The adjusted effect for supposed reliabilities of the frequency.
        pairs: Model against model: McNemar, bootstrap by word, corrected p.
        overlap: Do models err on the same items?
        bias: Prediction minus gold over the wrong answers.
        calibration: Confidence against correctness, where log-probabilities exist.
        power: What this many items can show.
        properties: Per model and item: the properties.
        parser: Which parser's outcome counts as right in all but accounting and accuracy.
        notes: What a reader of the tables must know.
    """

    accounting: pl.DataFrame
    accuracy: pl.DataFrame
    by_property: pl.DataFrame
    correlations: pl.DataFrame
    effects: pl.DataFrame
    log_loss: pl.DataFrame
    sensitivity: pl.DataFrame
    pairs: pl.DataFrame
    overlap: pl.DataFrame
    bias: pl.DataFrame
    calibration: pl.DataFrame
    power: pl.DataFrame
    properties: pl.DataFrame
    parser: str
    notes: list[str] = field(default_factory=list)

    def frames(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: v for name, v in found.items() if isinstance(v, pl.DataFrame)}

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {frame.height}" for name, frame in self.frames().items())
        return f"Analysis(parser={self.parser!r}; rows: {sizes})"


def analyze(
    scored: pl.DataFrame,
    models: Mapping[str, Any] | None = None,
    *,
    parser: Literal["strict", "lenient"] = "strict",
    prompt: str | None = None,
    language: str | None = "en",
    log_frequency: str | None = None,
    length: Literal["smooth", "saturated"] = "smooth",
    level: float = 0.95,
) -> Analysis:
    """Say what each model's errors go with: the word, or its tokens, and how surely.

    Args:
        scored: From `score`.
        models: For each model its tokenizer, or (tokenizer, chat template); models without one
            are ranked, and have no token properties.
        parser: Whose outcomes count.
        prompt: The prompt that was sent, by name; None takes the column `prompt`, else the
            default of each task.
        language: Whose word frequencies to use (`wordfreq`); None uses none.
        log_frequency: A column of `scored` with log frequencies, used instead.
        length: Word length as a spline, or a level for each (`saturated`), which no jump
            between lengths can fool.
        level: Of all intervals.

    Returns:
        An `Analysis`.

    Raises:
        CharacterTaskError: If `scored` lacks columns or answers, or `models` names one that
            `scored` does not have.

    Example:
        >>> from workbench.character_tasks import build_items, score, wordfreq_words
        >>> from workbench.character_tasks.reference import always_one
        >>> from workbench.tokenizers import load_tokenizer
        >>> items = build_items(wordfreq_words("en", 20_000), per_cell=20)
        >>> scored = score(items, always_one(items))
        >>> analyze(scored, {"always one": load_tokenizer("bytes")}).accuracy.height
        8
    """
    models = dict(models or {})
    missing = [c for c in (*_ITEM_COLUMNS, "model", f"{parser}_outcome") if c not in scored.columns]
    if missing:
        raise CharacterTaskError(
            f"scored lacks the columns {', '.join(missing)}: give what score(items, answers) "
            "returns."
        )
    names = scored["model"].unique(maintain_order=True).to_list()
    strangers = [name for name in models if name not in names]
    if strangers:
        raise CharacterTaskError(
            f"There are no answers of {', '.join(map(repr, strangers))}. Models with answers: "
            f"{', '.join(map(repr, names))}."
        )
    keep = [c for c in ("prompt", "weight", log_frequency) if c and c in scored.columns]
    keep += [c for c in ("options",) if c in scored.columns]
    items = scored.unique("question_idx", keep="first", maintain_order=True).select(
        *_ITEM_COLUMNS, *keep
    )
    facts = item_properties(items, language=language, log_frequency=log_frequency)
    views = all_views(items, models, prompt)
    weights = [c for c in ("weight", "logprob") if c in scored.columns]
    slim = (
        scored.lazy()
        .filter(~pl.col(f"{parser}_outcome").is_in(["failed", "missing"]))
        .select(
            "question_idx", "model", "answer", *weights,
            correct=(pl.col(f"{parser}_outcome") == "correct").cast(pl.Int8),
            prediction=pl.col(parser),
        )
        .collect()
    )  # fmt: skip
    if slim.height == 0:
        raise CharacterTaskError("No item was answered: there is nothing to analyze.")
    rows = _join(slim, facts, views, names)
    right, words = _matrix(rows, items, names)
    effects, losses, sensitivity = _effects(rows, level, smooth=length == "smooth")
    tables = {
        "accounting": accounting(scored),
        "accuracy": _beside_baselines(accuracy(scored, level=level), baselines(items)),
        "by_property": by_property(rows, (*PAPER_PROPERTIES, "zipf", "case"), level),
        "correlations": correlations(rows, level),
        "effects": effects,
        "log_loss": losses,
        "sensitivity": sensitivity,
        "pairs": compare_models(right, words, level),
        "overlap": error_overlap(right),
        "bias": counting_bias(rows),
        "calibration": calibration(rows),
    }
    return Analysis(
        **tables,
        power=_power(tables["pairs"], effects, rows, level),
        properties=rows.drop("answer", "prediction", "correct"),
        parser=parser,
        notes=_notes(views, models, names, facts, effects),
    )


def _join(
    slim: pl.DataFrame, facts: pl.DataFrame, views: Mapping[str, Any], names: list[str]
) -> pl.DataFrame:
    parts = []
    by_model = slim.partition_by("model", as_dict=True, maintain_order=True)
    for name in names:
        part = by_model.get((name,))
        if part is None:
            continue
        part = part.join(facts, on="question_idx", how="left", maintain_order="left")
        if name in views:
            part = part.join(
                views[name].table, on="question_idx", how="left", maintain_order="left"
            )
        parts.append(part)
    return pl.concat(parts, how="diagonal")


def _matrix(
    rows: pl.DataFrame, items: pl.DataFrame, names: list[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Correctness per task and model over the task's items, NaN where there is no answer."""
    right: dict[str, dict[str, Any]] = {}
    words: dict[str, Any] = {}
    answers = rows.select("question_idx", "model", "correct").partition_by("model", as_dict=True)
    for (task,), part in items.group_by("task", maintain_order=True):
        index = part.select("question_idx")
        right[str(task)] = {
            name: index.join(answers[(name,)], on="question_idx", how="left",
                             maintain_order="left")["correct"].cast(pl.Float64).fill_null(
                                 float("nan")).to_numpy()
            for name in names if (name,) in answers
        }  # fmt: skip
        repeated = part["word"].n_unique() < part.height
        words[str(task)] = part["word"].rank("dense").to_numpy() if repeated else None
    return right, words


def _effects(
    rows: pl.DataFrame, level: float, *, smooth: bool
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    effects: list[dict[str, Any]] = []
    losses: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    known = "nt" in rows.columns
    pairs = rows.select("task", "model").unique(maintain_order=True) if known else rows.clear()
    # Task by task, so that only one task's designs are held at a time.
    designs: dict[int, Design] = {}
    before = None
    for task, model in pairs.select("task", "model").sort("task", maintain_order=True).iter_rows():
        if task != before:
            designs, before = {}, task
        mine = (pl.col("task") == task) & (pl.col("model") == model) & pl.col("nt").is_not_null()
        part = rows.filter(mine)
        if part.height == 0:
            continue
        data = to_data(part, smooth=smooth)
        key = hash(part["question_idx"].to_numpy().tobytes())
        if key not in designs:
            designs[key] = Design(data)
        design = designs[key]
        fit = fit_logistic(design.base, data.y, weights=data.weights, covariance=False)
        start = fit.beta if fit.converged else None
        used = [p for p in TOKEN_PROPERTIES if p != "ttl" or task in INDEX_TASKS]
        who = {"model": model, "task": task}
        for name in used:
            token = part[name].to_numpy().astype(float)
            about = who | {"property": name}
            alone = marginal_only(data, token, level)
            effects.append(about | {"kind": "marginal"} | as_row(alone) | {"vif": None})
            effect = adjusted_effect(data, token, level, design.base, start)
            effects.append(about | {"kind": "adjusted"} | as_row(effect))
            if effect.beta is None or not np.isfinite(data.frequency).all():
                continue
            rest = tuple(r for r in RELIABILITIES if r < 1)
            more = frequency_sensitivity(data, token, rest, design=design, start=start)
            for reliability, changed in [(1.0, effect), *more]:
                moved.append(about | {"reliability": reliability} | as_row(changed))
        terms = np.column_stack([part[p].to_numpy().astype(float) for p in used if p != "cr"])
        gain = held_out_gain(data, terms, level, design.base)
        if gain is not None:
            losses.append(who | {"terms": " + ".join(p for p in used if p != "cr")} | vars(gain))
    keys = {"model": pl.String, "task": pl.String}
    table = pl.DataFrame(
        effects, schema=keys | {"property": pl.String, "kind": pl.String} | EFFECT_SCHEMA
    )
    # A family of tests: all adjusted effects; the marginal ones are another.
    parts = [with_corrections(part) for part in table.partition_by("kind", maintain_order=True)]
    table = pl.concat(parts) if parts else with_corrections(table)
    gains = ("first", "first_low", "first_high", "last", "last_low", "last_high")
    return (
        table,
        pl.DataFrame(losses, schema=keys | {"terms": pl.String} | dict.fromkeys(gains, pl.Float64)
                     | {"folds": pl.Int64}),
        pl.DataFrame(moved, schema=keys | {"property": pl.String, "reliability": pl.Float64}
                     | EFFECT_SCHEMA),
    )  # fmt: skip


def to_data(part: pl.DataFrame, *, smooth: bool = True) -> Data:
    """One task and model's rows as the arrays that `adjusted_effect` takes."""

    def floats(name: str) -> Any:
        return part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    repeated = part["word"].n_unique() < part.height
    return Data(
        y=floats("correct"),
        length=floats("wl"),
        gold=floats("gt"),
        frequency=floats("zipf"),
        case=part["case"].rank("dense").cast(pl.Int64).to_numpy(),
        absent=part["zipf_absent"].cast(pl.Float64).to_numpy(),
        clusters=part["word"].rank("dense").cast(pl.Int64).to_numpy() if repeated else None,
        weights=floats("weight") if "weight" in part.columns else None,
        smooth_length=smooth,
    )


def _beside_baselines(table: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
    best = pl.max_horizontal("chance", "always_one", "majority", "majority_per_length")
    return (
        table.join(base.drop("items"), on="task", how="left", maintain_order="left")
        .with_columns(best_baseline=best)
        .with_columns(above_baseline=pl.col("ci_low") > pl.col("best_baseline"))
    )


def _power(
    pairs: pl.DataFrame, effects: pl.DataFrame, rows: pl.DataFrame, level: float
) -> pl.DataFrame:
    found: list[tuple[str, str, str, int, float | None, str]] = []
    sizes = rows.group_by("model", "task", maintain_order=True).len()
    for model, task, n in sizes.iter_rows():
        found.append((task, model, "correlation", n, noise_correlation(n, level), "r"))
    for row in pairs.iter_rows(named=True):
        share = (row["only_a"] + row["only_b"]) / row["n"]
        smallest = smallest_difference(row["n"], share, level=level) if share else None
        who = f"{row['model_a']} − {row['model_b']}"
        found.append((row["task"], who, "difference", row["n"], smallest, "points"))
    from scipy.special import ndtri

    for row in effects.filter(pl.col("kind") == "adjusted").iter_rows(named=True):
        if row["points"] is None:
            continue
        error = (row["points_high"] - row["points_low"]) / (2 * float(ndtri(0.5 + level / 2)))
        found.append(
            (row["task"], row["model"], f"effect of {row['property']}", row["n"],
             smallest_effect(error, level=level), "points per unit")
        )  # fmt: skip
    return pl.DataFrame(
        found,
        schema={"task": pl.String, "of": pl.String, "question": pl.String, "n": pl.Int64,
                "smallest": pl.Float64, "unit": pl.String},
        orient="row",
    ).with_columns(pl.col("smallest").fill_nan(None))  # fmt: skip


def _notes(
    views: Mapping[str, Any],
    models: Mapping[str, Any],
    names: list[str],
    facts: pl.DataFrame,
    effects: pl.DataFrame,
) -> list[str]:
    notes = []
    for name, view in views.items():
        if view.bare:
            notes.append(f"{name}: it is given the word alone, and the question not as text.")
            continue
        share = view.table["cut_differs"].mean()
        how = (
            f"all {view.prompts:,} prompts were cut whole"
            if view.whole
            else f"words were cut with their neighbours, as {view.checked:,} whole prompts confirm"
        )
        notes.append(f"{name}: the prompt changes the cut of {100 * share:.1f}% of words; {how}.")
    without = [name for name in names if name not in models]
    if without:
        notes.append(f"No tokenizer was given for {', '.join(without)}: no token effects.")
    absent = facts["zipf_absent"].sum()
    if absent:
        notes.append(f"{absent:,} of {facts.height:,} words are not in the frequency list.")
    refused = effects.filter((pl.col("kind") == "adjusted") & (pl.col("note") != ""))
    if refused.height:
        reasons = refused["note"].unique().sort().to_list()
        notes.append(f"{refused.height} adjusted effects have no estimate: {'; '.join(reasons)}.")
    return notes

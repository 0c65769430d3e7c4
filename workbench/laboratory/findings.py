"""What the laboratory's models show: accuracy by arm, by length of token, and what splits do.

Models of one arm differ by seed alone, so a number is a mean over seeds with Student's t interval.
Comparisons are paired by seed (the same words and questions in the same order) and by item. A test
word counts as known where every token of it stands in at least 20 training words, under every
vocabulary: only there is a model's ignorance about the token and not about an untrained vector.
The rest is reported apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.properties import ModelView
from workbench.character_tasks.items import INDEX_TASKS, build_items
from workbench.character_tasks.reference import majority_per_length
from workbench.character_tasks.scoring import score
from workbench.character_tasks.wordlists import zipf_frequencies
from workbench.laboratory.design import ARMS, LEAST_SEEN, TASKS, get_arm, halves
from workbench.laboratory.models import Reader, answers, learning_curves, load_models
from workbench.laboratory.reading import Ids, rarest, sightings, vocabulary, word_ids
from workbench.studies.verdicts import Estimate, summary_over_seeds, verdict_frame, verdict_row

PAPER = "Sims, Foerster and Foster 2025"
HERE = "this laboratory"

KNOWN, RARE = "known", "rare token"
BASE = "bpe-4k"


def unseen_items(per_cell: int = 50, seed: int = 7) -> pl.DataFrame:
    """CharBench's items about words of the test half, which no model was trained on.

    Args:
        per_cell: Items per task and word length (7 lengths, 4 tasks).
        seed: Of the draw.

    Example:
        >>> unseen_items(1).height
        28
    """
    return build_items(halves().test, None, per_cell, seed)


@lru_cache(maxsize=4)
def _seen(name: str, folder: Path | None) -> Ids:
    tok = vocabulary(name, folder)
    return sightings(word_ids(halves().train, tok), int(tok.vocab_size or 0))


def least_seen(words: Sequence[str], name: str, folder: Path | None = None) -> Ids:
    """In how many training words the rarest token of each word stands.

    Args:
        words: Bare words.
        name: A vocabulary.
        folder: Where it lies; by default the shipped one.
    """
    return rarest(word_ids(words, vocabulary(name, folder)), _seen(name, folder))


def ask_all(items: pl.DataFrame, models: Sequence[Reader] | None = None) -> pl.DataFrame:
    """Every model's answer to every item, scored, with what is needed to compare arms.

    Args:
        items: From `unseen_items`.
        models: By default all that are shipped.

    Returns:
        What `score` returns, and `arm`, `seed`, `correct` (0 or 1), `least_seen` (training words
        with the word's rarest token, under the arm's vocabulary) and `kind`: `known` or
        `rare token`, by all vocabularies there are.
    """
    models = list(models or load_models())
    scored = score(items, answers(items, models))
    who = pl.DataFrame(
        {
            "model": [m.name for m in models],
            "arm": [m.arm for m in models],
            "seed": [m.seed for m in models],
            "vocabulary": [m.about["vocabulary"] for m in models],
        }
    )
    words = items["word"].unique(maintain_order=True)
    folders = {m.about["vocabulary"]: m.path.parent for m in models}
    known = pl.concat(
        pl.DataFrame(
            {
                "word": words,
                "vocabulary": [name] * len(words),
                "least_seen": least_seen(words.to_list(), name, folder),
            }
        )
        for name, folder in folders.items()
    )
    kinds = known.group_by("word").agg(
        kind=pl.when(pl.col("least_seen").min() >= LEAST_SEEN)
        .then(pl.lit(KNOWN))
        .otherwise(pl.lit(RARE))
    )
    return (
        scored.join(who, on="model", how="left", maintain_order="left")
        .join(known, on=["word", "vocabulary"], how="left", maintain_order="left")
        .join(kinds, on="word", how="left", maintain_order="left")
        .with_columns(correct=(pl.col("lenient_outcome") == "correct").cast(pl.Float64))
    )


def _percent(table: pl.DataFrame) -> pl.DataFrame:
    """Intervals of shares end where shares do; Student's t does not know that."""
    return table.with_columns(pl.col("ci_low", "ci_high").clip(0, 100))


def accuracy_by_arm(asked: pl.DataFrame) -> pl.DataFrame:
    """Accuracy of each arm on each task.

    Args:
        asked: From `ask_all`.

    Returns:
        `arm, task, kind, value, ci_low, ci_high, seeds, items, baseline`: percent right; the
        baseline is the commonest answer of each task and word length, on the same items.
    """
    items = asked.unique("question_idx", keep="first", maintain_order=True)
    guesses = score(items.select("question_idx", "question", "answer", "word", "character", "task"),
                    majority_per_length(items))  # fmt: skip
    base = (
        guesses.with_columns(kind=items["kind"])
        .group_by("task", "kind")
        .agg(baseline=100 * (pl.col("strict_outcome") == "correct").mean(), items=pl.len())
    )
    per_seed = asked.group_by("arm", "task", "kind", "seed", maintain_order=True).agg(
        value=100 * pl.col("correct").mean()
    )
    return _percent(summary_over_seeds(per_seed, ["arm", "task", "kind"], "value")).join(
        base, on=["task", "kind"], how="left", maintain_order="left"
    )


def against(asked: pl.DataFrame, base: str = BASE, kind: str | None = KNOWN) -> pl.DataFrame:
    """Every arm less one of them, paired by seed and item.

    Args:
        asked: From `ask_all`.
        base: The arm to compare with.
        kind: `known`, `rare token`, or None for all words.

    Returns:
        `arm, task, value, ci_low, ci_high, seeds`: points of accuracy; `task` is `all` for the
        mean of the four.

    Raises:
        ValueError: If no model of `base` answered.
    """
    part = asked if kind is None else asked.filter(pl.col("kind") == kind)
    own = part.filter(pl.col("arm") == base).select("question_idx", "seed", base="correct")
    if own.is_empty():
        raise ValueError(f"No answers of the arm {base!r} to compare with.")
    both = part.filter(pl.col("arm") != base).join(own, on=["question_idx", "seed"])
    gap = (100 * (pl.col("correct") - pl.col("base"))).mean()
    by_task = both.group_by("arm", "task", "seed", maintain_order=True).agg(value=gap)
    overall = by_task.group_by("arm", "seed", maintain_order=True).agg(pl.col("value").mean())
    overall = overall.select("arm", pl.lit("all").alias("task"), "seed", "value")
    return summary_over_seeds(pl.concat([by_task, overall]), ["arm", "task"], "value")


def by_token_length(asked: pl.DataFrame, arms: Sequence[str] = ("bpe-1k", BASE)) -> pl.DataFrame:
    """Accuracy where a letter is to be found, by the length of the token that holds it.

    Args:
        asked: From `ask_all`.
        arms: Arms that have tokens; each is shown beside `characters` on the very same items.

    Returns:
        `arm, cut_as, ttl, value, ci_low, ci_high, seeds, items`: percent right on known words,
        both index tasks together; `cut_as` says whose tokens `ttl` counts letters of.
    """
    part = asked.filter(pl.col("task").is_in(INDEX_TASKS) & (pl.col("kind") == KNOWN))
    there = set(part["arm"].unique())
    rows = []
    for arm in (arm for arm in arms if arm in there):
        lengths = _target_lengths(part, arm)
        pair = [arm, *(["characters"] if "characters" in there else [])]
        seen = part.filter(pl.col("arm").is_in(pair)).join(lengths, on="question_idx")
        per_seed = seen.group_by("arm", "ttl", "seed").agg(
            value=100 * pl.col("correct").mean(), items=pl.len()
        )
        sizes = per_seed.group_by("ttl").agg(pl.col("items").first())
        found = _percent(
            summary_over_seeds(per_seed.sort("arm", "ttl", "seed"), ["arm", "ttl"], "value")
        )
        rows.append(found.join(sizes, on="ttl").with_columns(cut_as=pl.lit(arm)))
    order = ["arm", "cut_as", "ttl", "value", "ci_low", "ci_high", "seeds", "items"]
    return pl.concat(rows).select(order).sort("cut_as", "arm", "ttl")


def _target_lengths(asked: pl.DataFrame, arm: str) -> pl.DataFrame:
    from workbench.character_tasks.analysis.properties import token_properties

    items = asked.unique("question_idx", keep="first", maintain_order=True)
    name = get_arm(arm).vocabulary
    view = ModelView(vocabulary(name), bare=True)
    return token_properties(items, view).table.select("question_idx", "ttl")


def hiding(asked: pl.DataFrame, arm: str = BASE) -> pl.DataFrame:
    """What one letter more in the token costs where a letter of it is to be found.

    Each seed's model is fitted by itself, and the interval is over seeds. Being right (100 or 0) is
    regressed on the letters of the token: alone (marginal), and beside word length, right answer
    (each a set of indicators: on these tasks it is the position) and log frequency (adjusted). It
    is linear and not logistic because these models are right so often that a logistic fit, as
    `analyze` has it, would find no estimate; a slope near 0 is in points either way.

    Args:
        asked: From `ask_all`.
        arm: An arm that has tokens.

    Returns:
        `arm, task, kind, value, ci_low, ci_high, seeds, errors, items`: points of accuracy per
        letter, on known words; `errors` of all seeds' answers that were wrong.
    """
    part = asked.filter(
        (pl.col("arm") == arm) & (pl.col("kind") == KNOWN) & pl.col("task").is_in(INDEX_TASKS)
    )
    part = part.join(_target_lengths(part, arm), on="question_idx", maintain_order="left").join(
        zipf_frequencies(part["word"]), on="word", how="left", maintain_order="left"
    )
    rows = []
    for (task, seed), table in part.group_by("task", "seed", maintain_order=True):
        right = 100 * table["correct"].to_numpy()
        alone = table.select(one=pl.lit(1.0), letters=pl.col("ttl").cast(pl.Float64))
        held = table.select(
            pl.col("zipf").fill_null(0.0), pl.col("word").str.len_chars().alias("length"), "answer"
        ).to_dummies(["length", "answer"], drop_first=True)
        sides = {"marginal": alone, "adjusted": alone.hstack(held)}
        for kind, side in sides.items():
            slopes = np.linalg.lstsq(side.cast(pl.Float64).to_numpy(), right, rcond=None)[0]
            rows.append((arm, task, kind, seed, float(slopes[1])))
    columns = ["arm", "task", "kind", "seed", "value"]
    found = summary_over_seeds(
        pl.DataFrame(rows, schema=columns, orient="row"), columns[:3], "value"
    )
    counts = part.group_by("task").agg(
        errors=(1 - pl.col("correct")).sum().cast(pl.Int64), items=pl.col("question_idx").n_unique()
    )
    return found.join(counts, on="task", how="left", maintain_order="left")


def curves_by_arm(curves: pl.DataFrame | None = None, words_per_step: int = 256) -> pl.DataFrame:
    """How accuracy rose in training, the mean of the four tasks.

    Args:
        curves: From `learning_curves`; by default the shipped ones.
        words_per_step: Of the recipe.

    Returns:
        `arm, step, words` (thousands read, the same word counting each time), `value, ci_low,
        ci_high` (percent right on words not trained on, at a constant learning rate: the fall of
        the rate at the end is left out), `seeds`. Steps that a seed's model did not reach, since
        its plateau came first, have fewer seeds.
    """
    looks = _looks(curves).filter(pl.col("phase") == "plateau")
    looks = looks.with_columns(pl.col("value") * 100).sort("arm", "step", "seed")
    return _percent(summary_over_seeds(looks, ["arm", "step"], "value")).select(
        "arm", "step", (pl.col("step") * words_per_step / 1000).alias("words"), "value",
        "ci_low", "ci_high", "seeds",
    )  # fmt: skip


def _looks(curves: pl.DataFrame | None) -> pl.DataFrame:
    """One row per reader and look: `arm, seed, step, phase, value` (mean of the four tasks)."""
    curves = learning_curves() if curves is None else curves
    return (
        curves.filter(pl.col("task").is_in(TASKS))
        .group_by("model", "step", "phase", maintain_order=True)
        .agg(pl.col("value").mean())
        .with_columns(
            arm=pl.col("model").str.replace(r"-\d+$", ""),
            seed=pl.col("model").str.extract(r"-(\d+)$").cast(pl.Int64),
        )
    )


def words_needed(
    goal: float = 0.9, curves: pl.DataFrame | None = None, words_per_step: int = 256
) -> pl.DataFrame:
    """How much had to be read until the mean of the four accuracies reached a goal.

    Args:
        goal: Share right, on words that are not trained on.
        curves: From `learning_curves`; by default the shipped ones.
        words_per_step: Of the recipe.

    Returns:
        `arm, value, ci_low, ci_high, seeds, of`: thousands of words read (the same word counts
        each time), at the first look that reached the goal; `of` counts the seeds there are.
        Arms that never reached it are absent.
    """
    looks = _looks(curves)
    of = looks.group_by("arm").agg(of=pl.col("seed").n_unique())
    first = (
        looks.filter(pl.col("value") >= goal)
        .group_by("arm", "seed", maintain_order=True)
        .agg(value=pl.col("step").min() * words_per_step / 1000)
    )
    return summary_over_seeds(first, ["arm"], "value").join(
        of, on="arm", how="left", maintain_order="left"
    )


def verdict(asked: pl.DataFrame) -> pl.DataFrame:
    """The laboratory's two questions, and what tokens cost, in numbers.

    Args:
        asked: From `ask_all`.

    Returns:
        The rows of a verdict (`claim, paper, measure, value, ci_low, ci_high, verdict`).
    """
    gaps = against(asked).filter(pl.col("task") == "all")
    cost = gaps.filter(pl.col("arm") == "characters").with_columns(
        value=-pl.col("value"), ci_low=-pl.col("ci_high"), ci_high=-pl.col("ci_low")
    )
    hidden = hiding(asked).filter(pl.col("kind") == "adjusted")
    splits = {arm.name: arm.split for arm in ARMS if arm.split}
    gains = pl.concat(gaps.filter(pl.col("arm") == name) for name in splits)
    known = "known words, mean of four tasks"
    gains = gains.with_columns(p=pl.col("arm").replace_strict(splits, return_dtype=pl.Float64))
    return verdict_frame(
        [
            *_judged(
                cost,
                "Tokens cost accuracy on questions about letters, even when training is over",
                HERE,
                f"points of accuracy, {BASE} less characters, {known}",
                ("they do", "they do not: tokens are better"),
            ),
            *_judged(
                hidden,
                "A longer token hides the position of its letters",
                HERE,
                f"points of accuracy per letter, {{task}}, {BASE}, all else equal",
                ("it does", "it does not: longer is better"),
            ),
            *_judged(
                gains,
                "Stochastic splits raise accuracy on questions about letters",
                PAPER,
                f"points of accuracy, p = {{p:g}} less none, {known}, rule per_token",
                ("they lower it", "they raise it"),
            ),
        ]
    )


def _judged(
    table: pl.DataFrame, claim: str, paper: str, measure: str, sides: tuple[str, str]
) -> Iterator[dict[str, Any]]:
    """A verdict for each row of a table: what is said below 0, and above it."""
    for row in table.iter_rows(named=True):
        found = Estimate(row["value"], row["ci_low"], row["ci_high"], row["seeds"])
        yield verdict_row(claim, paper, measure.format(**row), found, found.side(0, *sides))


def in_words(asked: pl.DataFrame, curves: pl.DataFrame | None = None) -> list[str]:
    """What the laboratory shows, in sentences.

    Args:
        asked: From `ask_all`.
        curves: From `learning_curves`; by default the shipped ones.

    Returns:
        How much each arm had to read, who is right how often in the end, and the verdicts.
    """
    goal = 0.9
    needed = words_needed(goal, curves).sort("value")
    said = [
        f"{row['arm']} {row['value']:,.0f}" + ("" if row["seeds"] == row["of"] else " (not all)")
        for row in needed.iter_rows(named=True)
    ]
    lines = [f"Thousands of words read until {goal:.0%} of answers are right: {', '.join(said)}."]
    known = accuracy_by_arm(asked).filter(kind=KNOWN)
    ends = known.group_by("arm", maintain_order=True).agg(pl.col("value", "baseline").mean())
    said = [f"{arm} {value:.2f}%" for arm, value in ends.select("arm", "value").iter_rows()]
    lines.append(
        f"Right in the end, mean of the four tasks, words of known tokens: {', '.join(said)}; "
        f"always the commonest answer {ends['baseline'][0]:.0f}%."
    )
    for row in verdict(asked).iter_rows(named=True):
        bounds = "" if row["ci_low"] is None else f" [{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
        lines.append(
            f"{row['claim']}: {row['verdict']}. {row['value']:+.2f}{bounds} {row['measure']}."
        )
    return lines

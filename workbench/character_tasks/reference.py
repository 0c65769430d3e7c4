"""Answerers that need no network: what a guess, a habit, and a look at token lengths are worth.

They are rows of any ranking: a model that does not beat them has shown nothing about spelling.
Each gives a frame of answers as a model would (`question_idx`, `model`, `response`).
"""

from typing import TYPE_CHECKING

import polars as pl

from workbench.character_tasks.draw import Stream

if TYPE_CHECKING:
    from workbench.tokenizers import Tokenizer

_FOLDS = 5


def always_one(items: pl.DataFrame) -> pl.DataFrame:
    """The answer "1", whatever is asked: 74 to 78% of CharBench's counts, by word list."""
    return _answers(items, pl.lit("1"), "always one")


def majority(items: pl.DataFrame) -> pl.DataFrame:
    """The commonest right answer of each task, learned on the other four fifths of the set."""
    return _cross_fitted(items, ["task"], "majority")


def majority_per_length(items: pl.DataFrame) -> pl.DataFrame:
    """The commonest right answer of each task and word length, from the other four fifths."""
    return _cross_fitted(items, ["task", "_length"], "majority per length")


def token_lengths_only(items: pl.DataFrame, tokenizer: "Tokenizer") -> pl.DataFrame:
    """The best one can do who sees how long the word's tokens are, and not one letter.

    For each task and each sequence of token lengths (in bytes, bare word) the commonest right
    answer among the other four fifths; where a sequence is new, that of the word length. That is
    more than the word length, and what a model knows for free from the number of tokens.
    """
    words = items["word"].unique(maintain_order=True)
    cuts = [
        "-".join(str(len(tokenizer.token_bytes(i))) for i in ids)
        for ids in tokenizer.encode_batch(words.to_list())
    ]
    shapes = pl.DataFrame({"word": words, "_shape": cuts})
    return _cross_fitted(
        items.join(shapes, on="word", how="left", maintain_order="left"),
        ["task", "_shape"],
        f"token lengths ({tokenizer.name})",
        fallback=["task", "_length"],
    )


def number_of_tokens_only(items: pl.DataFrame, tokenizer: "Tokenizer") -> pl.DataFrame:
    """The commonest right answer for each task and number of tokens, from the other four fifths."""
    words = items["word"].unique(maintain_order=True)
    counts = [len(ids) for ids in tokenizer.encode_batch(words.to_list())]
    table = pl.DataFrame({"word": words, "_tokens": counts})
    return _cross_fitted(
        items.join(table, on="word", how="left", maintain_order="left"),
        ["task", "_tokens"],
        f"number of tokens ({tokenizer.name})",
    )


def reference_answers(items: pl.DataFrame, tokenizer: "Tokenizer | None" = None) -> pl.DataFrame:
    """Every reference answerer at once.

    Args:
        items: A set with whole-number answers, or with words (`always one` is then left out).
        tokenizer: Adds the two answerers that look at tokens.

    Returns:
        Columns `question_idx`, `model`, `response`.

    Example:
        >>> from workbench.character_tasks.items import build_items
        >>> items = build_items(["abca", "bcdd"], ["count_unique_chars"], 2, lengths=[4])
        >>> reference_answers(items)["model"].unique().sort().to_list()
        ['always one', 'majority', 'majority per length']
    """
    parts = [majority(items), majority_per_length(items)]
    if items["answer"].dtype.is_integer():
        parts.insert(0, always_one(items))
    if tokenizer is not None:
        parts += [number_of_tokens_only(items, tokenizer), token_lengths_only(items, tokenizer)]
    return pl.concat(parts)


def _answers(items: pl.DataFrame, response: pl.Expr, name: str) -> pl.DataFrame:
    return items.select(
        "question_idx", model=pl.lit(name), response=response.cast(pl.String).fill_null("")
    )


def _cross_fitted(
    items: pl.DataFrame, cells: list[str], name: str, fallback: list[str] | None = None
) -> pl.DataFrame:
    # Folds go by word, so that no answer is learned from the same word under another prompt.
    words = items.select("word").unique(maintain_order=True).sort("word")
    folds = Stream(7, "folds", name).below(_FOLDS, words.height)
    table = items.join(words.with_columns(_fold=pl.Series(folds)), on="word", how="left",
                       maintain_order="left")  # fmt: skip
    table = table.with_columns(_length=pl.col("word").str.len_chars())
    best = _guess(table, cells)
    for level in ([] if fallback is None else [fallback]) + [["task"]]:
        if best.null_count():
            best = pl.select(pl.coalesce(best, _guess(table, level))).to_series()
    return _answers(items.with_columns(_best=best), pl.col("_best"), name)


def _guess(table: pl.DataFrame, cells: list[str]) -> pl.Series:
    """The commonest answer of the cell outside the row's own fold; ties go to the smallest."""
    counts = table.group_by(*cells, "answer").len("_n")
    own = table.group_by(*cells, "answer", "_fold").len("_own")
    folds = pl.DataFrame({"_fold": pl.Series(range(_FOLDS), dtype=pl.Int64)})
    rest = (
        counts.join(folds, how="cross")
        .join(own, on=[*cells, "answer", "_fold"], how="left")
        .with_columns(
            _rest=pl.col("_n").cast(pl.Int64) - pl.col("_own").fill_null(0).cast(pl.Int64)
        )
        .filter(pl.col("_rest") > 0)
        .sort("_rest", "answer", descending=[True, False])
        .group_by(*cells, "_fold", maintain_order=True)
        .agg(_best=pl.col("answer").first())
    )
    joined = table.join(rest, on=[*cells, "_fold"], how="left", maintain_order="left")
    return joined["_best"]

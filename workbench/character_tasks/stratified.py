"""Items chosen so that effects can be told apart, with weights back to the plain population.

In a plain sample long words have many tokens and rare words too, so that one hardly sees few
tokens in a long rare word. Here every cell of word length × tokens × token length × frequency gets
as equal a share as its supply allows. The weights bring accuracies back to CharBench's population:
every task and word length alike, words uniform within a length.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.cuts import Cuts, WordSpans, cut_words
from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import (
    CHARBENCH_TASKS,
    INDEX_TASKS,
    LENGTHS,
    UNIQUE,
    assemble,
    check_tasks,
    encode_words,
    golds,
    group_by_length,
)
from workbench.character_tasks.wordlists import zipf_frequencies
from workbench.tokenizers import Tokenizer

_CELL = ("length", "tokens", "token_length", "frequency")


def build_stratified(
    words: Iterable[str],
    tokenizer: Tokenizer,
    tasks: Sequence[str] | None = None,
    per_task: int = 2000,
    seed: int = 7,
    *,
    lengths: Sequence[int] = LENGTHS,
    language: str = "en",
    frequency_levels: int = 3,
) -> pl.DataFrame:
    """CharBench's tasks over a sample stratified by what the analysis holds fixed.

    Args:
        words: Distinct strings; the population.
        tokenizer: Whose tokens (of the bare word) define the strata: their number (4 and more
            are one level), and the length of the token that holds the gold position (index
            tasks) or of the longest token (the others), 4 and more being one level.
        tasks: Names from `CHARBENCH_TASKS`; None takes all four.
        per_task: Items per task; fewer where the words run out.
        seed: Any integer.
        lengths: Word lengths, in characters.
        language: Whose `wordfreq` list gives frequencies.
        frequency_levels: Equal parts of the list by frequency, words it lacks lowest.

    Returns:
        CharBench's columns, then `weight` (mean 1 within a task; population share over sample
        share) and the stratum: `length`, `tokens`, `token_length`, `frequency`.

    Raises:
        CharacterTaskError: If a task is unknown or a length has no words for each task.
    """
    chosen = check_tasks(tasks, CHARBENCH_TASKS)
    groups = group_by_length(words, lengths)
    few = [n for n in lengths if len(groups.get(n, [])) < len(chosen)]
    if few:
        raise CharacterTaskError(
            f"Words of length {', '.join(map(str, few))} are fewer than the {len(chosen)} tasks: "
            "give more words or other lengths."
        )
    pool = [word for n in lengths for word in groups[n]]
    zipf = zipf_frequencies(pool, language)
    level = zipf.with_columns(
        frequency=(
            (pl.col("zipf").fill_null(-1.0).rank("ordinal") - 1) * frequency_levels // pl.len()
        ).cast(pl.Int64)
    ).drop("zipf")
    parts = {}
    for k, task in enumerate(chosen):
        frames = []
        for n in lengths:
            order = Stream(seed, "stratified words", n).permutation(len(groups[n]))
            mine = sorted(order[k :: len(chosen)].tolist())
            frames.append(_candidates([groups[n][i] for i in mine], task, n, tokenizer, seed))
        candidates = pl.concat(frames).join(level, on="word", how="left", maintain_order="left")
        parts[task] = _draw(candidates, per_task, Stream(seed, "strata", task))
    return assemble(parts)


def _candidates(
    words: list[str], task: str, n: int, tokenizer: Tokenizer, seed: int
) -> pl.DataFrame:
    codes, alphabet = encode_words(words)
    count = len(words)
    at = Stream(seed, "stratified letter", task, n).below(np.full(count, n, dtype=np.int64))
    gold = golds(task, codes, at)
    cuts = cut_words(tokenizer, WordSpans(words, words, np.zeros(count, np.int64), gold))
    longest = cuts.target if task in INDEX_TASKS else _longest_token(words, cuts)
    letters = pl.Series(alphabet).gather(codes[np.arange(count), at])
    return pl.DataFrame(
        {
            "answer": gold, "word": words, "character": None if task == UNIQUE else letters,
            "length": n, "tokens": np.minimum(cuts.tokens, 4),
            "token_length": np.minimum(longest, 4),
        },
        schema_overrides={"character": pl.String, "length": pl.Int64},
    )  # fmt: skip


def _longest_token(words: list[str], cuts: Cuts) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Bytes of the longest token of each word, from its inner boundaries."""
    size = pl.Series(words).str.len_bytes().cast(pl.Int64).to_numpy()
    run = np.ones(len(words), np.int64)
    longest = run.copy()
    for k in range(1, min(int(size.max(initial=1)), 64)):
        cut = (cuts.inner >> np.uint64(k)) & np.uint64(1)
        run = np.where(cut == 1, 1, run + 1)
        longest = np.where(k < size, np.maximum(longest, run), longest)
    return longest


def _draw(candidates: pl.DataFrame, n: int, stream: Stream) -> pl.DataFrame:
    keyed = candidates.with_columns(_key=pl.Series(stream.permutation(candidates.height)))
    cells = keyed.group_by(*_CELL).len("_supply").sort(*_CELL)
    cells = cells.with_columns(_take=pl.Series(_equal_shares(cells["_supply"].to_numpy(), n)))
    kept = (
        keyed.sort(*_CELL, "_key")
        .with_columns(_place=pl.int_range(pl.len()).over(*_CELL))
        .join(cells, on=list(_CELL), how="left", maintain_order="left")
        .filter(pl.col("_place") < pl.col("_take"))
    )
    # Each word length counts alike in the population, as in CharBench.
    sizes = candidates.group_by("length").len("_of_length")
    kept = kept.join(sizes, on="length", how="left", maintain_order="left").with_columns(
        weight=pl.col("_supply") / pl.col("_of_length") / pl.col("_take")
    )
    # A stratum of which nothing could be taken is missing from the population that is
    # represented; equal shares take at least one of each while n allows.
    return kept.with_columns(weight=pl.col("weight") / pl.col("weight").mean()).select(
        "answer", "word", "character", "weight", *_CELL
    )


def _equal_shares(supply: "np.ndarray[tuple[int], np.dtype[np.int64]]", n: int) -> list[int]:
    """As equal as supply allows, `n` in all: the level rises until `n` are taken.

    Example:
        >>> _equal_shares(np.array([1, 10, 10]), 9)
        [1, 4, 4]
    """
    take = np.zeros(len(supply), dtype=np.int64)
    left = min(n, int(supply.sum()))
    while left:
        open_ = np.flatnonzero(take < supply)
        step = max(left // len(open_), 1)
        if left < len(open_):
            # What does not go round goes to the largest cells.
            open_ = open_[np.argsort(-supply[open_], kind="stable")][:left]
        added = np.minimum(step, supply[open_] - take[open_])
        take[open_] += added
        left -= int(added.sum())
    return [int(x) for x in take]


def achieved_design(items: pl.DataFrame) -> pl.DataFrame:
    """What the stratification reached, per task.

    Args:
        items: From `build_stratified`.

    Returns:
        `task`, `items`, `strata`, `smallest` and `largest` stratum, `r_length_tokens` (the
        correlation of word length and number of tokens in the sample), `r_population` (the same,
        weighted back), and `n_effective` (Kish: what the weights leave of the items for an
        accuracy of the population).
    """
    from workbench.character_tasks.analysis.correlations import pearson

    rows = []
    for (task,), part in items.group_by("task", maintain_order=True):
        sizes = part.group_by(*_CELL).len()["len"]
        x, y = part["length"].to_numpy().astype(float), part["tokens"].to_numpy().astype(float)
        w = part["weight"].to_numpy()
        rows.append(
            (task, part.height, len(sizes), sizes.min(), sizes.max(), pearson(x, y),
             pearson(x, y, w), float(w.sum() ** 2 / (w**2).sum()))
        )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "task": pl.String, "items": pl.Int64, "strata": pl.Int64, "smallest": pl.Int64,
            "largest": pl.Int64, "r_length_tokens": pl.Float64, "r_population": pl.Float64,
            "n_effective": pl.Float64,
        },
        orient="row",
    )  # fmt: skip

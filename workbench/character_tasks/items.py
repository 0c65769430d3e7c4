"""CharBench's items, from any list of words, in seconds and reproducible to the byte.

The four tasks, their columns and their questions are those of CharBench (Uzan and Pinter,
arXiv 2508.02591). Two things are done otherwise, and on purpose: words are sorted before they are
drawn, so that the seed alone decides the set (the original draws from a Python `set`), and the
golds are computed for a whole length at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
import regex
from numpy.typing import NDArray

from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError

COUNT = "count_character_frequency"
UNIQUE = "count_unique_chars"
FIRST = "find_first_occurrence"
LAST = "find_last_occurrence"

CHARBENCH_TASKS: tuple[str, ...] = (COUNT, UNIQUE, FIRST, LAST)
"""CharBench's tasks, in its own order."""

INDEX_TASKS: tuple[str, ...] = (FIRST, LAST)
"""The tasks whose gold is a position."""

LENGTHS: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10)
"""CharBench's word lengths, in characters."""

QUESTIONS: Mapping[str, str] = {
    COUNT: "How many times does the character '{character}' appear in the string '{word}'?",
    UNIQUE: "How many unique characters appear in the string '{word}'?",
    FIRST: (
        "What is the index of the first occurrence of the character '{character}' in the string "
        "'{word}'?\nStart counting from 0."
    ),
    LAST: (
        "What is the index of the last occurrence of the character '{character}' in the string "
        "'{word}'?\nStart counting from 0."
    ),
}
"""CharBench's questions, word for word."""

Unit = Literal["character", "grapheme"]
Codes = NDArray[np.int64]

_GRAPHEME = regex.compile(r"\X")


def units(word: str, unit: Unit = "character") -> list[str]:
    r"""The pieces of a word that a question counts.

    Args:
        word: Any string.
        unit: `character` for code points, as CharBench has it; `grapheme` for what a reader sees
            as one character (extended grapheme clusters, Unicode UAX #29).

    Example:
        >>> [len(units("caf\u0065\u0301", unit)) for unit in ("character", "grapheme")]
        [5, 4]
    """
    return list(word) if unit == "character" else _GRAPHEME.findall(word)


def group_by_length(
    words: Iterable[str], lengths: Sequence[int] | None, unit: Unit = "character"
) -> dict[int, list[str]]:
    """Distinct words by their length in `unit`, each list sorted by code point.

    Args:
        words: Any strings; duplicates are dropped.
        lengths: The lengths to keep; None keeps all.
        unit: What a length counts.

    Raises:
        CharacterTaskError: If an entry is not a string, or is empty.
    """
    if isinstance(words, str):
        raise CharacterTaskError(
            f"words is one string ({words[:40]!r}), but a list of words was expected: "
            "use charbench_words(text) to take the words out of a text."
        )
    keep = None if lengths is None else set(lengths)
    groups: dict[int, list[str]] = {}
    try:
        distinct = sorted(set(words))
    except TypeError as error:
        raise CharacterTaskError(f"words must all be strings: {error}.") from error
    for word in distinct:
        if not isinstance(word, str) or not word:
            raise CharacterTaskError(f"{word!r} is no word: every word is a string of 1 or more.")
        n = len(word) if unit == "character" else len(_GRAPHEME.findall(word))
        if keep is None or n in keep:
            groups.setdefault(n, []).append(word)
    return groups


def encode_words(words: Sequence[str], unit: Unit = "character") -> tuple[Codes, list[str]]:
    """Words of one length as a matrix of numbers, and what each number stands for.

    Returns:
        The matrix, int64, shape (words, length); and the alphabet, so that
        `alphabet[matrix[i, j]]` is unit `j` of word `i`.
    """
    if not words:
        return np.zeros((0, 0), dtype=np.int64), []
    if unit == "character":
        width = len(words[0])
        points = np.array(words, dtype=f"<U{width}").view("<u4").reshape(len(words), width)
        letters, codes = np.unique(points, return_inverse=True)
        return codes.reshape(points.shape).astype(np.int64), [chr(int(x)) for x in letters]
    cut = [_GRAPHEME.findall(word) for word in words]
    alphabet = sorted({piece for pieces in cut for piece in pieces})
    number = {piece: i for i, piece in enumerate(alphabet)}
    return np.array([[number[p] for p in pieces] for pieces in cut], dtype=np.int64), alphabet


def golds(task: str, codes: Codes, positions: Codes | None = None) -> Codes:
    """The right answers for words of one length.

    Args:
        task: One of `CHARBENCH_TASKS`.
        codes: Shape (words, length), from `encode_words`.
        positions: For each word the position (0-based) whose unit is asked about; unused by
            `count_unique_chars`.

    Returns:
        int64, shape (words,): a count, or a 0-based position.

    Raises:
        CharacterTaskError: If the task is unknown.
    """
    if task == UNIQUE:
        ordered = np.sort(codes, axis=1)
        return _whole(1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1))
    if task not in CHARBENCH_TASKS or positions is None:
        raise CharacterTaskError(f"{task!r} is none of {', '.join(CHARBENCH_TASKS)}.")
    same = codes == codes[np.arange(len(codes)), positions][:, None]
    if task == COUNT:
        return _whole(np.count_nonzero(same, axis=1))
    if task == FIRST:
        return _whole(np.argmax(same, axis=1))
    return _whole(codes.shape[1] - 1 - np.argmax(same[:, ::-1], axis=1))


def _whole(values: object) -> Codes:
    return np.asarray(values, dtype=np.int64)


def build_items(
    words: Iterable[str],
    tasks: Sequence[str] | None = None,
    per_cell: int = 6250,
    seed: int = 7,
    *,
    lengths: Sequence[int] = LENGTHS,
    unit: Unit = "character",
) -> pl.DataFrame:
    """CharBench's items: `per_cell` words for every task and word length.

    Words are disjoint across tasks; a letter is drawn uniformly over a word's positions (not over
    its distinct letters), so a count is never 0. With the defaults and enough words this is
    CharBench's 175,000 items.

    Args:
        words: Distinct strings to draw from; `charbench_words` makes them from a corpus.
        tasks: Names from `CHARBENCH_TASKS`; None takes all four.
        per_cell: Items per task and word length.
        seed: Any integer. The same words, arguments and seed give the same frame.
        lengths: Word lengths, counted in `unit`.
        unit: `character` (code points) or `grapheme`.

    Returns:
        Columns `question_idx` (from 0), `question`, `answer` (Int64), `word`, `character` (null
        where the task has none), `task`; ordered by task, word length, and draw.

    Raises:
        CharacterTaskError: If a task is unknown, `per_cell` is below 1, or a length has fewer
            words than its cells need; the message names the cells with both counts.

    Example:
        >>> items = build_items(["abca", "bcdd"], tasks=["count_unique_chars"], per_cell=2,
        ...                     lengths=[4])
        >>> sorted(zip(items["word"], items["answer"]))
        [('abca', 3), ('bcdd', 3)]
    """
    chosen = check_tasks(tasks, CHARBENCH_TASKS)
    if per_cell < 1:
        raise CharacterTaskError(f"per_cell is {per_cell}, but a cell needs at least 1 item.")
    groups = group_by_length(words, lengths, unit)
    need = per_cell * len(chosen)
    short = {n: len(groups.get(n, [])) for n in lengths if len(groups.get(n, [])) < need}
    if short:
        told = "; ".join(f"length {n}: {have:,} words" for n, have in short.items())
        most = min(len(groups.get(n, [])) for n in lengths) // len(chosen)
        raise CharacterTaskError(
            f"Too few words. Each length needs {need:,} distinct words "
            f"({len(chosen)} tasks of {per_cell:,} items), but {told}. "
            f"Give more words, fewer tasks or lengths, or per_cell={most}"
            + (" at most." if most else ", which these words do not reach at any value.")
        )
    parts: dict[str, list[pl.DataFrame]] = {task: [] for task in chosen}
    for n in lengths:
        codes, alphabet = encode_words(groups[n], unit)
        order = Stream(seed, "words", n).permutation(len(groups[n]))
        pool = pl.Series("word", groups[n])
        letters = pl.Series("character", alphabet)
        for k, task in enumerate(chosen):
            rows = order[k * per_cell : (k + 1) * per_cell]
            positions = Stream(seed, "letter", task, n).below(np.full(per_cell, n, dtype=np.int64))
            part = codes[rows]
            asked = letters.gather(part[np.arange(per_cell), positions])
            parts[task].append(
                pl.DataFrame(
                    {
                        "answer": golds(task, part, positions),
                        "word": pool.gather(rows),
                        "character": asked if task != UNIQUE else None,
                    },
                    schema_overrides={"answer": pl.Int64, "character": pl.String},
                )
            )
    return assemble({task: pl.concat(frames) for task, frames in parts.items()})


def assemble(parts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Questions and numbers for frames of `answer, word, character`, one frame per task.

    Further columns are kept, behind CharBench's six.
    """
    frames = []
    for task, part in parts.items():
        before, _, after = QUESTIONS[task].partition("{word}")
        start, _, middle = before.partition("{character}")
        pieces = [pl.lit(start), pl.col("character"), pl.lit(middle)] if middle else [pl.lit(start)]
        frames.append(
            part.with_columns(
                question=pl.concat_str([*pieces, pl.col("word"), pl.lit(after)]),
                task=pl.lit(task),
            )
        )
    table = pl.concat(frames).with_row_index("question_idx")
    six = ["question_idx", "question", "answer", "word", "character", "task"]
    return table.with_columns(pl.col("question_idx").cast(pl.Int64)).select(*six, pl.exclude(six))


def one_item(word: str, character: str = "", task: str = "") -> pl.DataFrame:
    """A set of one item.

    Args:
        word: Any word.
        character: A character of it; empty only for `count_unique_chars`.
        task: One of CharBench's; empty counts the character, or the distinct ones.

    Raises:
        CharacterTaskError: If the character is missing, or does not stand in the word.

    Example:
        >>> one_item("strawberry", "r").select("question", "answer").row(0)[1]
        3
    """
    chosen = task or (COUNT if character else UNIQUE)
    if not word:
        raise CharacterTaskError("The word is empty: there is nothing to ask about.")
    if chosen != UNIQUE and (len(character) != 1 or character not in word):
        raise CharacterTaskError(
            f"{chosen} asks for one character of the word, but {character!r} is none of "
            f"{word!r}: give one that stands in it."
        )
    codes, alphabet = encode_words([word])
    asked = None
    if chosen != UNIQUE:
        asked = (codes == alphabet.index(character)).argmax(axis=1)
    part = pl.DataFrame(
        {
            "answer": golds(chosen, codes, asked),
            "word": [word],
            "character": [character if chosen != UNIQUE else None],
        },
        schema={"answer": pl.Int64, "word": pl.String, "character": pl.String},
    )
    return assemble({chosen: part})


def check_tasks(tasks: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The tasks asked for, in the order asked; all of `known` where None.

    Raises:
        CharacterTaskError: On an unknown or repeated name, or an empty list.
    """
    import difflib

    if tasks is None:
        return list(known)
    chosen = [tasks] if isinstance(tasks, str) else list(tasks)
    for task in chosen:
        if task not in known:
            near = difflib.get_close_matches(str(task), known, n=2, cutoff=0.4)
            raise CharacterTaskError(
                f"Unknown task {task!r}. "
                + (f"Near: {', '.join(near)}. " if near else "")
                + f"Known: {', '.join(known)}."
            )
    if not chosen or len(set(chosen)) != len(chosen):
        raise CharacterTaskError(f"tasks is {chosen}: name each task once, and at least one.")
    return chosen


def sample_items(items: pl.DataFrame, n: int, seed: int = 7) -> pl.DataFrame:
    """A random part of a set with every task and word length in its share, in random order.

    Any prefix of the result is a fair sample too, so a run that stops early still stands for the
    whole. Items keep their `question_idx`.

    Args:
        items: Any item set.
        n: Items to keep; all of them (reordered) where the set has no more.
        seed: Any integer.

    Raises:
        CharacterTaskError: If `n` is below 1.
    """
    if n < 1:
        raise CharacterTaskError(f"n is {n}, but a sample needs at least 1 item.")
    # Systematic sampling over the set in random order within its strata gives every stratum its
    # share to within one item.
    stream = Stream(seed, "sample", items.height)
    keyed = items.with_columns(
        _key=pl.Series(stream.permutation(items.height)), _n=pl.col("word").str.len_chars()
    ).sort("task", "_n", "_key")
    keep = min(n, items.height)
    picks = ((np.arange(keep) + 0.5) * items.height / keep).astype(np.int64)
    shuffled = picks[Stream(seed, "order", keep).permutation(keep)]
    return keyed[shuffled].drop("_key", "_n")

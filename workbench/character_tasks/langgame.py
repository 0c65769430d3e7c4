"""LangGame's six questions (StochasTok, Sims and others, 2025): four options, one right.

A model picks by log-likelihood of the options, so that one which cannot follow instructions can
still be asked. The wording of the questions is this project's own; the conditions on the options
are the published ones.
"""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import check_tasks

MOST_LETTER = "most_of_letter"
CONTAINS = "contains_substring"
STARTS = "starts_with"
ENDS = "ends_with"
LONGEST = "longest"
SHORTEST = "shortest"

LANGGAME_TASKS: tuple[str, ...] = (MOST_LETTER, CONTAINS, STARTS, ENDS, LONGEST, SHORTEST)
"""The six question types."""

_QUESTIONS = {
    MOST_LETTER: 'Which of these words has the most of the letter "{key}"?',
    CONTAINS: 'Which of these words contains "{key}"?',
    STARTS: 'Which of these words starts with "{key}"?',
    ENDS: 'Which of these words ends with "{key}"?',
    LONGEST: "Which of these words is the longest?",
    SHORTEST: "Which of these words is the shortest?",
}

Condition = Callable[[str], bool]


def conditions(task: str, key: str) -> tuple[Condition, Condition]:
    """What the right option and what the three others must satisfy.

    Example:
        >>> right, wrong = conditions("most_of_letter", "e")
        >>> right("tree"), wrong("tree"), wrong("pen")
        (True, False, True)
    """
    table: dict[str, tuple[Condition, Condition]] = {
        MOST_LETTER: (lambda w: w.count(key) >= 2, lambda w: w.count(key) <= 1),
        CONTAINS: (lambda w: key in w, lambda w: key not in w),
        STARTS: (lambda w: w.startswith(key), lambda w: not w.startswith(key)),
        ENDS: (lambda w: w.endswith(key), lambda w: not w.endswith(key)),
        LONGEST: (lambda w: len(w) >= 7, lambda w: len(w) <= 4),
        SHORTEST: (lambda w: len(w) <= 3, lambda w: len(w) >= 6),
    }
    return table[task]


def build_langgame(
    words: Iterable[str], tasks: Sequence[str] | None = None, per_task: int = 1000, seed: int = 7
) -> pl.DataFrame:
    """LangGame's questions over any words (the published ones use the 1,000 commonest).

    Args:
        words: Distinct words, in lower case.
        tasks: Names from `LANGGAME_TASKS`; None takes all.
        per_task: Items per question type.
        seed: Any integer.

    Returns:
        CharBench's columns (`answer` and `word` are the right option, `character` the letter or
        substring asked for) and `options`, a list of the four in random order.

    Raises:
        CharacterTaskError: If a task is unknown, or the words cannot fill a question.

    Example:
        >>> from workbench.character_tasks.wordlists import wordfreq_words
        >>> item = build_langgame(wordfreq_words("en", 1000), ["longest"], per_task=1).row(0)
        >>> len(item[-1]), item[2] in item[-1], len(item[2]) >= 7
        (4, True, True)
    """
    chosen = check_tasks(tasks, LANGGAME_TASKS)
    pool = sorted(set(words))
    rows = []
    for task in chosen:
        pick = Stream(seed, "langgame", task)
        always = task in (LONGEST, SHORTEST)
        if always:
            right, wrong = conditions(task, "")
            rights = [w for w in pool if right(w)]
            others = [w for w in pool if wrong(w)]
        made = 0
        for _ in range(per_task * 50):
            key = "" if always else _key(task, pool[int(pick.below(len(pool), 1)[0])], pick)
            if not always:
                right, wrong = conditions(task, key)
                rights = [w for w in pool if right(w)]
                others = [w for w in pool if wrong(w)]
            if not rights or len(others) < 3:
                continue
            answer = rights[int(pick.below(len(rights), 1)[0])]
            three = [others[i] for i in _distinct(pick, len(others), 3)]
            options = [[answer, *three][i] for i in pick.permutation(4)]
            question = _QUESTIONS[task].format(key=key)
            rows.append((question, answer, answer, key or None, task, options))
            made += 1
            if made == per_task:
                break
        if made < per_task:
            raise CharacterTaskError(
                f"Only {made:,} of {per_task:,} questions of {task} could be made from "
                f"{len(pool):,} words: give more words."
            )
    names = ["question", "answer", "word", "character", "task", "options"]
    table = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={
        "character": pl.String, "options": pl.List(pl.String),
    })  # fmt: skip
    return table.with_row_index("question_idx").select(
        pl.col("question_idx").cast(pl.Int64), *names
    )


def _key(task: str, word: str, pick: Stream) -> str:
    if task == MOST_LETTER:
        return word[int(pick.below(len(word), 1)[0])]
    size = min(1 + int(pick.below(3, 1)[0]), len(word))
    if task == STARTS:
        return word[:size]
    if task == ENDS:
        return word[-size:]
    start = int(pick.below(len(word) - size + 1, 1)[0])
    return word[start : start + size]


def _distinct(pick: Stream, n: int, k: int) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < k:
        found[int(pick.below(n, 1)[0])] = None
    return list(found)


def choose_by_likelihood(
    items: pl.DataFrame, log_likelihood: Callable[[str, Sequence[str]], Sequence[float]]
) -> pl.DataFrame:
    """Answers picked by log-likelihood, for any model that can score a continuation.

    Args:
        items: From `build_langgame`.
        log_likelihood: Given a prompt and continuations, the log-likelihood of each (natural
            logarithm, summed over its tokens).

    Returns:
        Columns `question_idx`, `response` (the chosen option) and `logprob` (its log-probability
        among the four); ready for `score` once a column `model` is added.

    Raises:
        CharacterTaskError: If the model gives another number of scores than options.
    """
    import math

    rows = []
    for index, question, options in items.select("question_idx", "question", "options").iter_rows():
        listed = ", ".join(options)
        scores = list(log_likelihood(f"{question} Options: {listed}. Answer:", options))
        if len(scores) != len(options):
            raise CharacterTaskError(
                f"log_likelihood gave {len(scores)} scores for {len(options)} options."
            )
        best = max(range(len(scores)), key=scores.__getitem__)
        total = math.log(sum(math.exp(s - scores[best]) for s in scores))
        rows.append((index, options[best], -total))
    return pl.DataFrame(
        rows, schema={"question_idx": pl.Int64, "response": pl.String, "logprob": pl.Float64},
        orient="row",
    )  # fmt: skip

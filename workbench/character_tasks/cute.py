"""The character tasks of CUTE (Edman, Schmid and Fraser, 2024), with answers from definitions.

Questions, prompts and examples here are this project's own: scores stand beside the published
ones only where the same prompt was used. Answers follow the definitions that reproduce the
published labels without a mismatch (see the tests). Columns are CharBench's with a text answer,
and what each task needs beside them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import polars as pl

from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import check_tasks

SPELL = "spell"
SPELL_INVERSE = "spell_inverse"
CONTAINS_CHAR = "contains_char"
ORTHOGRAPHY = "orth"
INSERT_CHAR = "ins_char"
DELETE_CHAR = "del_char"
SUBSTITUTE_CHAR = "sub_char"
SWAP_CHAR = "swap_char"

CUTE_TASKS: tuple[str, ...] = (
    SPELL, SPELL_INVERSE, CONTAINS_CHAR, ORTHOGRAPHY,
    INSERT_CHAR, DELETE_CHAR, SUBSTITUTE_CHAR, SWAP_CHAR,
)  # fmt: skip
"""CUTE's character tasks, by the names of its files."""


def spell(word: str) -> str:
    """The letters of a word, a space between each two.

    Example:
        >>> spell("the")
        't h e'
    """
    return " ".join(word)


def spell_inverse(spelled: str) -> str:
    """The word that was spelled: every second character.

    Example:
        >>> spell_inverse("t h e")
        'the'
    """
    return spelled[::2]


def contains_char(character: str, word: str) -> str:
    """`Yes` where the word has the character, else `No`."""
    return "Yes" if character in word else "No"


def insert_char(added: str, after: str, word: str) -> str:
    """The word with one character added behind every occurrence of another.

    Example:
        >>> insert_char("b", "f", "for")
        'fbor'
    """
    return word.replace(after, after + added)


def delete_char(character: str, word: str) -> str:
    """The word without any occurrence of the character.

    Example:
        >>> delete_char("o", "for")
        'fr'
    """
    return word.replace(character, "")


def substitute_char(old: str, new: str, word: str) -> str:
    """The word with every occurrence of one character replaced by another.

    Example:
        >>> substitute_char("o", "a", "for")
        'far'
    """
    return word.replace(old, new)


def swap_char(one: str, two: str, word: str) -> str:
    """The word with two characters exchanged wherever either stands.

    Example:
        >>> swap_char("f", "r", "for")
        'rof'
    """
    return word.translate({ord(one): two, ord(two): one})


def edit_distance(one: str, two: str) -> int:
    """Levenshtein's distance: insertions, deletions and substitutions at cost 1.

    Example:
        >>> edit_distance("be", "remain")
        5
    """
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def closer_in_spelling(word: str, one: str, two: str) -> str:
    """Which of two words is nearer to a third by edit distance; the second where they tie.

    Example:
        >>> closer_in_spelling("be", "ben", "remain")
        'ben'
    """
    return one if edit_distance(word, one) < edit_distance(word, two) else two


_QUESTIONS: dict[str, Callable[[str, str, str], str]] = {
    SPELL: lambda w, _a, _b: f'Write the word "{w}" letter by letter, with spaces between.',
    SPELL_INVERSE: lambda w, _a, _b: f'Which word is spelled "{spell(w)}"?',
    CONTAINS_CHAR: lambda w, a, _b: f'Does the word "{w}" contain the letter "{a}"? Yes or No?',
    ORTHOGRAPHY: lambda w, a, b: (
        f'Which is closer in spelling (fewest edits) to "{w}": "{a}" or "{b}"?'
    ),
    INSERT_CHAR: lambda w, a, b: f'Put the letter "{a}" after every "{b}" in the word "{w}".',
    DELETE_CHAR: lambda w, a, _b: f'Remove every "{a}" from the word "{w}".',
    SUBSTITUTE_CHAR: lambda w, a, b: f'Replace every "{a}" by "{b}" in the word "{w}".',
    SWAP_CHAR: lambda w, a, b: f'Exchange the letters "{a}" and "{b}" in the word "{w}".',
}

_ANSWERS: dict[str, Callable[[str, str, str], str]] = {
    SPELL: lambda w, _a, _b: spell(w),
    SPELL_INVERSE: lambda w, _a, _b: w,
    CONTAINS_CHAR: lambda w, a, _b: contains_char(a, w),
    ORTHOGRAPHY: closer_in_spelling,
    INSERT_CHAR: lambda w, a, b: insert_char(a, b, w),
    DELETE_CHAR: lambda w, a, _b: delete_char(a, w),
    SUBSTITUTE_CHAR: lambda w, a, b: substitute_char(a, b, w),
    SWAP_CHAR: lambda w, a, b: swap_char(a, b, w),
}

_Shots = tuple[tuple[str, str, str], ...]

_LETTERS: _Shots = (
    ("river", "i", "o"),
    ("stone", "n", "t"),
    ("apple", "p", "b"),
    ("cloud", "d", "u"),
)
_SHOTS: Mapping[str, _Shots] = dict.fromkeys(CUTE_TASKS, _LETTERS) | {
    ORTHOGRAPHY: (
        ("river", "liver", "stream"), ("stone", "rock", "store"),
        ("apple", "ample", "orange"), ("cloud", "sky", "could"),
    ),
    CONTAINS_CHAR: (("river", "v", ""), ("stone", "m", ""), ("apple", "l", ""), ("cloud", "t", "")),
}  # fmt: skip


def cute_question(task: str, word: str, one: str = "", two: str = "") -> str:
    """The question of a task, in this project's words."""
    return _QUESTIONS[task](word, one, two)


def cute_answer(task: str, word: str, one: str = "", two: str = "") -> str:
    """The right answer by definition.

    Args:
        task: One of `CUTE_TASKS`.
        word: The word asked about.
        one: The first character (or word, for `orth`): added, deleted, replaced, looked for.
        two: The second: after which, by which, with which.

    Raises:
        CharacterTaskError: If the task is unknown.

    Example:
        >>> cute_answer("swap_char", "for", "f", "r")
        'rof'
    """
    if task not in _ANSWERS:
        raise CharacterTaskError(f"{task!r} is none of {', '.join(CUTE_TASKS)}.")
    return _ANSWERS[task](word, one, two)


def cute_shots(task: str) -> str:
    """Four solved examples, as CUTE shows four, each ending `Answer: "…"`."""
    return "\n\n".join(
        f'Question: {cute_question(task, *shot)}\nAnswer: "{cute_answer(task, *shot)}"'
        for shot in _SHOTS[task]
    )


def build_cute(
    words: Iterable[str], tasks: Sequence[str] | None = None, per_task: int = 1000, seed: int = 7
) -> pl.DataFrame:
    """CUTE's character tasks over any words.

    Characters asked about stand in the word (for `contains_char` in half of the items), so that a
    change changes something; letters brought in come from the whole list's alphabet. An item
    whose answer equals its input can still arise (as 33 do in the published `sub_char`, by
    replacing a letter by itself; here by swapping where nothing differs) and is marked.

    Args:
        words: Distinct words of 2 characters or more.
        tasks: Names from `CUTE_TASKS`; None takes all.
        per_task: Items per task; a word is used at most once in a task.
        seed: Any integer.

    Returns:
        CharBench's columns with a text `answer`; `word` is the word asked about and `character`
        the first character named; further `character_2` (or the other candidates of `orth`), and
        `unchanged` (the answer equals the input).

    Raises:
        CharacterTaskError: If a task is unknown or there are too few words.

    Example:
        >>> build_cute(["a1", "b2", "c3"], ["spell"], per_task=3)["answer"].sort().to_list()
        ['a 1', 'b 2', 'c 3']
    """
    chosen = check_tasks(tasks, CUTE_TASKS)
    pool = sorted({w for w in words if len(w) > 1})
    if len(pool) < max(per_task, 3):
        raise CharacterTaskError(
            f"CUTE needs {max(per_task, 3):,} distinct words of 2 characters or more for each "
            f"task, but there are {len(pool):,}: give more words or a smaller per_task."
        )
    alphabet = sorted({c for w in pool for c in w})
    rows: list[tuple[str, str, str, str | None, str | None, str, bool]] = []
    for task in chosen:
        order = Stream(seed, "cute", task).permutation(len(pool))[:per_task]
        pick = Stream(seed, "cute letters", task)
        for i in order:
            word = pool[i]
            one, two = _draw(task, word, pool, alphabet, pick)
            answer = cute_answer(task, word, one, two)
            rows.append(
                (cute_question(task, word, one, two), answer, word, one or None, two or None,
                 task, answer == word and task != SPELL_INVERSE)
            )  # fmt: skip
    names = ["question", "answer", "word", "character", "character_2", "task", "unchanged"]
    table = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={
        "character": pl.String, "character_2": pl.String,
    })  # fmt: skip
    return table.with_row_index("question_idx").select(
        pl.col("question_idx").cast(pl.Int64), "question", "answer", "word", "character", "task",
        "character_2", "unchanged",
    )  # fmt: skip


def _draw(
    task: str, word: str, pool: list[str], alphabet: list[str], pick: Stream
) -> tuple[str, str]:
    def any_of(letters: Sequence[str]) -> str:
        return letters[int(pick.below(len(letters), 1)[0])]

    inside = sorted(set(word))
    outside = [c for c in alphabet if c not in inside]
    if task in (SPELL, SPELL_INVERSE):
        return "", ""
    if task == CONTAINS_CHAR:
        yes = bool(pick.below(2, 1)[0]) or not outside
        return any_of(inside if yes else outside), ""
    if task == DELETE_CHAR:
        return any_of(inside), ""
    if task == INSERT_CHAR:
        return any_of(alphabet), any_of(inside)
    if task == SUBSTITUTE_CHAR:
        return (any_of(inside), any_of(outside or alphabet))
    if task == SWAP_CHAR:
        one = any_of(inside)
        rest = [c for c in inside if c != one]
        return one, any_of(rest or outside or alphabet)
    # orth: two other words, redrawn until one is nearer, so that no item hangs on the tie rule.
    for _ in range(50):
        a, b = any_of(pool), any_of(pool)
        if word not in (a, b) and edit_distance(word, a) != edit_distance(word, b):
            return a, b
    return (word + "s", pool[0] + pool[-1])

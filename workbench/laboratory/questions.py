"""Every question that can be asked of a list of words, in arrays, so that drawing is a look-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.character_tasks.items import UNIQUE, encode_words, golds
from workbench.laboratory.design import ALPHABET, LONGEST, TASKS

Ints = NDArray[np.int64]

NO_LETTER = len(ALPHABET)
"""Stands for the letter of a question that asks for none."""

_NUMBER = {letter: i for i, letter in enumerate(ALPHABET)}


@dataclass(frozen=True, eq=False)
class Questions:
    """Letters and answers of some words.

    Attributes:
        lengths: Letters of each word, shape `(words,)`.
        letters: Numbers of its letters, shape `(words, 10)`; behind the end `NO_LETTER`.
        answers: The right answer by task and by the position whose letter is asked about, shape
            `(tasks, words, 10)`.
    """

    lengths: Ints
    letters: Ints
    answers: Ints

    def draw(self, rows: Ints, per_word: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
        """Questions about some words: a task, then a position, both uniform, as CharBench has it.

        Args:
            rows: Which words.
            per_word: Questions about each.
            rng: What to draw on.

        Returns:
            Tasks, letters and right answers, each of shape `(rows, per_word)`.
        """
        shape = (len(rows), per_word)
        tasks = rng.integers(0, len(TASKS), shape)
        places = (rng.random(shape) * self.lengths[rows][:, None]).astype(np.int64)
        asked = np.take_along_axis(self.letters[rows], places, axis=1)
        right = self.answers[tasks, rows[:, None], places]
        return tasks, np.where(tasks == TASKS.index(UNIQUE), NO_LETTER, asked), right


def letter_number(letter: str | None) -> int:
    """The number of a letter, or `NO_LETTER`.

    Raises:
        ValueError: If it is no letter a to z.

    Example:
        >>> letter_number("c"), letter_number(None)
        (2, 26)
    """
    if letter is None:
        return NO_LETTER
    if letter not in _NUMBER:
        raise ValueError(f"{letter!r} is none of the laboratory's letters, a to z.")
    return _NUMBER[letter]


def questions(words: Sequence[str]) -> Questions:
    """All questions about some words; the answers are those of `build_items`.

    Args:
        words: Of letters a to z.

    Returns:
        The arrays.

    Example:
        >>> q = questions(["abca"])
        >>> q.answers[:, 0, :4].tolist()  # count, unique, first, last; by position
        [[2, 1, 1, 2], [3, 3, 3, 3], [0, 1, 2, 0], [3, 1, 2, 3]]
    """
    n = len(words)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    letters = np.full((n, LONGEST), NO_LETTER, dtype=np.int64)
    answers = np.zeros((len(TASKS), n, LONGEST), dtype=np.int64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        codes, alphabet = encode_words([words[i] for i in rows])
        numbers = np.array([letter_number(letter) for letter in alphabet])
        letters[rows, :length] = numbers[codes]
        for place in range(length):
            at = np.full(len(rows), place, dtype=np.int64)
            for k, task in enumerate(TASKS):
                answers[k, rows, place] = golds(task, codes, at)
    return Questions(lengths, letters, answers)

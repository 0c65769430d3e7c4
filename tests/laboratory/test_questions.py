"""Questions in arrays are CharBench's questions: the same answers, the same shares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.character_tasks import items as charbench
from workbench.laboratory.design import LONGEST, TASKS, halves
from workbench.laboratory.questions import NO_LETTER, letter_number, questions

words = st.lists(st.text("abcdrst", min_size=4, max_size=LONGEST), min_size=1, max_size=6)


def test_strawberry():
    asked = questions(["strawberry"])
    place = "strawberry".index("r")
    assert asked.answers[:, 0, place].tolist() == [3, 8, 2, 8]
    assert asked.letters[0, place] == letter_number("r")


@given(words)
def test_answers_are_those_of_the_definitions(some):
    asked = questions(some)
    for row, word in enumerate(some):
        assert asked.lengths[row] == len(word)
        for place, letter in enumerate(word):
            right = [word.count(letter), len(set(word)), word.find(letter), word.rfind(letter)]
            assert asked.answers[:, row, place].tolist() == right
        assert (asked.letters[row, len(word) :] == NO_LETTER).all()


def test_a_set_of_items_has_the_same_answers():
    items = charbench.build_items(halves().test, None, 20, seed=3)
    asked = questions(items["word"].to_list())
    for row, (task, word, letter, answer) in enumerate(
        items.select("task", "word", "character", "answer").iter_rows()
    ):
        place = word.index(letter) if letter else 0
        assert asked.answers[TASKS.index(task), row, place] == int(answer)


def test_a_draw_is_uniform_over_tasks_and_positions():
    asked = questions(["abcdefghij"])
    rows = np.zeros(500, dtype=np.int64)
    tasks, letters, right = asked.draw(rows, 8, np.random.default_rng(0))
    assert tasks.shape == letters.shape == right.shape == (500, 8)
    shares = np.bincount(tasks.ravel(), minlength=4) / tasks.size
    assert np.abs(shares - 0.25).max() < 0.02
    unique = tasks == TASKS.index("count_unique_chars")
    assert (letters[unique] == NO_LETTER).all()
    places = np.bincount(letters[~unique], minlength=10) / (~unique).sum()
    assert np.abs(places - 0.1).max() < 0.02

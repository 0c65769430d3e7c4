"""What the laboratory compares: words in halves, arms, and a recipe that all share."""

import re

import pytest

from workbench.laboratory import design


def test_the_halves_share_no_word_and_are_the_same_everywhere():
    parts = design.halves()
    train, check, test = map(set, (parts.train, parts.check, parts.test))
    assert len(train | check | test) == len(train) + len(check) + len(test)
    assert (len(train), len(check), len(test)) == (118_303, 4_000, 122_304)
    # Drawn by a stream of integers: these do not depend on the machine or on numpy's version.
    assert parts.train[:3] == design.halves().train[:3]
    assert all(re.fullmatch("[a-z]{4,10}", word) for word in train | check | test)


def test_every_length_is_in_both_halves_about_alike():
    parts = design.halves()
    for length in range(4, 11):
        shares = [sum(len(w) == length for w in half) / len(half)
                  for half in (parts.train, parts.test)]  # fmt: skip
        assert shares[0] == pytest.approx(shares[1], abs=0.005)


@pytest.mark.parametrize(
    ("word", "can"),
    [("strawberry", True), ("four", True), ("tin", False), ("strawberries", False),
     ("Berry", False), ("naïve", False), ("", False), ("abcd\n", False), ("12345", False)],
)  # fmt: skip
def test_readable_words_have_four_to_ten_plain_letters(word, can):
    assert design.readable(word) is can


def test_arms_have_names_vocabularies_and_a_sweep_of_p():
    assert [arm.split for arm in design.ARMS if arm.vocabulary == "bpe-4k"] == [0, 0.1, 0.3, 0.6]
    assert {arm.vocabulary for arm in design.ARMS} == set(design.VOCABULARIES)
    assert design.get_arm("characters").split == 0
    with pytest.raises(ValueError, match="characters, bpe-1k"):
        design.get_arm("bpe-9k")


def test_the_small_recipe_has_one_seed_and_the_shipped_one_three():
    assert design.SMALL.seeds == (0,)
    assert len(design.SHIPPED.seeds) == 3
    assert design.SMALL.rates == design.SHIPPED.rates

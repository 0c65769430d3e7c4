"""What tells about a held-out stem: the stem itself, its words, and words that begin like it."""

import pytest

from workbench.metrics._gold import GoldWord
from workbench.studies.held_out_stems import HeldOut

DAYS = [
    GoldWord("days", ("day", "s"), ("N", "PL")),
    GoldWord("undoing", ("un", "do", "ing"), ("DRV:NEG", "V", "V.PTCP;PRS")),
]


@pytest.mark.parametrize(
    "word",
    [
        "day",
        "days",
        "Days,",
        "(DAYS)",
        "day's",
        "day’s",
        "mid-day",
        "undoing",
        "“Undoing”",
        "doing",
    ],
)
def test_words_with_a_held_out_stem(word):
    assert HeldOut(DAYS).in_text(word)


@pytest.mark.parametrize("word", ["today", "dad", "unhappy", "", "—", "d", "12"])
def test_words_without(word):
    assert not HeldOut(DAYS).in_text(word)


def test_gold_words_that_hold_a_stem_inside():
    held = HeldOut([GoldWord("shelves", ("shelv", "es"), ("N", "PL"))])
    assert held.in_gold(GoldWord("bookshelves", ("book", "shelv", "es"), ("N", "N", "PL")))
    assert held.in_text("shelf")  # another spelling of the stem
    assert not held.in_gold(GoldWord("books", ("book", "s"), ("N", "PL")))


def test_case_is_the_language_s():
    light = [GoldWord("ışığı", ("ışığ", "ı")), GoldWord("işte", ("işte",))]
    turkish = HeldOut(light, "tur_Latn")
    assert turkish.in_text("IŞIK")
    assert turkish.in_text("İŞTE")
    assert not HeldOut(light).in_text("IŞIK".replace("Ş", "S"))
    assert not turkish.in_text("ısı")


def test_composed_and_decomposed_are_one():
    held = HeldOut([GoldWord("göz", ("göz",))])
    assert held.in_text("go\u0308zler")
    assert held.in_text("gözler")

"""Statistics of the text alone, held against the plainest way to compute each."""

import re

import polars as pl
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.counting.text_statistics import count_text, words_alone

any_text = st.text(st.characters(codec="utf-8"), max_size=40)
# Letters that Unicode has got lately are letters to one library and not yet to the other.
settled_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), max_size=40)
SPACE = re.compile(r"[^\S\x1c-\x1f]")  # Unicode's white space: Python adds four separators


def split(text):
    return [word for word in SPACE.split(text) if word]


def one(text, statistic):
    return int(count_text(pl.Series([text]), statistic)[0])


@given(any_text)
@example("👨‍👩‍👧 🇫🇷🇩🇪")
@example("e\u0301\r\n각ᄀ")
@example("क्षि न्य")
@example("\u0600a\u200d")
def test_graphemes_are_extended_clusters(text):
    assert one(text, "graphemes") == len(regex.findall(r"\X", text))


@given(any_text)
def test_characters_bytes_words_and_lines(text):
    assert one(text, "characters") == len(text)
    assert one(text, "bytes") == len(text.encode())
    assert one(text, "words") == len(split(text))
    assert one(text, "lines") == sum(bool(split(line)) for line in text.split("\n"))


@given(settled_text)
@example("don't well-known naïve 3rd $5 x2. ... — Straße")
def test_words_fall_into_three_classes(text):
    words = split(text)
    digits = sum(bool(regex.search(r"\p{N}", w)) for w in words)
    letters = sum(bool(regex.fullmatch(r"[\p{L}\p{M}'’\-]+", w)) for w in words)
    assert one(text, "words_digits") == digits
    assert one(text, "words_letters") == letters
    assert one(text, "words_other") == len(words) - digits - letters


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("to be, or not", 4),
        ("漢字かな", 4),
        ("漢字 ok", 3),
        ("กำลัง", 4),  # four letters; the vowel sign above belongs to one
        ("བོད་ཡིག་", 2),
        ("안녕 세상", 2),
        ("", 0),
    ],
)
def test_a_unit_is_a_word_a_character_or_a_syllable(text, units):
    assert one(text, "units") == units


def test_words_to_encode_alone_have_letters_or_digits():
    frame = words_alone(pl.Series(["Don't (stop) -- 漢字, x2! a a", ""]))
    assert set(frame["document"]) == {0}
    found = dict(frame.select("word", "times").iter_rows())
    assert found == {"Don't": 1, "stop": 1, "漢": 1, "字": 1, "x2": 1, "a": 2}

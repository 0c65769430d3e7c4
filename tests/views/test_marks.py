"""Nothing in a text stays invisible, and nothing in it can move what stands around it."""

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.views.marks import direction, label, name_of, spoken

# What may reach the page inside plain text: joiners and selectors shape emoji and letters.
_MAY_STAY = {0x200C, 0x200D, 0x34F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_MAY_STAY |= set(range(0xE0020, 0xE0080))


def _shown(text):
    return [part.text for part in label(text.encode())]


def test_a_word_with_its_space():
    assert _shown(" the") == ["·", "the"]
    assert spoken(b" the") == "space the"


@pytest.mark.parametrize(
    ("text", "shown", "name"),
    [
        ("\n", ["⏎"], "line feed"),
        ("\r\n", ["CR", "⏎"], "carriage return line feed"),
        ("\t", ["⇥"], "tab"),
        ("\u00a0", ["NBSP"], "no-break space"),
        ("\u200b", ["ZWSP"], "zero width space"),
        ("\u202e", ["RLO"], "right-to-left override"),
        ("\x1b", ["ESC"], "escape"),
        ("\x00", ["NUL"], "null"),
        ("\x7f", ["DEL"], "delete"),
        ("\ufeff", ["BOM"], "zero width no-break space"),
        ("\ue000", ["U+E000"], "U+E000"),
        ("❤\ufe0f", ["❤\ufe0f", "VS16"], "❤\ufe0f variation selector-16"),
        ("👨\u200d👩\u200d👧", ["👨\u200d👩\u200d👧", "ZWJ×2"], None),
        ("\u0301", ["◌\u0301"], "combining acute accent"),
        ("e\u0301", ["e\u0301"], "e\u0301"),
        ("", [], "nothing"),
    ],
)
def test_marks_and_their_names(text, shown, name):
    assert _shown(text) == shown
    if name is not None:
        assert spoken(text.encode()) == name


def test_bytes_that_are_no_character_stay_bytes():
    assert [(p.kind, p.text) for p in label(b" \xf0\x9f")] == [("space", "·"), ("byte", "F0 9F")]
    assert [p.text for p in label("💩".encode()[:3])] == ["F0 9F 92"]
    assert spoken(b"\xa9") == "byte A9"


def test_direction_is_that_of_the_first_strong_character():
    assert direction("123 שלום".encode()) == "rtl"
    assert direction("12 – 34".encode()) == ""
    assert direction("مرحبا".encode()) == "rtl"


def test_every_control_has_a_name():
    assert name_of("\x07") == "bell"
    assert all(name_of(chr(code)) for code in range(0x20))


@example("\U0003d000".encode())  # a letter in a newer Unicode than Python's own
@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda t: t.encode()))
def test_no_part_holds_a_control_or_a_bidi_mark(data):
    for part in label(data):
        assert part.text
        for character in part.text:
            if ord(character) in _MAY_STAY:
                continue
            assert not regex.match(r"[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Cn}]", character)
            if part.kind == "text":
                assert not character.isspace()


@given(st.text(max_size=30))
def test_visible_characters_are_all_drawn_in_order(text):
    drawn = "".join(part.text for part in label(text.encode()) if part.kind == "text")
    letters = [c for c in text if c.isalnum()]
    assert [c for c in drawn if c.isalnum()] == letters


@given(st.binary(max_size=30))
def test_broken_bytes_are_all_there(data):
    hexed = "".join(p.text.replace(" ", "") for p in label(data) if p.kind == "byte")
    broken = [ord(c) - 0xDC00 for c in data.decode("utf-8", "surrogateescape") if c >= "\udc80"]
    broken = [c for c in broken if 0x80 <= c <= 0xFF]
    assert bytes.fromhex(hexed) == bytes(broken)

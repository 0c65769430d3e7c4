"""Patches: applied to what the browser has, they give what the kernel has, and places add up."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nasty import NASTY

import workbench as wb
from workbench.views.chips import grapheme_status
from workbench.views.wire import Lane, Row, Strip, Window, parts_json, share_graphemes

NAMES = ["tekken", "mistral-v1", "workbench-wordpiece", "workbench-unigram", "bytes"]


class Browser:
    """The half of the exchange that lives in JavaScript, in as few lines."""

    def __init__(self):
        self.keys, self.looks, self.origin = [], {}, None

    def take(self, message):
        message = json.loads(json.dumps(message))
        self.looks |= {int(key): look for key, look in message["looks"].items()}
        patch = message["patch"]
        self.keys[patch["at"] : patch["at"] + patch["remove"]] = patch["insert"]
        self.origin = message["origin"]

    def tokens(self):
        """Index, id, byte span and character span of each token, added up."""
        token, byte, char = self.origin
        out = []
        for key in self.keys:
            look = self.looks[key]
            for chip in look["chips"]:
                span = (byte + chip["bytes"][0], byte + chip["bytes"][1])
                chars = (char + chip["chars"][0], char + chip["chars"][1])
                out.append((token, chip["id"], span, chars, chip["grapheme"]))
                token += 1
            byte += look["bytes"]
            char += look["chars"]
        return out


def _expected(seg):
    status = grapheme_status(seg)
    return [
        (t.index, t.id, (t.byte_start, t.byte_end), (t.char_start, t.char_end), status[t.index])
        for t in seg.tokens
    ]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
@pytest.mark.parametrize("name", NAMES)
def test_a_row_in_the_browser_is_the_row_in_the_kernel(name, texts):
    tokenizer = wb.load_tokenizer(name)
    row, browser = Row(1, tokenizer), Browser()
    for text in texts:
        seg = wb.segment(text, tokenizer)
        browser.take(row.update(seg, Window.around(text, 0, 3000)))
        assert browser.tokens() == _expected(seg)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_add_up_too(name):
    tokenizer = wb.load_tokenizer(name)
    row, browser = Row(1, tokenizer), Browser()
    for text in NASTY.values():
        seg = wb.segment(text[:2000], tokenizer)
        browser.take(row.update(seg, Window.around(seg.text, 0, 3000)))
        assert browser.tokens() == _expected(seg)


def test_a_keystroke_costs_a_few_keys():
    tokenizer = wb.load_tokenizer("tekken")
    row = Row(1, tokenizer)
    text = "The quick brown fox jumps over the lazy dog. " * 40
    row.update(wb.segment(text, tokenizer), Window.around(text, 0, 3000))
    for typed in ("x" + text, text[:900] + "y" + text[900:], text + "z"):
        message = row.update(wb.segment(typed, tokenizer), Window.around(typed, 0, 3000))
        assert len(message["patch"]["insert"]) <= 6
        assert len(json.dumps(message)) < 3000
        row.update(wb.segment(text, tokenizer), Window.around(text, 0, 3000))


def test_a_look_is_sent_once_until_the_page_is_reloaded():
    tokenizer = wb.load_tokenizer("tekken")
    row, window = Row(1, tokenizer), Window.around("a b", 0, 3000)
    first = row.update(wb.segment("a b", tokenizer), window)
    assert len(first["looks"]) == 2
    again = row.update(wb.segment("b a", tokenizer), Window.around("b a", 0, 3000))
    assert {look["chips"][0]["said"] for look in again["looks"].values()} == {"b", "space a"}
    row.reset()
    assert len(row.update(wb.segment("a b", tokenizer), window)["looks"]) == 2


def test_a_long_text_is_sent_as_a_window_around_the_place():
    tokenizer = wb.load_tokenizer("tekken")
    text = "naïve words, " * 20_000
    seg = wb.segment(text, tokenizer)
    window = Window.around(text, 130_000, 3000)
    message = Row(1, tokenizer).update(seg, window)
    assert message["count"] == len(seg)
    assert len(message["patch"]["insert"]) < 1500
    browser = Browser()
    browser.take(message)
    tokens = browser.tokens()
    whole = _expected(seg)
    assert tokens == whole[tokens[0][0] : tokens[-1][0] + 1]
    assert tokens[0][3][0] <= window.char_start <= tokens[0][3][1]
    assert tokens[-1][3][1] >= window.char_end


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_the_strip_in_the_browser_holds_the_text(texts):
    strip, browser = Strip(), Browser()
    for text in texts:
        segs = [wb.segment(text, wb.load_tokenizer(name)) for name in ("tekken", "bytes")]
        share_graphemes(segs)
        browser.take(strip.update(segs, Window.around(text, 0, 3000)))
        assert sum(browser.looks[key]["bytes"] for key in browser.keys) == len(text.encode())


@given(before=st.lists(st.integers(0, 3)), after=st.lists(st.integers(0, 3)))
def test_a_lane_patches_any_list_into_any_other(before, after):
    lane, keys = Lane(), []
    seen = {}
    for looks in (before, after):
        patch, fresh = lane.patch(looks)
        seen |= fresh
        keys[patch["at"] : patch["at"] + patch["remove"]] = patch["insert"]
        assert [seen[key] for key in keys] == looks


def test_parts_are_short_lists():
    assert parts_json(b" a") == [[1, "·", "space"], [0, "a"]]


@given(st.text(max_size=30))
def test_shared_graphemes_are_the_graphemes(text):
    alone = wb.segment(text, "bytes").grapheme_offsets.tolist()
    seg = wb.segment(text, "bytes")
    share_graphemes([seg])
    assert seg.grapheme_offsets.tolist() == alone

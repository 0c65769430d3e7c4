"""The static token view: exact, escaped, and still there after JupyterLab's sanitizer."""

import html
import re
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.views.chips import cuts, grapheme_status, items, letters, lines, runs, token_title
from workbench.views.tokens import token_view

NASTY = "Hi  👨\u200d👩\u200d👧 e\u0301 \u202eabc\u202c שלום (x)\r\n<img src=x onerror=alert(1)>💩"
# Style properties, tags and attributes that JupyterLab 4.6 keeps in untrusted output.
_KEPT_STYLES = {
    *("background-color", "border", "border-left", "border-right", "border-radius"),
    *("border-collapse", "color", "cursor", "display", "font-family", "font-size", "font-weight"),
    *("height", "line-height", "margin", "margin-bottom", "margin-left", "margin-right"),
    *("margin-top", "max-width", "opacity", "padding", "padding-left", "padding-right"),
    *("text-align", "vertical-align", "white-space", "width"),
}
_KEPT_TAGS = {
    *("b", "br", "caption", "details", "div", "s", "span", "sub", "summary", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
_KEPT_ATTRIBUTES = {"class", "colspan", "dir", "scope", "style", "title"}


class _Reader(HTMLParser):
    """Collects what a page is made of and what it says."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.styles, self.text, self.titles = (
            set(),
            set(),
            set(),
            [],
            [],
        )
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "style":
                pairs = [rule.split(":", 1) for rule in value.split(";") if rule.strip()]
                self.styles |= {name.strip() for name, _ in pairs}
            if name == "title":
                self.titles.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def _read(page):
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def tekken():
    return wb.load_tokenizer("tekken")


@pytest.fixture(scope="module")
def mistral():
    return wb.load_tokenizer("mistral-v1")


def test_strawberry_is_three_chips(tekken):
    page = wb.segment("strawberry", tekken)._repr_html_()
    shown = re.findall(r'title="token [^"]*">([^<]*)</span>', page)
    assert shown == ["st", "raw", "berry"]
    assert "<b>3</b> tokens" in page
    assert "3.33 bytes a token" in page


def test_hostile_text_is_text(tekken):
    reader = _read(token_view(wb.segment(NASTY, tekken)).to_html())
    assert "img" not in reader.tags
    assert "script" not in reader.tags
    assert not any(name.startswith("on") for name in reader.attributes)
    assert "alert" in "".join(reader.text)


def test_only_what_an_untrusted_notebook_keeps(tekken, mistral):
    view = token_view([wb.segment(NASTY, tok) for tok in (tekken, mistral)])
    reader = _read(view.to_html())
    assert reader.tags <= _KEPT_TAGS
    assert reader.attributes <= _KEPT_ATTRIBUTES
    assert reader.styles <= _KEPT_STYLES
    assert "var(" not in view.to_html()


def test_outside_its_chips_the_view_has_the_colour_of_the_page(tekken, mistral):
    page = token_view([wb.segment(NASTY, tok) for tok in (tekken, mistral)]).to_html()
    coloured = re.findall(r'style="([^"]*[;"]color:#[^"]*)"', page)
    assert coloured
    assert all("background-color:#" in style for style in coloured)  # dark text on its own tint


def test_no_bidi_control_reaches_the_page(tekken):
    page = token_view(wb.segment(NASTY, tekken)).to_html()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x09\x0b-\x1f]", page)
    assert "RLO" in page
    assert "right-to-left override" in page


def test_an_emoji_over_many_tokens_is_one_group(tekken):
    family = "👨\u200d👩\u200d👧"
    drawn = items(wb.segment(family, tekken))
    assert [item.content.kind for item in drawn] == ["group"]
    assert drawn[0].content.source == family.encode()
    assert b"".join(chip.data for chip in drawn[0].content.chips) == family.encode()


def test_what_the_tokenizer_added_is_marked(mistral):
    page = token_view(wb.segment("Hello", mistral)).to_html()
    assert 'title="added by the tokenizer"' in page


def test_what_was_dropped_stands_in_its_place():
    words = wb.load_tokenizer("workbench-wordpiece")
    seg = wb.segment("two  words", words)
    assert seg.dropped
    kinds = [item.content.kind for item in items(seg)]
    assert "drop" in kinds[1:-1]
    assert seg.dropped[0].reason in html.unescape(token_view(seg).to_html())


def test_a_long_text_is_windowed_and_says_so(tekken):
    page = token_view(wb.segment("word " * 5000, tekken), limit=50).to_html()
    assert page.count('title="token ') == 50
    assert "The first 50 of 5,001 tokens are drawn" in page or "The first 50 of" in page
    assert len(page) < 100_000


def test_the_strip_says_who_cuts_where():
    both = wb.compare_boundaries("ab c", ["bytes", "words"])
    reader = _read(both._repr_html_())
    assert "cut by bytes" in reader.titles
    assert "cut by bytes, words" in reader.titles
    assert [cut.who for cut in cuts(both.segmentations)] == [(0, 1), (0,), (0, 1), (0,)]


def test_scores_colour_a_row_of_their_own(tekken):
    seg = wb.segment("a strawberry", tekken)
    frame = (
        seg.to_frame()
        .select("byte_start", "byte_end")
        .with_columns(
            score_name=pl.lit("surprisal_bits"), score=pl.Series([None, 2.0, 9.5][: len(seg)])
        )
    )
    page = token_view(seg, scores=frame).to_html()
    assert "surprisal_bits 9.5" in page
    assert "surprisal_bits no score" in page


def test_scores_without_their_columns_are_refused(tekken):
    seg = wb.segment("a", tekken)
    with pytest.raises(ValueError, match="lacks the column 'score_name'"):
        token_view(seg, scores=pl.DataFrame({"byte_start": [0], "byte_end": [1]})).to_html()


def test_different_texts_are_refused(tekken):
    with pytest.raises(ValueError, match="2 different ones"):
        token_view([wb.segment("a", tekken), wb.segment("b", tekken)])
    with pytest.raises(ValueError, match="at least one segmentation"):
        token_view([])


def test_the_empty_text_is_shown(tekken):
    assert "The text gives no token" in token_view(wb.segment("", tekken)).to_html()


def test_grapheme_status_in_words():
    assert grapheme_status(wb.segment("aé", "bytes")) == [0, 2, 2]
    assert grapheme_status(wb.segment("ab é", "words")) == [1, 1]


def test_titles_say_everything(tekken):
    seg = wb.segment(" strawberry", tekken)
    assert token_title(seg, 0).startswith(f"token 1 of {len(seg)}, id {seg.ids[0]}, space straw")


def test_letters_go_on_after_z():
    assert letters(28)[25:] == ["Z", "AA", "AB"]


def test_right_to_left_runs_keep_their_order():
    drawn = items(wb.segment("abc שלום עולם def", "words"))
    stretches = runs(lines(drawn)[0])
    assert [way for way, _ in stretches] == ["ltr", "rtl", "ltr"]
    joined = b"".join(
        chip.data for _, run in stretches for item in run for chip in item.content.chips
    )
    assert joined.decode() == "abc שלום עולם def"


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30))
@pytest.mark.parametrize("name", ["tekken", "mistral-v1", "workbench-wordpiece", "bytes"])
def test_every_token_and_drop_is_drawn_once(name, text):
    seg = wb.segment(text, wb.load_tokenizer(name))
    drawn = items(seg)
    assert [c.id for item in drawn for c in item.content.chips] == seg.ids
    alone = sum(item.content.kind == "drop" for item in drawn)
    within = sum(item.content.reason.count(": ") for item in drawn if item.content.kind == "group")
    assert alone + within == len(seg.dropped)
    assert sum(item.byte_end - item.byte_start for item in drawn) == len(seg.source)
    firsts = [item.first for item in drawn]
    assert firsts == sorted(firsts)
    _read(token_view(seg).to_html())


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=30), low=st.integers(0, 20), size=st.integers(0, 20))
def test_a_window_shows_what_the_whole_shows(text, low, size):
    seg = wb.segment(text, wb.load_tokenizer("tekken"))
    whole = items(seg)
    window = items(seg, min(low, len(seg)), low + size)
    assert all(item in whole for item in window)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30))
def test_the_strip_holds_the_whole_text(text):
    segs = [wb.segment(text, wb.load_tokenizer(name)) for name in ("tekken", "mistral-v1")]
    pieces = cuts(segs)
    assert b"".join(cut.data for cut in pieces) == text.encode()
    for number, seg in enumerate(segs):
        mine = [cut.byte_start for cut in pieces if number in cut.who and cut.byte_start > 0]
        assert mine == seg.boundaries.tolist()

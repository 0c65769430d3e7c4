"""Words of bytes: nothing is lost, levels add up, and what noise leaves is counted by hand."""

import pickle

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.metrics.noise import perturb
from workbench.studies import word_pooling as study
from workbench.studies.verdicts import COLUMNS

NAMES = ("hat", "whitespace")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_words_join_to_the_text(name, text):
    tok = study.hierarchy(name)
    ids = tok.encode(text)
    assert tok.decode(ids) == text
    seg = wb.segment(text, tok)
    assert b"".join(t.data for t in seg.tokens) == text.encode()
    assert seg.dropped == ()


def test_hat_cuts_what_white_space_does_not():
    tok = study.hierarchy("hat")
    # The example of hat-splitter's own documentation.
    assert [t.data.decode() for t in wb.segment("Hello, world!", tok).tokens] == [
        "Hello,",
        " world!",
    ]
    assert len(wb.segment("你好世界", tok)) == 4
    assert len(wb.segment("你好世界", study.hierarchy("whitespace"))) == 1
    again = pickle.loads(pickle.dumps(tok))
    assert again.encode("camelCase") == tok.encode("camelCase")
    assert again.fingerprint == tok.fingerprint != study.hierarchy("whitespace").fingerprint


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 4))
def test_two_levels_never_look_at_more_pairs_than_counted_one_by_one(sizes, per_word):
    pairs = [(i, a, b) for i, size in enumerate(sizes) for a in range(size) for b in range(size)]
    upper = [(a, b) for a in range(len(sizes) * per_word) for b in range(len(sizes) * per_word)]
    assert study.attention_cost(sizes, per_word) == len(pairs) + len(upper)


def test_levels_add_up():
    frame = pl.DataFrame({"text": ["ab cde", "f"], "language": ["x", "x"]})
    table = study.levels([study.hierarchy("whitespace"), wb.load_tokenizer("bytes")], frame)
    words, plain = table.to_dicts()
    assert (words["units"], words["bytes"], words["longest_bytes"]) == (3, 7, 4)
    assert words["bytes_per_unit"] == pytest.approx(7 / 3)
    assert words["pairs_of_bytes"] == pytest.approx((4 + 16 + 4 + 1 + 1) / (36 + 1))
    assert plain["bytes_per_unit"] == plain["pairs_of_bytes"] == 1
    with pytest.raises(ValueError, match="no document"):
        study.levels([study.hierarchy("hat")], frame.head(0))


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet="ab é\n", max_size=30),
    st.sampled_from(["characters", "spacing", "case"]),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_bytes_survive_exactly_where_noise_left_them_alone(text, kind, rate, seed):
    noisy = perturb(text, kind, rate, seed)
    rows = noisy.byte_alignment()[~noisy.changed]
    untouched = int((rows[:, 1] - rows[:, 0]).sum()) if len(rows) else 0
    found = study.surviving_tokens(noisy, wb.load_tokenizer("bytes"))
    assert found == (untouched, len(text.encode()))
    kept, units = study.surviving_tokens(noisy, study.hierarchy("whitespace"))
    assert kept <= units
    if noisy.text == text:
        assert kept == units


def test_one_letter_changes_one_word():
    noisy = next(n for s in range(99) if (n := perturb("one two three", "case", 0.1, s)).edits == 1)
    assert study.surviving_tokens(noisy, study.hierarchy("whitespace")) == (2, 3)


@pytest.fixture(scope="module")
def tables():
    frame = wb.load_corpus("parallel").scan().collect()
    frame = frame.filter(pl.col("language").is_in(["eng_Latn", "tha_Thai"]))
    toks = [study.hierarchy("hat"), study.hierarchy("whitespace"), wb.load_tokenizer("mistral-v3")]
    english = frame.filter(pl.col("language") == "eng_Latn")["text"].to_list()
    return study.levels(toks, frame), study.survival(english, toks, [0.0, 0.1])


def test_no_noise_touches_nothing_and_noise_lengthens_subwords(tables):
    still = tables[1].filter(pl.col("rate") == 0)
    assert still["surviving"].to_list() == still["inflation"].to_list() == [1, 1, 1]
    struck = tables[1].filter(pl.col("rate") == 0.1)
    assert struck["surviving"].is_between(0.4, 0.9).all()
    low = dict(struck.select("tokenizer", "inflation_low").rows())
    assert low["mistral-v3"] > 1.15
    assert low["whitespace-words"] == pytest.approx(1)


def test_the_verdict_says_who_wins(tables):
    verdict = study.verdict(*tables, "mistral-v3")
    assert verdict.columns == list(COLUMNS)
    by = dict(verdict.select("measure", "verdict").rows())
    thai = [v for m, v in by.items() if m.startswith("bytes per word") and "whitespace" in m]
    assert thai == ["fails: whole sentences are words"]
    assert verdict.filter(pl.col("verdict") == "lengthens").height == 1
    both = study.verdict(*tables, ["mistral-v3", "mistral-v3"])
    assert both.height == verdict.height + 4  # two more shares, and two more rows of its own
    assert by["share of units untouched, 10% of characters struck, hat-words"].startswith(
        ("fewer survive than of mistral-v3", "no difference from mistral-v3 shown")
    )
    with pytest.raises(ValueError, match="is not in the tables"):
        study.verdict(*tables, "tekken")


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="use 'hat' or 'whitespace'"):
        study.hierarchy("words")
    with pytest.raises(ValueError, match="no text to put noise on"):
        study.survival([], [study.hierarchy("hat")])

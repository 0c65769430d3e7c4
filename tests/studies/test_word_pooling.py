"""Words of bytes: nothing is lost, levels add up, and what noise leaves is counted by hand."""

import pickle
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.metrics.noise import perturb
from workbench.studies import word_pooling as study
from workbench.studies import word_verdict
from workbench.studies.verdicts import COLUMNS, ratio_difference

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
    noise = study.survival(english, toks, [0.0, 0.1], language="eng_Latn")
    return study.levels(toks, frame), noise


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
    thai = [v for m, v in by.items() if m.startswith("bytes per unit") and "whitespace" in m]
    assert len(thai) == 1
    assert re.fullmatch(r"above 32 bytes \(our mark\); \d+% of its texts are one unit", thai[0])
    assert verdict.filter(pl.col("verdict") == "lengthens").height == 1
    both = study.verdict(*tables, ["mistral-v3", "mistral-v3"])
    assert both.height == verdict.height + 4  # two more shares, and two more rows of its own
    struck = "noise on 10% of characters that are not white space, eng_Latn"
    assert by[f"share of units untouched, {struck}, hat-words"].startswith(
        "fewer survive than of mistral-v3"
    )
    with pytest.raises(ValueError, match="is not in the tables"):
        study.verdict(*tables, "tekken")


def toks(*names):
    return [study.hierarchy("whitespace"), *map(wb.load_tokenizer, names)]


def judged(texts, others, rates=(0.1,), kind="characters", languages=None):
    """The verdict on some texts, by measure."""
    frame = pl.DataFrame({"text": texts, "language": languages or ["x"] * len(texts)})
    noise = study.survival(texts, toks(*others), rates, kind=kind)
    rows = study.verdict(study.levels(toks(*others), frame), noise, others)
    return {row["measure"]: row for row in rows.to_dicts()}


@pytest.mark.parametrize("rate", [0.02, 0.03, 0.05])
def test_what_survives_is_told_apart_by_paired_differences(rate):
    frame = wb.load_corpus("parallel", languages=["eng_Latn"]).scan().collect()
    both = [study.hierarchy("hat"), wb.load_tokenizer("mistral-v3")]
    noise = study.survival(frame["text"].to_list(), both, [rate])
    words, subwords = noise.to_dicts()
    pair = [(row["document_kept"], row["document_units"]) for row in (words, subwords)]
    assert words["surviving"] == sum(pair[0][0]) / sum(pair[0][1])
    found = ratio_difference(*pair)
    assert found.high < 0
    verdict = study.verdict(study.levels(both, frame), noise, "mistral-v3")
    said = verdict.filter(pl.col("claim") == "Units survive noise")["verdict"].to_list()
    assert said == [f"fewer survive than of mistral-v3 ({found})"]


def test_fewer_units_are_counted_with_their_intervals_over_languages():
    # By white space "a b" is two words of three bytes, and "中 文" two of seven.
    texts, languages = ["a b", "中 文"] * 9, ["x", "y"] * 9
    row = judged(texts, ["bytes"], languages=languages)[
        "units of whitespace-words over those of bytes, the language with the most (x)"
    ]
    assert row["value"] == pytest.approx(2 / 3)
    assert row["verdict"] == "holds: fewer in 2 of 2 languages, more in 0"
    lone = judged(["a b"] * 9, ["words"])[
        "units of whitespace-words over those of words, the language with the most (x)"
    ]
    assert (lone["value"], lone["verdict"]) == (1, "not shown: fewer in 0 of 1 language, more in 0")
    # Seven documents have no interval, so nothing is shown of them.
    few = judged(["a b"] * 7, ["bytes"])
    assert few[
        "units of whitespace-words over those of bytes, the language with the most (x)"
    ]["verdict"].startswith("not shown: fewer in 0")  # fmt: skip


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (["fewer", "more"], "does not hold for all: fewer in 1 of 2 languages, more in 1"),
        (["more", "not shown"], "fails: fewer in 0 of 2 languages, more in 1"),
        (["fewer", "not shown"], "not shown for all: fewer in 1 of 2 languages, more in 0"),
    ],
)
def test_languages_that_differ_are_counted(sides, said):
    assert word_verdict._over_languages(sides) == said


def test_long_words_are_told_apart_from_whole_texts():
    # Two addresses a text, no sentence in sight.
    urls = [
        f"https://example.org/{'a' * 40}/{i:02} https://example.org/{'b' * 43}" for i in range(20)
    ]
    row = judged(urls, ["bytes"])[
        "bytes per unit, the language with the longest (x), whitespace-words"
    ]
    assert row["value"] > 60
    assert row["verdict"] == "above 32 bytes (our mark); 0% of its texts are one unit"
    row = judged(["one", "two three"] * 5, ["bytes"])[
        "bytes per unit, the language with the longest (x), whitespace-words"
    ]
    assert row["verdict"] == "below 32 bytes (our mark); 50% of its texts are one unit"


def test_both_kinds_of_noise_are_judged_and_others_answer_no_claim_of_hierarchies():
    rows = judged(["one two three four"] * 9, ["bytes"], kind=["characters", "spacing"])
    solid = "noise on 10% of characters that are not white space"
    gaps = "noise on 10% of spaces between words and gaps within words"
    claim = "Noise does not lengthen the upper level of a hierarchy"
    for struck in (solid, gaps):
        assert rows[f"units after / before, {struck}, whitespace-words"]["claim"] == claim
        for measure in ("units after / before", "share of units untouched"):
            assert rows[f"{measure}, {struck}, bytes"]["claim"].startswith("Beside it")
    # No white space is struck in the one, and it is in the other.
    assert rows[f"units after / before, {solid}, whitespace-words"]["value"] == 1
    assert rows[f"units after / before, {gaps}, whitespace-words"]["value"] > 1


def test_no_noise_is_no_verdict():
    still = judged(["one two"] * 9, ["bytes"], rates=[0])
    assert len(still) == 2
    assert not [measure for measure in still if "noise" in measure]
    assert len(judged(["one two"] * 9, ["bytes"], rates=[0, 0.1])) == 6


def test_the_median_is_no_mean():
    frame = pl.DataFrame({"text": ["a b cdefghijklmno"], "language": ["x"]})
    # Units of 1, 2 and 14 bytes.
    assert study.levels(toks(), frame)["median_bytes"].item() == 2


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="use 'hat' or 'whitespace'"):
        study.hierarchy("words")
    with pytest.raises(ValueError, match="no text to put noise on"):
        study.survival([], [study.hierarchy("hat")])
    texts = ["one two three"]
    for mistake, says in [
        ((texts, [], [0.1]), "no tokenizer"),
        ((texts, toks(), []), "no rate of noise: give at least one"),
    ]:
        with pytest.raises(ValueError, match=says):
            study.survival(*mistake)
    with pytest.raises(ValueError, match="no kind of noise"):
        study.survival(texts, toks(), kind=[])
    frame = pl.DataFrame({"text": texts, "language": ["x"]})
    for column in frame.columns:
        with pytest.raises(ValueError, match=f"no column '{column}'.*documents_frame"):
            study.levels(toks(), frame.drop(column))
    with pytest.raises(ValueError, match="no tokenizer"):
        study.levels([], frame)
    for per_word in (-4, 0):
        with pytest.raises(ValueError, match="one or more"):
            study.levels(toks(), frame, per_word=per_word)
    with pytest.raises(ValueError, match="-1 bytes cannot be"):
        study.attention_cost([2, -1])
    assert study.attention_cost([]) == 0

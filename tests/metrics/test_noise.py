"""Noise is exact, seeded and aligned; stability agrees with what was published."""

import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import load_tokenizer
from workbench.metrics import DocumentView, get_metric
from workbench.metrics._agreement import compare_cuts, f1, kappa, places_of
from workbench.metrics.noise import KINDS, RATES, boundary_stability, count_moved_cuts, perturb

SENTENCE = "The old café on Mill Street closed at nine; we walked home along the river, singing."
TEXTS = st.text(
    st.sampled_from("abcABC rn1lO0.,'-\"éñİß 日本한가\u0301\u093f\n\t👍🏽"), max_size=40
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), TEXTS, st.floats(0, 1), st.integers(0, 5))
def test_the_alignment_covers_both_texts_and_kept_parts_are_equal(kind, text, rate, seed):
    noisy = perturb(text, kind, rate, seed)
    assert noisy.source == text
    ends = (0, 0)
    for (a, b, c, d), changed in zip(noisy.alignment.tolist(), noisy.changed, strict=True):
        assert (a, c) == ends
        assert b > a or d > c
        assert (text[a:b] == noisy.text[c:d]) != changed
        ends = (b, d)
    assert ends == (len(text), len(noisy.text))
    again = perturb(text, kind, rate, seed)
    assert again.text == noisy.text
    assert perturb(text, kind, 0, seed).text == text


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]), TEXTS | st.text(max_size=30))
def test_normalizing_all_graphemes_normalizes_the_text(form, text):
    noisy = perturb(text, form.lower(), 1.0)
    assert unicodedata.normalize("NFD", noisy.text) == unicodedata.normalize(
        "NFD", unicodedata.normalize(form, text)
    )
    assert noisy.text == unicodedata.normalize(form, text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), TEXTS, st.floats(0, 1))
def test_every_byte_edge_has_a_place_and_kept_bytes_share_theirs(kind, text, rate):
    noisy = perturb(text, kind, rate, 3)
    clean, dirty = places_of(noisy)
    assert len(clean) == len(text.encode()) + 1
    assert len(dirty) == len(noisy.text.encode()) + 1
    assert (np.diff(clean) >= 0).all()
    assert (np.diff(dirty) >= 0).all()
    assert clean[0] == dirty[0] == 0
    assert clean[-1] == dirty[-1]
    for (a, b, c, d), changed in zip(noisy.byte_alignment().tolist(), noisy.changed, strict=True):
        if not changed:
            assert clean[a : b + 1].tolist() == dirty[c : d + 1].tolist()


@pytest.mark.parametrize(
    ("kind", "clean", "noisy"),
    [
        ("case", "aB ß", "Ab ß"),
        ("nfd", "The café", "The cafe\u0301"),
        ("typography", '"', "\u201c\u201d"),
        ("ocr", "0", "Oo"),
    ],
)
def test_full_noise_of_small_texts(kind, clean, noisy):
    found = {perturb(clean, kind, 1.0, seed).text for seed in range(20)}
    assert found <= ({noisy} if len(noisy) > 2 else set(noisy))
    assert found


def test_the_rate_is_a_share_of_the_sites():
    text = SENTENCE * 20
    solid = sum(not c.isspace() for c in text)
    struck = perturb(text, "characters", 0.05, 1).edits
    assert 0.03 * solid < struck <= 0.05 * solid + 1
    short = [perturb("word", "case", 0.05, seed).edits for seed in range(2000)]
    assert sum(short) / (4 * 2000) == pytest.approx(0.05, abs=0.01)  # rounded by chance


def test_what_is_struck_at_a_low_rate_is_struck_at_a_high_one():
    few, many = (perturb(SENTENCE * 5, "case", rate, 9) for rate in (0.02, 0.2))
    low, high = ({tuple(row[:2]) for row in p.alignment[p.changed].tolist()} for p in (few, many))
    assert low < high


def test_seeds_and_kinds_differ():
    texts = {
        perturb(SENTENCE, kind, 0.3, seed).text for kind in ("typing", "ocr") for seed in (0, 1)
    }
    assert len(texts) == 4


@pytest.mark.parametrize(
    ("kind", "rate", "match"),
    [("fog", 0.1, "no noise called 'fog'; there are characters, typing"), ("case", 2, "not 2")],
)
def test_bad_noise_is_refused(kind, rate, match):
    with pytest.raises(ValueError, match=match):
        perturb("text", kind, rate)


def test_agreement_of_the_worked_example():
    noisy = perturb("cats eat", "characters", 0)
    found = compare_cuts(noisy, np.array([4]), np.array([1, 4]))
    assert found == {"both": 1, "left": 1, "right": 2, "places": 7}
    values = {key: np.float64(number) for key, number in found.items()}
    assert f1(values["both"], values["left"], values["right"]) == pytest.approx(2 / 3)
    assert kappa(**values) == pytest.approx((6 / 7 - 32 / 49) / (1 - 32 / 49))


def test_kappa_agrees_with_a_plain_count():
    rng = np.random.default_rng(4)
    a, b = rng.random(500) < 0.3, rng.random(500) < 0.4
    observed = (a == b).mean()
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    got = kappa(*(np.float64(x) for x in ((a & b).sum(), a.sum(), b.sum(), 500)))
    assert got == pytest.approx((observed - chance) / (1 - chance))


def test_edges_around_what_was_put_in_are_one_place():
    noisy = perturb("ab", "spacing", 1.0)
    assert noisy.text == "a b"
    assert compare_cuts(noisy, np.array([1]), np.array([2]))["both"] == 1
    assert compare_cuts(noisy, np.array([1]), np.array([1, 2]))["right"] == 1
    assert compare_cuts(noisy, np.array([], int), np.array([1])) == {
        "both": 0,
        "left": 0,
        "right": 1,
        "places": 1,
    }


@pytest.fixture(scope="module")
def prose(root):
    text = (root / "data" / "parallel" / "eng_Latn.txt").read_text("utf-8").splitlines()
    story = (root / "data" / "prose" / "eng_Latn_04_rivers.txt").read_text("utf-8").splitlines()
    return text + [line for line in story if line][:40]


def test_short_tokens_are_steadier(prose):
    table = boundary_stability(["workbench-char-bpe", "tekken", "mistral-v1"], prose)
    short, *general = table.rows(named=True)
    for row in general:
        assert row["f1"] < short["f1"]
        assert row["kappa"] < short["kappa"]
        assert row["inflation"] > 1.1 > short["inflation"]


def test_stability_on_flores_as_published(oracles):
    """KL3M: F1 .94-.95 and .90-.91, κ .930-.936 and .888-.899, inflation 1.02-1.04, 1.16-1.21."""
    lines = (oracles / "flores200" / "eng_Latn.dev").read_text("utf-8").splitlines()[:120]
    general = str(oracles / "tokenizers" / "cl100k_base.tiktoken")
    table = boundary_stability(["workbench-char-bpe", "tekken", general], lines)
    short, *others = table.rows(named=True)
    assert 0.94 <= short["f1"] <= 0.97
    assert 0.925 <= short["kappa"] <= 0.945
    assert 1.02 <= short["inflation"] <= 1.05
    for row in others:
        assert 0.90 <= row["f1"] <= 0.915
        assert 0.87 <= row["kappa"] <= 0.90
        assert 1.16 <= row["inflation"] <= 1.21


def test_dense_cuts_agree_by_chance_alone():
    row = boundary_stability("bytes", ["plain ascii text here"] * 3, "typing", 0.2).row(
        0, named=True
    )
    assert row["f1"] > 0.9
    assert row["kappa"] is None or row["kappa"] <= 0.01


def test_stability_of_several_kinds_and_rates():
    table = boundary_stability(["words"], [SENTENCE, ""], ["case", "nfd"], [0.0, 1.0])
    assert table.height == 4
    still = table.filter(pl.col("rate") == 0)
    assert still["f1"].to_list() == [None, None]  # nothing was struck: nothing to say
    assert table.filter(pl.col("rate") == 1)["f1"].to_list() == [1.0, 1.0]
    with pytest.raises(ValueError, match="at least one text"):
        boundary_stability("bytes", [])


def test_the_metric_of_a_corpus_counts_what_the_function_counts():
    tokenizer = load_tokenizer("workbench-bpe")
    view = DocumentView(SENTENCE, tokenizer, seed=8)
    found = count_moved_cuts(view)
    noisy = perturb(SENTENCE, "typing", RATES["typing"], 8)
    assert found["documents"] == 1
    assert found["typing_noisy_tokens"] == len(tokenizer.encode(noisy.text))
    assert found["typing_edits"] == noisy.edits
    skipped = count_moved_cuts(DocumentView(SENTENCE, tokenizer, seed=7))
    assert list(skipped) == list(found)
    assert set(skipped.values()) == {0}
    sums = {f"noise.{key}": np.array(float(n)) for key, n in found.items()}
    metric = get_metric("noise")
    assert 0 < float(metric["typing_f1"].value(sums)) < 1
    assert float(metric["typing_inflation"].value(sums)) >= 1
    empty = {key: np.array(0.0) for key in sums}
    assert all(np.isnan(v.value(empty)) for v in metric.variants)

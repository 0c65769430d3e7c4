"""Tokens give a context-free model the memory it lacks: checked against closed forms."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import markov, theory
from workbench.studies.boundary_stability import train_bpe
from workbench.studies.documents import Split, split_corpus
from workbench.studies.markov import SwitchingSource


@pytest.fixture(scope="module")
def curve():
    return theory.dictionary_curve(
        SwitchingSource(0.1), [4, 8, 32, 128], length=40_000, seeds=[0, 1, 2, 3]
    )


def at(curve, method, size):
    return curve.filter((pl.col("method") == method) & (pl.col("size") == size)).row(0, named=True)


def test_entropies_of_known_coins():
    assert SwitchingSource(0.5).entropy_rate == pytest.approx(1.0)
    assert SwitchingSource(0.1, 3).entropy_rate == pytest.approx(0.4689955936)
    assert SwitchingSource(0.11).entropy_rate == pytest.approx(0.4999158)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_sample_switches_as_often_as_it_should(order):
    text = SwitchingSource(0.2, order).sample(60_000, seed=3)
    data = np.frombuffer(text.encode(), np.uint8)
    assert abs(np.mean(data[order:] != data[:-order]) - 0.2) < 0.01
    for lag in range(1, order):
        assert abs(np.mean(data[lag:] != data[:-lag]) - 0.5) < 0.05
    assert SwitchingSource(0.2, order).sample(7, 3) == SwitchingSource(0.2, order).sample(7, 3)
    assert SwitchingSource(0.2, order).sample(0, 3) == ""


def test_lzw_on_welchs_kind_of_example():
    assert markov.lzw_dictionary("AABABBABA", 6) == ["A", "B", "AA", "AB", "BA", "ABB"]


@given(st.text("AB", min_size=2, max_size=80), st.integers(2, 20))
def test_every_dictionary_gives_the_text_back(text, size):
    text = "AB" + text
    entries = markov.lzw_dictionary(text, size)
    assert len(entries) == len(set(entries)) <= size
    assert "".join(markov.greedy_encode(text, entries)) == text
    # An LZW entry without its last letter is an entry made before it.
    for number, entry in enumerate(entries):
        assert len(entry) == 1 or entry[:-1] in entries[:number]
    learnt, merges = markov.bpe_dictionary(text, size)
    assert "".join(markov.bpe_encode(text, learnt, merges)) == text


@given(st.text("AB", max_size=40), st.sets(st.text("AB", min_size=1, max_size=5)))
def test_greedy_takes_the_longest_entry(text, extra):
    entries = {"A", "B", *extra}
    at = 0
    for token in markov.greedy_encode(text, sorted(entries)):
        assert token == max((e for e in entries if text.startswith(e, at)), key=len)
        at += len(token)
    assert at == len(text)


@given(st.text("AB", min_size=2, max_size=80), st.integers(2, 12))
def test_a_smaller_dictionary_is_the_beginning_of_a_larger_one(text, size):
    text = "AB" + text
    larger = markov.bpe_dictionary(text, 12)
    assert markov.smaller_bpe(*larger, size) == markov.bpe_dictionary(text, size)


@given(st.text("AB", min_size=1, max_size=60))
def test_the_character_model_is_the_empirical_entropy(text):
    # Counted and scored on the same text, without smoothing, it would be H of the letters; the
    # half counts add at most what the Krichevsky-Trofimov estimate may add.
    counts = [text.count("A"), text.count("B")]
    n = len(text)
    empirical = -sum(c / n * math.log2(c / n) for c in counts if c)
    bits = theory.unigram_cross_entropy(list(text), list(text), ["A", "B"])
    assert empirical - 1e-12 <= bits <= empirical + (0.5 * math.log2(n + 1) + 1) / n


def test_characters_stay_at_one_bit_and_tokens_come_close(curve):
    assert at(curve, "characters", 2)["bits_per_character"] == pytest.approx(1.0, abs=0.002)
    for method in ("LZW", "BPE"):
        best = at(curve, method, 128)
        assert best["ci_low"] > 0.469
        assert best["ci_high"] < 0.60
        assert best["bits_per_character"] < at(curve, method, 8)["bits_per_character"]


@pytest.mark.parametrize(
    ("method", "size", "seen", "noise"),
    [
        # Figures of an independent implementation; the first LZW entries depend on the first
        # letters of the sample, so their noise is large.
        ("LZW", 32, 0.559, 0.04),
        ("LZW", 128, 0.530, 0.02),
        ("BPE", 4, 0.774, 0.01),
        ("BPE", 8, 0.682, 0.015),
        ("BPE", 32, 0.590, 0.015),
        ("BPE", 128, 0.572, 0.015),
    ],
)
def test_the_figures_agree_with_those_seen(curve, method, size, seen, noise):
    assert at(curve, method, size)["bits_per_character"] == pytest.approx(seen, abs=noise)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 0.95), st.integers(1, 3), st.integers(2, 40))
def test_no_model_beats_the_source(switch, order, size):
    source = SwitchingSource(switch, order)
    runs = theory.cross_entropies(source, [size], length=20_000, seed=1)
    # Sampling noise of the entropy of 20,000 switches: five standard errors.
    spread = abs(math.log2(switch / (1 - switch))) * math.sqrt(switch * (1 - switch) / 20_000)
    assert runs["bits_per_character"].min() > source.entropy_rate - 5 * spread - 1e-3


def test_bad_requests_are_sentences():
    with pytest.raises(ValueError, match="lies in"):
        SwitchingSource(0.0)
    with pytest.raises(ValueError, match="at least 1"):
        SwitchingSource(0.1, 0)
    with pytest.raises(ValueError, match="cannot hold the 2 letters"):
        markov.lzw_dictionary("AB", 1)
    with pytest.raises(ValueError, match="No entry"):
        markov.greedy_encode("ABC", ["A", "B"])
    with pytest.raises(ValueError, match="no method"):
        theory.cross_entropies(SwitchingSource(0.1), [4], methods=["zip"], length=100)
    with pytest.raises(ValueError, match="No seeds"):
        theory.dictionary_curve(SwitchingSource(0.1), [4], length=100, seeds=[])


def test_the_verdict_reads_the_curve(curve):
    rows = theory.verdict(curve=curve)
    assert rows["verdict"][0].startswith("stays")
    assert rows["verdict"][1].startswith("holds")
    assert rows.height == 3


def test_the_verdict_claims_no_more_than_it_sees():
    little = theory.verdict(sizes=[3], length=5_000, seeds=[0, 1, 2])["verdict"].to_list()
    assert little[1].startswith("in part: ")
    assert "monotone" not in little[1]
    once = theory.verdict(sizes=[64], length=5_000, seeds=[0])["verdict"].to_list()
    assert once[1].startswith("not shown: ")
    coin = theory.verdict(0.5, sizes=[4, 8], length=2_000, seeds=[0, 1])["verdict"].to_list()
    assert coin[1].startswith("the source has no memory to find")


def sampled(switch, order, letters=40_000, paragraph=1000):
    """A switching source as a corpus: paragraphs to learn from, and others."""
    text = SwitchingSource(switch, order).sample(2 * letters, seed=5)
    parts = [text[i : i + paragraph] for i in range(0, len(text), paragraph)]
    return Split(tuple(parts[::2]), tuple(parts[1::2]))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_on_a_text_whose_entropy_is_known_memory_and_tokens_come_near_it(order):
    split, rate = sampled(0.1, order), SwitchingSource(0.1, order).entropy_rate
    tok = train_bpe(split.train, 400, name="learnt")
    table = theory.text_cross_entropies([tok], split)
    bits = dict(table.select("model", "bits_per_byte").rows())
    blind, memory = theory.BASELINES
    assert bits[blind] == pytest.approx(1, abs=0.005)
    assert bits[memory] == pytest.approx(rate, abs=0.01)
    assert rate < bits["learnt"] < 0.75
    row = table.row(-1, named=True)
    assert row["saved"] == pytest.approx(bits[blind] - bits["learnt"])
    assert row["saved_low"] <= row["saved"] <= row["saved_high"]
    assert theory.text_verdict(table)["verdict"].item().startswith("holds; 4 bytes of memory")


def test_bits_by_hand():
    split = Split(("aab",), ("ab", "c"))
    bits, unseen = theory.token_bits(wb.load_tokenizer("bytes"), split)
    # Three tokens of two types: p = (count + 2 / 256) / 5.
    p = [(count + 2 / 256) / 5 for count in (2, 1, 0)]
    assert bits == pytest.approx([-math.log2(p[0] * p[1]), -math.log2(p[2])])
    assert unseen == 1
    # Of an open vocabulary the unseen gets all that smoothing takes away, T / (N + T), and is
    # spelt: 3 letters and an end.
    bits, _ = theory.token_bits(wb.load_tokenizer("words"), Split(("ab",), ("xyz",)))
    assert bits[0] == pytest.approx(-math.log2(1 / 2) + 4 * math.log2(257))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc ", min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=5))
def test_a_price_is_that_of_a_distribution(texts):
    tok = wb.load_tokenizer("bytes")
    split = Split(tuple(texts), tuple(chr(i) for i in range(128)))
    bits, _ = theory.token_bits(tok, split)
    ascii_mass = float((2.0**-bits).sum())
    seen = {b for text in texts for b in text.encode()}
    total = sum(len(text.encode()) for text in texts)
    other = 128 * len(seen) / 256 / (total + len(seen))
    assert ascii_mass + other == pytest.approx(1)


def test_a_real_text_is_cheaper_over_tokens():
    split = split_corpus("prose", language="eng_Latn")
    toks = [wb.load_tokenizer(name) for name in ("mistral-v3", "characters", "workbench-wordpiece")]
    table = theory.text_cross_entropies(toks, split)
    by = {row["model"]: row for row in table.to_dicts()}
    assert by["mistral-v3"]["saved_low"] > 1
    assert abs(by["characters"]["saved"]) < 0.01  # English: a character is a byte
    assert by["mistral-v3"]["kept"] == 1
    # Fewer bits for less than the text would be no saving.
    assert by["workbench-wordpiece"]["kept"] < 1
    assert theory.text_verdict(table)["verdict"][-1].startswith("cannot be said")
    assert table["paragraphs"].unique().to_list() == [len(split.held_out)]
    with pytest.raises(ValueError, match="paragraphs to count on"):
        theory.token_bits(toks[0], Split((), ("a",)))

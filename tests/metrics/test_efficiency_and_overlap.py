"""Retention, inequality, efficiency, overlap, bits: worked examples and published values."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import load_tokenizer
from workbench.metrics import Histogram, WordTypes, divide, get_metric
from workbench.metrics.bits_per_byte import bits_per_byte, unigram_bits_per_byte
from workbench.metrics.gini import gini
from workbench.metrics.percentile_frequency import percentile_frequency
from workbench.metrics.renyi_efficiency import renyi_efficiency, renyi_entropy
from workbench.metrics.vocabulary_overlap import declared_entries, jaccard, used_entries


def histogram(tokenizer, text):
    ids, counts = np.unique(np.array(tokenizer.encode(text), dtype=np.int64), return_counts=True)
    return Histogram(ids, counts.astype(np.int64), tokenizer.vocab_size, tokenizer)


def words(*rows):
    names, occurrences, tokens = zip(*rows, strict=True) if rows else ((), (), ())
    return WordTypes(tuple(names), np.array(occurrences, int), np.array(tokens, int))


def test_single_token_retention_weighs_types_or_occurrences():
    metric = get_metric("single_token_retention")
    seen = words(("cat", 1, 2), ("hat", 1, 2), ("the", 8, 1))
    assert metric["types"].value(seen) == pytest.approx(100 / 3)
    assert metric["occurrences"].value(seen) == 80
    assert metric["types"].value(words()) is None
    assert metric["occurrences"].value(words()) is None


def test_gini_of_the_worked_example_and_its_maximum():
    assert gini(np.array([1.0, 1.0, 4.0])) == pytest.approx(1 / 3)
    assert gini(np.array([5.0, 5.0, np.nan])) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 7.0])) == pytest.approx(1 - 1 / 4)
    assert np.isnan(gini(np.array([np.nan, np.nan])))
    assert np.isnan(gini(np.array([0.0, 0.0])))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=12))
def test_gini_is_the_sum_over_pairs(costs):
    c = np.array(costs)
    by_definition = np.abs(c[:, None] - c).sum() / (2 * len(c) ** 2 * c.mean())
    assert gini(c) == pytest.approx(by_definition, abs=1e-12)


def test_gini_variants_differ_where_scripts_do():
    metric = get_metric("gini")
    sums = {
        "tokens": np.array([10.0, 30.0]),
        "bytes": np.array([10.0, 30.0]),
        "lines": np.array([2.0, 2.0]),
        "documents": np.array([1.0, 1.0]),
    }
    assert metric["per_byte"].value(sums) == 0
    assert metric["per_line"].value(sums) == metric["per_document"].value(sums) == 0.25


def test_renyi_efficiency_of_the_published_example():
    counts = [3, 2, 1, 1]  # pick @@ed pick @@l @@ed pick @@les
    # tokenization-scorer's README prints these beside power=2.5; they are those of 3.
    assert renyi_efficiency(counts, 4, alpha=3) == pytest.approx(0.8031528501359657, abs=1e-15)
    assert renyi_efficiency(counts, 4) == pytest.approx(0.8265, abs=5e-5)
    # pick @@e @@d pick @@l @@e @@d pick @@l @@e @@s
    assert renyi_efficiency([3, 3, 2, 2, 1], 5, alpha=3) == pytest.approx(
        0.9105681923824472, abs=1e-15
    )


def test_renyi_by_declared_and_observed_vocabularies():
    metric = get_metric("renyi_efficiency")
    seen = histogram(load_tokenizer("bytes"), "abab")
    assert metric["observed"].value(seen) == pytest.approx(1)
    assert metric["declared"].value(seen) == pytest.approx(1 / 8)
    assert metric["shannon_declared"].value(seen) == pytest.approx(1 / 8)
    nothing = histogram(load_tokenizer("bytes"), "")
    assert [v.value(nothing) for v in metric.variants] == [None] * 4
    one = histogram(load_tokenizer("bytes"), "aaa")
    assert metric["observed"].value(one) is None  # log2 1 is 0: no share of nothing
    assert metric["declared"].value(one) == 0
    opened = histogram(load_tokenizer("words"), "to be or not to be")
    assert metric["declared"].value(opened) is None
    assert metric["shannon_observed"].value(opened) == pytest.approx(
        renyi_entropy(opened.counts, 1) / math.log2(opened.used)
    )


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30), st.floats(0.1, 30))
def test_renyi_entropy_never_rises_with_the_order(counts, alpha):
    entropies = [renyi_entropy(counts, a) for a in (0, alpha, alpha + 1, math.inf)]
    assert all(a >= b - 1e-9 for a, b in pairwise(entropies))
    assert entropies[0] == pytest.approx(math.log2(len(counts)))


def test_renyi_refuses_a_negative_order():
    with pytest.raises(ValueError, match="0 or more, not -1"):
        renyi_entropy([1, 2], -1)


def test_percentile_frequency_of_the_worked_example():
    assert percentile_frequency([11, *[1] * 9]) == pytest.approx(0.9)
    counts = np.arange(100, 0, -1)
    assert percentile_frequency(counts) == pytest.approx(counts[3:83].sum() / counts.sum())
    assert percentile_frequency(counts, 0, 1) == 1
    assert percentile_frequency([]) is None
    with pytest.raises(ValueError, match=r"low before high, not 0\.9 and 0\.1"):
        percentile_frequency([1], 0.9, 0.1)


def test_overlap_is_by_bytes_not_by_spelling():
    one, other = load_tokenizer("mistral-v1"), load_tokenizer("tekken")
    assert b" the" in declared_entries(one) & declared_entries(other)
    assert one.piece(one.id_of("▁the")) != other.piece(other.encode(" the")[0])
    metric = get_metric("vocabulary_overlap")
    a, b = histogram(one, "the cat"), histogram(other, " the cat")
    assert metric["used"].value(a, b) == metric["occurrences"].value(a, b) == 1
    assert 0.1 < metric["declared"].value(a, b) < 0.5
    assert metric["declared"].value(a, b) == metric["declared"].value(b, a)


def test_overlap_of_the_worked_example():
    tok = load_tokenizer("bytes")
    a, b = histogram(tok, "aaab"), histogram(tok, "bbcc")
    metric = get_metric("vocabulary_overlap")
    assert used_entries(a) == {b"a": 3, b"b": 1}
    assert metric["used"].value(a, b) == pytest.approx(1 / 3)
    assert metric["occurrences"].value(a, b) == 3 / 8
    assert metric["used"].value(a, a) == metric["declared"].value(a, b) == 1


def test_overlap_without_a_vocabulary_is_null():
    opened = histogram(load_tokenizer("words"), "a b")
    closed = histogram(load_tokenizer("bytes"), "a b")
    for variant in get_metric("vocabulary_overlap").variants:
        assert variant.value(opened, closed) is None
    nothing = histogram(load_tokenizer("bytes"), "")
    assert get_metric("vocabulary_overlap")["occurrences"].value(nothing, nothing) is None
    assert jaccard([], []) is None


def test_bits_per_byte_of_any_model():
    assert bits_per_byte([math.log(0.5), math.log(0.25)], "é!") == 1
    assert bits_per_byte([0.0], "a") == 0
    assert bits_per_byte([], "") is None
    assert bits_per_byte([None, -1.0], "ab") is None
    with pytest.raises(ValueError, match=r"log-likelihood 1 is 0\.7.*at most 0"):
        bits_per_byte([-1.0, 0.7], "ab")


def test_unigram_bits_per_byte_of_the_worked_example():
    tok = load_tokenizer("bytes")
    assert unigram_bits_per_byte(histogram(tok, "abab")) == 1
    assert unigram_bits_per_byte(histogram(tok, "aaaa")) == 0
    assert unigram_bits_per_byte(histogram(tok, "")) is None
    assert unigram_bits_per_byte(histogram(load_tokenizer("words"), "a b")) is None
    unknown = histogram(load_tokenizer("workbench-wordpiece"), "𐎀𐎁")
    assert unigram_bits_per_byte(unknown) is None


def test_nothing_divided_by_nothing_is_null():
    assert np.isnan(divide(0.0, 0.0))

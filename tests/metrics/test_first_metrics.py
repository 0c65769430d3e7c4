"""The worked example of each metric, its degenerate cases, and where its variants differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.metrics import DocumentView, Histogram, get_metric
from workbench.metrics.boundary_agreement import count_shared_cuts
from workbench.metrics.round_trip import count_round_trip, edit_distance


def value(metric, variant, *sums):
    arrays = [{name: np.array(float(number)) for name, number in one.items()} for one in sums]
    return float(get_metric(metric)[variant].value(*arrays))


def test_compression():
    sums = {"bytes": 7, "characters": 7, "graphemes": 7, "tokens": 2, "lines": 1}
    assert value("compression", "bytes", sums) == 3.5
    assert value("compression", "lines", sums) == 2
    assert value("compression", "tokens_per_character", sums) == 2 / 7
    assert np.isnan(value("compression", "bytes", {"bytes": 0, "tokens": 0}))
    # A short document in many tokens pulls the mean of documents, not the pooled ratio.
    mean = {"mean:bytes/tokens": 1 + 4, "count:bytes/tokens": 2}
    assert value("compression", "bytes_mean", mean) == 2.5


def test_the_average_of_data_sets_is_unweighted():
    variant = get_metric("compression")["tokens_per_character_mean"]
    sums = {"tokens": np.array([1.0, 90.0, 0.0]), "characters": np.array([1.0, 300.0, 0.0])}
    assert float(variant.value(sums)) == pytest.approx((1 + 0.3) / 2)


def test_the_three_fertilities_are_three_numbers():
    # "a b" in 2 tokens and "unbelievable" in 4.
    assert (
        value(
            "fertility",
            "whitespace_mean",
            {"mean:tokens/words": 2 / 2 + 4 / 1, "count:tokens/words": 2},
        )
        == 2.5
    )
    assert value("fertility", "units", {"tokens": 6, "units": 3}) == 2
    assert value("fertility", "alone", {"alone_tokens": 7, "alone_words": 3}) == pytest.approx(
        7 / 3
    )
    assert np.isnan(value("fertility", "units", {"tokens": 1, "units": 0}))


def test_continued_words():
    sums = {"alone_continued": 1, "alone_words": 3}
    assert value("continued_words", "occurrences", sums) == 1 / 3
    none = {"alone_continued": 0, "alone_words": 0}
    assert np.isnan(value("continued_words", "occurrences", none))


def test_premium():
    german, english = {"tokens": 30, "unknown": 0}, {"tokens": 20, "unknown": 0}
    assert value("premium", "pooled", german, english) == 1.5
    assert np.isnan(value("premium", "pooled", german, {"tokens": 0, "unknown": 0}))
    at_the_limit = {"tokens": 30, "unknown": 3}
    assert value("premium", "pooled", at_the_limit, english) == 1.5
    beyond = {"tokens": 30, "unknown": 4}
    assert np.isnan(value("premium", "pooled", beyond, english))
    assert np.isnan(value("premium", "pooled", english, beyond))


def test_parity_weighs_sentences_alike():
    pairs = {"paired:tokens": 2 / 1 + 6 / 6, "paired": 2}
    assert value("parity", "sentences", pairs, {}) == 1.5
    tokens = value("premium", "pooled", {"tokens": 8, "unknown": 0}, {"tokens": 7, "unknown": 0})
    assert tokens == 8 / 7
    assert np.isnan(value("parity", "sentences", {"paired:tokens": 0, "paired": 0}, {}))


def test_utilisation():
    metric = get_metric("utilisation")
    seen = Histogram(np.array([2, 5, 9]), np.array([3, 2, 1]), 10)
    assert metric["declared"].value(seen) == 0.3
    assert metric["used"].value(seen) == 3
    assert metric["type_token_ratio"].value(seen) == 0.5
    empty = Histogram(np.array([], dtype=int), np.array([], dtype=int), None)
    assert metric["declared"].value(empty) is None
    assert metric["type_token_ratio"].value(empty) is None
    assert metric["used"].value(empty) == 0


class Squeezes:
    """A tokenizer that makes one space of many."""

    unk_id = 0

    def encode(self, text):
        return [ord(c) for c in " ".join(text.split(" ")).replace("  ", " ")]

    def decode(self, ids):
        return "".join(map(chr, ids))


def test_round_trip():
    lost = count_round_trip(DocumentView("a  b", Squeezes()))
    assert lost["exact"] == 0
    sums = {f"round_trip.{key}": number for key, number in lost.items()}
    assert value("round_trip", "character_errors", sums) == 0.25
    assert value("round_trip", "white_space_lost", sums) == 0.5
    whole = count_round_trip(DocumentView("a b", Squeezes()))
    assert (whole["exact"], whole["edits"], whole["spaces_lost"]) == (1, 0, 0)
    assert set(count_round_trip(DocumentView("", Squeezes()))) == set(whole)


@pytest.mark.parametrize("name", ["deepseek-v4", "workbench-bpe", "bytes", "characters", "words"])
@pytest.mark.parametrize("text", ["", "a  b\n\t", "naïve 漢字 👨‍👩‍👧", "\x00 </s>"])
def test_lossless_tokenizers_lose_nothing(name, text):
    found = count_round_trip(DocumentView(text, wb.load_tokenizer(name)))
    assert (found["exact"], found["edits"], found["unknown"]) == (1, 0, 0)


def test_unknown_tokens_are_counted():
    found = count_round_trip(DocumentView("abc 𒀀", wb.load_tokenizer("workbench-wordpiece")))
    assert found["unknown"] >= 1
    assert found["exact"] == 0


def plain_distance(left, right):
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above = [i]
        for j, b in enumerate(right, 1):
            above.append(min(row[j] + 1, above[-1] + 1, row[j - 1] + (a != b)))
        row = above
    return row[-1]


@given(st.text("abc", max_size=14), st.text("abc", max_size=14))
def test_the_edit_distance_is_the_textbook_one(left, right):
    assert edit_distance(left, right) == plain_distance(left, right)


class Cuts:
    def __init__(self, source, *boundaries):
        self.source, self.boundaries = source, np.array(boundaries, dtype=np.int64)


def view(source, *boundaries):
    made = DocumentView(source.decode(), None)
    made.__dict__["segmentation"] = Cuts(source, *boundaries)
    return made


def test_boundary_agreement():
    # a|bc|d and a|bcd
    found = count_shared_cuts(view(b"abcd", 1, 3), view(b"abcd", 1))
    assert found == {"both": 1, "left": 2, "right": 1, "places": 3}
    sums = {f"boundary_agreement.{key}": number for key, number in found.items()}
    assert value("boundary_agreement", "f1", sums) == pytest.approx(2 / 3)
    assert value("boundary_agreement", "kappa", sums) == pytest.approx(0.4)
    swapped = count_shared_cuts(view(b"abcd", 1), view(b"abcd", 1, 3))
    assert (swapped["both"], swapped["places"]) == (found["both"], found["places"])


def test_cuts_inside_a_character_are_places_too():
    found = count_shared_cuts(view("éa".encode(), 1, 2), view("éa".encode(), 2))
    assert found == {"both": 1, "left": 2, "right": 1, "places": 2}


def test_cutting_nowhere_agrees_by_chance_alone():
    found = count_shared_cuts(view(b"ab"), view(b"ab"))
    sums = {f"boundary_agreement.{key}": number for key, number in found.items()}
    assert np.isnan(value("boundary_agreement", "f1", sums))
    assert np.isnan(value("boundary_agreement", "kappa", sums))

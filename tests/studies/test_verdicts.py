"""Intervals of the studies: against closed forms, and with the coverage they name."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.studies import verdicts


def test_students_interval_of_a_textbook_sample():
    # Mean 3, standard deviation sqrt(2.5), five values: t(0.975; 4) = 2.7764.
    estimate = verdicts.mean_over_seeds([1, 2, 3, 4, 5])
    half = 2.776445 * math.sqrt(2.5 / 5)
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((3 - half, 3, 3 + half))
    assert estimate.n == 5


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        estimate = verdicts.mean_over_seeds(rng.normal(1.0, 2.0, size=4))
        hits += estimate.low <= 1.0 <= estimate.high
    assert abs(hits / 1000 - 0.95) < 0.025


def test_the_bootstrap_of_a_ratio_agrees_with_the_delta_method():
    rng = np.random.default_rng(1)
    bottom = rng.uniform(5, 15, 400)
    top = 3 * bottom + rng.normal(0, 2, 400)
    estimate = verdicts.ratio_over_documents(top, bottom, resamples=4000)
    spread = np.std(top - estimate.value * bottom, ddof=1) / (math.sqrt(400) * bottom.mean())
    assert estimate.value == pytest.approx(top.sum() / bottom.sum())
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * spread, rel=0.08)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=20))
def test_a_ratio_lies_in_its_interval_and_within_its_documents(pairs):
    top, bottom = zip(*pairs, strict=True)
    estimate = verdicts.ratio_over_documents(top, bottom, resamples=200)
    ratios = [t / b for t, b in pairs]
    assert min(ratios) - 1e-9 <= estimate.value <= max(ratios) + 1e-9
    if len(pairs) < 8:  # the resamples of so few say little: see intervals.FEWEST
        assert estimate.low is None
    else:
        assert min(ratios) - 1e-9 <= estimate.low <= estimate.high <= max(ratios) + 1e-9


def test_a_paired_difference_does_not_see_what_both_sides_share():
    rng = np.random.default_rng(2)
    size = rng.uniform(1, 100, 50)
    same = verdicts.ratio_difference((size, size), (size, size))
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0), abs=1e-12)
    # Every document differs by the same factor: so does every resample.
    shifted = verdicts.ratio_difference((2 * size, size), (size, size))
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx((1, 1, 1))


def test_an_exact_number_excludes_every_other():
    exact = verdicts.Estimate(0.6, None, None, 1)
    assert exact.excludes(0.5)
    assert not exact.excludes(0.6)
    assert not verdicts.Estimate(0.6, 0.5, 0.7, 9).excludes(0.55)
    assert str(exact) == "0.6"


def test_few_units_are_judged_by_nothing_but_their_number():
    far = verdicts.Estimate(9.0, 8.0, 10.0, 7)
    assert verdicts.judged(far, 0, "no", "yes", of="batches") == "too few batches to tell"
    assert verdicts.judged(verdicts.Estimate(9.0, 8.0, 10.0, 8), 0, "no", "yes") == "yes"
    assert verdicts.judged(verdicts.Estimate(9.0, -8.0, 10.0, 8), 0, "no", "yes") == "not shown"


def test_a_row_may_say_that_there_is_no_number():
    row = verdicts.verdict_row("c", "p", "m", None, "not defined")
    assert (row["value"], row["ci_low"], row["ci_high"]) == (None, None, None)


def test_rows_become_a_typed_frame():
    rows = [
        verdicts.verdict_row("c", "p", "m", 1, "holds"),
        verdicts.verdict_row("c", "p", "m", verdicts.Estimate(1.0, 0.5, 2.0, 3), "holds"),
    ]
    frame = verdicts.verdict_frame(rows)
    assert frame.schema == pl.Schema(verdicts.COLUMNS)
    assert frame["ci_low"].to_list() == [None, 0.5]
    assert verdicts.verdict_frame([]).schema == pl.Schema(verdicts.COLUMNS)


def test_refusals_are_sentences():
    with pytest.raises(ValueError, match="at least one seed"):
        verdicts.mean_over_seeds([])
    with pytest.raises(ValueError, match="finite"):
        verdicts.mean_over_seeds([1.0, float("nan")])
    with pytest.raises(ValueError, match="one denominator per document"):
        verdicts.ratio_over_documents([1, 2], [1])
    with pytest.raises(ValueError, match="sum to zero"):
        verdicts.ratio_over_documents([1, 2], [0, 0])
    with pytest.raises(ValueError, match="same documents"):
        verdicts.ratio_difference(([1], [1]), ([1, 2], [1, 2]))


def test_an_interval_that_cannot_be_is_refused():
    for wrong in (0, 1, 1.5):
        with pytest.raises(ValueError, match=r"lies in \(0, 1\)"):
            verdicts.mean_over_seeds([1.0, 2.0], confidence=wrong)
        with pytest.raises(ValueError, match=r"lies in \(0, 1\)"):
            verdicts.ratio_over_documents([1, 2], [1, 2], confidence=wrong)
    with pytest.raises(ValueError, match="at least once"):
        verdicts.ratio_over_documents([1, 2], [1, 2], resamples=0)
    assert verdicts.function_of_sums(lambda sums: sums[..., 0], np.zeros((0, 1))) is None

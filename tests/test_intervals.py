"""Intervals: against scipy, by simulation, and where they must refuse."""

import numpy as np
import pytest
from scipy import stats

from workbench.intervals import FEWEST, holm, interval, paired_p_value, resampling_weights


def ratio_interval(top, bottom, seed=0, resamples=2000, **options):
    weights = resampling_weights(len(top), resamples, seed)
    point = np.array(top.sum() / bottom.sum())
    draws = (weights @ top) / (weights @ bottom)
    left = (top.sum() - top) / (bottom.sum() - bottom)
    low, high = interval(point, draws, left, **options)
    return float(low), float(high)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_the_interval_of_a_ratio_is_scipys(method):
    rng = np.random.default_rng(4)
    bottom = rng.poisson(30, 200) + 1.0
    top = bottom * rng.lognormal(0, 0.4, 200)
    ours = ratio_interval(top, bottom, resamples=20_000, method=method)
    theirs = stats.bootstrap(
        (top, bottom),
        lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="BCa" if method == "bca" else "percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert abs(ours[0] - theirs.low) < 0.04 * width
    assert abs(ours[1] - theirs.high) < 0.04 * width


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    hits, rounds = 0, 300
    for i in range(rounds):
        bottom = rng.poisson(20, 100) + 1.0
        top = bottom * 2 + rng.normal(0, 5, 100)
        low, high = ratio_interval(top, bottom, seed=i, resamples=400)
        hits += low <= 2 <= high
    assert 0.91 <= hits / rounds <= 0.98


def test_a_higher_level_is_wider():
    rng = np.random.default_rng(1)
    top, bottom = rng.poisson(9, 50) + 1.0, rng.poisson(9, 50) + 1.0
    narrow = ratio_interval(top, bottom, level=0.8)
    wide = ratio_interval(top, bottom, level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_constant_has_an_interval_of_no_width():
    low, high = ratio_interval(np.full(20, 3.0), np.full(20, 2.0))
    assert (low, high) == (1.5, 1.5)


def test_few_blocks_and_missing_values_have_no_interval():
    x = np.arange(1.0, FEWEST)
    assert np.isnan(ratio_interval(x, x + 1)).all()
    low, high = interval(np.array(np.nan), np.full(50, np.nan), np.full(20, np.nan))
    assert np.isnan(low)
    assert np.isnan(high)


def test_the_same_seed_draws_the_same_blocks():
    assert (resampling_weights(9, 5, 3) == resampling_weights(9, 5, 3)).all()
    assert (resampling_weights(9, 5, 3) != resampling_weights(9, 5, 4)).any()


@pytest.mark.parametrize(("method", "level"), [("normal", 0.95), ("bca", 95)])
def test_options_are_checked(method, level):
    x = np.arange(20.0) + 1
    with pytest.raises(ValueError, match=r"method is|level is"):
        ratio_interval(x, x, method=method, level=level)


def test_holm_is_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.001, 0.04, 0.03, 0.2, 0.9, 0.0005])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    with_gap = np.insert(p, 2, np.nan)
    assert np.delete(holm(with_gap), 2) == pytest.approx(holm(p))
    assert np.isnan(holm(with_gap)[2])


def test_p_values_are_those_of_a_paired_t_test():
    rng = np.random.default_rng(2)
    d = rng.normal(0.3, 1, 400)
    draws = resampling_weights(400, 5000, 1) @ d / 400
    ours = float(paired_p_value(np.array(d.mean()), draws, 400))
    assert np.log(ours) == pytest.approx(np.log(stats.ttest_1samp(d, 0).pvalue), rel=0.06)


def test_no_difference_at_all_is_no_evidence():
    assert paired_p_value(np.array(0.0), np.zeros(100), 50) == 1
    assert np.isnan(paired_p_value(np.array(0.0), np.zeros(100), FEWEST - 1))

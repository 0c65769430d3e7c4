"""A transformer on a switching source: the kept scores, their verdict, and one short training."""

import numpy as np
import polars as pl
import pytest

from workbench.laboratory import switching as study
from workbench.studies.markov import SwitchingSource
from workbench.studies.verdicts import COLUMNS


def curve(letters, tokens, least=0.5):
    """Made-up scores: bits per letter at steps 0, 100 … for each of three seeds."""
    rows = [
        {"order": 2, "switch": 0.1, "reads": reads, "entries": 2, "seed": seed,
         "step": 100 * i, "letters_read": 1000 * i, "bits_per_letter": bits + 0.001 * seed,
         "least": least}
        for seed in range(3)
        for reads, scores in ((study.LETTERS, letters), ("16 tokens", tokens))
        for i, bits in enumerate(scores)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_the_kept_scores_fall_and_never_beat_the_source():
    table = study.switching_curves()
    assert set(table["order"]) == {1, 2, 4}
    assert table.group_by("order", "reads").agg(pl.col("seed").n_unique())["seed"].to_list() == (
        [3] * 6
    )
    ends = table.group_by("order", "reads", "seed").agg(
        first=pl.col("bits_per_letter").sort_by("step").first(),
        last=pl.col("bits_per_letter").sort_by("step").last(),
    )
    assert (ends["last"] < ends["first"]).all()
    end = study.curve_summary(table).filter(pl.col("step") == pl.col("step").max())
    # 256 windows of 128 letters: the sampling error of the score is below 0.01 bits.
    assert (end["bits_per_letter"] > end["least"] - 0.02).all()


def test_the_least_is_the_entropy_of_a_window():
    source = SwitchingSource(0.1, 2)
    assert study.least_bits(source, 2) == 1
    assert study.least_bits(source, 10_000) == pytest.approx(source.entropy_rate, abs=1e-3)


def test_a_network_that_stays_at_one_bit_is_called_stuck():
    verdict = study.switching_verdict(curve([1.0, 1.0, 1.0], [1.0, 0.55, 0.52]))
    assert verdict.schema == pl.Schema(COLUMNS)
    said = dict(verdict.select("claim", "verdict").iter_rows())
    assert said["A transformer over bare letters stays at what one letter tells (1 bit)"] == (
        "it does: the source has 0.500"
    )
    assert said["With tokens a transformer ends nearer to the source"] == "nearer"
    assert "With tokens a transformer learns the source sooner" not in said  # letters never did


def test_a_network_that_learns_later_but_better_is_told_so():
    verdict = study.switching_verdict(curve([1.0, 0.9, 0.55, 0.51], [1.0, 0.55, 0.53, 0.53]))
    said = dict(verdict.select("claim", "verdict").iter_rows())
    assert said["With tokens a transformer learns the source sooner"] == "sooner"
    assert said["With tokens a transformer ends nearer to the source"] == "farther"
    ratio = verdict.filter(pl.col("claim").str.contains("sooner"))
    # Tokens are near at their first score, at 1000; letters fall from 0.9 at 1000 to 0.55 at 2000,
    # and pass 0.6 at 1000 + 1000 · 0.3 / 0.35. A seed's bits are higher by a thousandth each.
    needed = [1000 + 1000 * (0.3 + bit) / 0.35 for bit in (0, 0.001, 0.002)]
    assert ratio["value"].item() == pytest.approx(np.prod(needed) ** (1 / 3) / 1000)
    assert ratio["ci_low"].item() < ratio["value"].item() < ratio["ci_high"].item()
    assert "scores, 1,000 letters apart" in ratio["measure"].item()
    assert "3 of 6 networks are near at the first" in ratio["measure"].item()


def test_letters_needed_lie_between_the_scores():
    table = curve([0.3, 0.9, 0.7, 0.55, 0.65, 0.5], [1.0, 0.9, 0.9, 0.9, 0.9, 0.9])
    needed = study.letters_needed(table)  # near is 0.6; what never comes near is absent
    assert needed["reads"].to_list() == [study.LETTERS] * 3
    # The start is low by luck, and leaving again later does not count.
    assert needed["letters"][0] == pytest.approx(2000 + 1000 * 0.1 / 0.15)
    at_once = study.letters_needed(curve([1.0, 0.597, 0.5], [1.0, 1.0, 0.597]))
    assert at_once["letters"].to_list() == pytest.approx(
        [1993, 1995, 1998, 1000, 1000, 1000], abs=1
    )
    kept = study.switching_curves()
    needed = study.letters_needed(kept)
    scored = kept.filter(
        (pl.col("step") > 0) & (pl.col("bits_per_letter") <= pl.col("least") + 0.1)
    )
    first = scored.group_by("order", "reads", "seed").agg(pl.col("letters_read").min())
    both = needed.join(first, on=["order", "reads", "seed"])
    assert both.height == needed.height == 18
    late = both["letters_read"] - both["letters"]
    assert ((late >= 0) & (late < 163_840)).all()
    # No two networks came near on the same letter, as the grid of scores would have it.
    assert needed.filter(order=2)["letters"].n_unique() == 6


def test_an_order_that_nothing_was_trained_on_is_named():
    kept = study.switching_curves()
    assert set(study.of_order(study.curve_summary(kept), 4)["order"]) == {4}
    with pytest.raises(ValueError, match="a source of order 3: choose one of 1, 2, 4"):
        study.of_order(kept, 3)


def test_training_learns_a_source_of_order_one():
    torch = pytest.importorskip("torch", reason="training needs PyTorch, the extra lab")
    torch.set_num_threads(1)
    source = SwitchingSource(0.1)
    for entries in (None, 8):
        table = study.learning(source, entries, steps=20, every=10, windows=8)
        bits = table["bits_per_letter"].to_numpy()
        assert bits[-1] < bits[0]
        assert (bits > table["least"][0] - 0.02).all()
        assert table["letters_read"].to_list() == [0, 10_240, 20_480]
        again = study.learning(source, entries, steps=10, every=10, windows=8)
        assert np.allclose(again["bits_per_letter"], bits[:2], atol=1e-4)

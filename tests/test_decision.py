"""Rankings that keep their doubts, and trade-offs in computed words."""

import polars as pl
import pytest

from workbench.compare import comparison, ranking, trade_offs
from workbench.compare.decision import RANKING


def made(texts, names=("characters", "bytes"), metrics=("compression",), **options):
    languages = [f"l{i % 2}" for i in range(len(texts))]
    frame = pl.DataFrame({"text": texts, "language": languages})
    options = {"cache": False, "sample": 30} | options
    return comparison(list(names), frame, list(metrics), **options)


def test_a_clear_winner_is_first_in_every_resample():
    table = ranking(made(["日本語の文"] * 20 + ["été"] * 20))
    assert table.schema == RANKING
    best, worst = table.iter_rows(named=True)
    assert (best["tokenizer"], best["place_low"], best["place_high"]) == ("characters", 1, 1)
    assert best["first"] == 1
    assert (worst["place"], worst["first"]) == (2, 0)


def test_equals_share_their_place():
    table = ranking(made(["plain ascii"] * 30))
    assert table["place"].to_list() == [1, 1]
    assert table["place_high"].to_list() == [1, 1]


def test_an_undecided_race_says_so():
    # One document of forty tells them apart; a resample misses it in about 37 of 100 cases.
    table = ranking(made(["plain ascii"] * 39 + ["é"]))
    row = table.row(1, named=True)
    assert (row["tokenizer"], row["place"]) == ("bytes", 2)
    assert (row["place_low"], row["place_high"]) == (1, 2)
    assert 0.3 < row["first"] < 0.45


def test_what_cannot_rank_is_refused():
    with pytest.raises(ValueError, match="cannot rank"):
        ranking(made(["a"] * 9, metrics=["utilisation"]), "utilisation.declared")


def test_the_sentences_name_the_winner_its_margin_and_the_loss():
    metrics = ["compression", "premium", "round_trip", "utilisation"]
    texts = [t for i in range(30) for t in (f"short text {i}", f"größerer Text {i} 漢字")]
    names = ["characters", "bytes", "workbench-wordpiece"]
    page = trade_offs(made(texts, names, metrics, by="language", reference="l0"))
    said = dict(page.select("question", "statement").iter_rows())
    assert "bytes into a token" in said["Which is shortest?"]
    assert "of 2 groups" in said["Does one win everywhere?"]
    assert "workbench-wordpiece returns 50% of documents" in said["Is anything lost?"]
    assert "times l0" in said["What does the worst-off language pay?"]
    assert "characters has 1,112,064 entries" in said["What does the vocabulary cost?"]
    assert page["evidence"].null_count() == 0


def test_one_tokenizer_and_one_language_leave_little_to_weigh():
    page = trade_offs(made(["a b"] * 9, ["bytes"], ["compression", "round_trip"]))
    assert page["question"].to_list() == ["Is anything lost?"]
    assert page["statement"].to_list() == ["Every document came back exactly."]


def test_regrouping_counts_nothing_again():
    one = made(["ab", "cde"] * 20, by="language", metrics=["compression", "gini"])
    whole = one.grouped(None)
    assert whole.measured.counted is one.measured.counted
    assert whole.groups == ["all"]
    assert "gini" in one.table["metric"]
    assert "gini" not in whole.table["metric"]
    assert whole.grouped("language").table.equals(one.table)

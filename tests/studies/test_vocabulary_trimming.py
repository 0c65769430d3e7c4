"""Smaller vocabularies: they load, cut the same where they must, and coverage is counted."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import vocabulary_trimming as study
from workbench.studies.verdicts import COLUMNS

NAMES = ("workbench-bpe", "workbench-unigram", "workbench-wordpiece", "mistral-v3")


@pytest.fixture(scope="module")
def groups():
    return study.documents_by(
        wb.load_corpus("prose"), groups=["eng_Latn", "hin_Deva"], most_characters=6000
    )


@pytest.fixture(scope="module", params=NAMES)
def pruning(request, groups):
    return study.smaller(wb.load_tokenizer(request.param), groups["eng_Latn"])


def test_it_loads_and_cuts_what_it_was_made_from_as_before(pruning, groups):
    learnt = [t for i, t in enumerate(groups["eng_Latn"]) if i % 5 != 4]
    checks = study.same_where_kept(pruning, learnt)
    assert checks["kept"].all()
    assert checks["same"].all()
    assert checks["decoded"].all()
    assert len(pruning.trimmed.ids()) < len(pruning.tokenizer.ids())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_text_of_kept_tokens_is_cut_as_before(pruning, groups, data):
    words = sorted({w for text in groups["eng_Latn"] for w in text.split()})
    mixed = st.lists(st.sampled_from(words) | st.text(max_size=4), max_size=6)
    text = " ".join(data.draw(mixed))
    row = study.same_where_kept(pruning, [text]).row(0, named=True)
    assert row["same"] == row["kept"]


def test_coverage_is_what_is_counted(groups):
    tok = wb.load_tokenizer("mistral-v3")
    table = study.coverage([tok], groups, [1, 3])
    for row in table.to_dicts():
        pruning = study.smaller(tok, groups[row["group"]], row["min_count"])
        held = [t for i, t in enumerate(groups[row["group"]]) if i % 5 == 4]
        ids = [i for text in held for i in tok.encode(text)]
        assert row["covered"] == pytest.approx(sum(i in pruning.new_ids for i in ids) / len(ids))
        assert row["share_kept"] == len(pruning.new_ids) / len(tok.ids())
        assert row["length"] >= 1
        assert row["held_out"] == len(held)
    by = {(r["group"], r["min_count"]): r for r in table.to_dicts()}
    for group in groups:
        assert by[group, 3]["entries"] <= by[group, 1]["entries"]
        assert by[group, 3]["covered"] <= by[group, 1]["covered"]


def test_groups_are_of_like_size_and_whole_sentences(groups):
    for texts in groups.values():
        assert 6000 <= sum(map(len, texts)) < 7500
        assert all(text.strip() for text in texts)
    named = study.documents_by(wb.load_corpus("prose"), "domain", most_characters=2000)
    assert len(named) >= 1
    untagged = wb.load_corpus(pl.DataFrame({"text": ["One. Two! Three?"] * 4}))
    assert list(study.documents_by(untagged, groups=["eng_Latn"])) == ["(no language)"]


def test_the_verdict_says_what_is_lost(groups, pruning):
    table = study.coverage([pruning.tokenizer], groups, [1])
    checks = study.same_where_kept(pruning, groups["eng_Latn"])
    verdict = study.verdict(table, checks)
    assert verdict.columns == list(COLUMNS)
    assert verdict["verdict"].to_list()[-1] == "holds"
    assert verdict.height == 3


def test_mistakes_are_named():
    corpus = wb.load_corpus("prose")
    with pytest.raises(ValueError, match="'language' or 'domain'"):
        study.documents_by(corpus, "text")
    with pytest.raises(ValueError, match="ten are the least"):
        study.documents_by(corpus, groups=["eng_Latn"], most_characters=100)
    with pytest.raises(wb.TokenizerError, match="a rule, not a vocabulary"):
        study.smaller(wb.load_tokenizer("bytes"), ["a"] * 10)

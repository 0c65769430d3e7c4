"""Another tokenizer for a trained word model: what is copied costs what it did."""

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench import laboratory as lab
from workbench.laboratory import exchange as study
from workbench.studies.verdicts import COLUMNS

WORDS = list(lab.halves().test[:60])


@pytest.fixture(scope="module")
def table():
    tok = wb.load_tokenizer("workbench-bpe")
    return study.exchange(lab.load_writers(), tok, WORDS, learn=2000)


def test_before_and_after_in_bits_per_byte(table):
    summary = study.exchange_summary(table)
    before = summary.filter(method="before")["bits_per_byte"].item()
    after = summary.filter(pl.col("method") != "before")
    uniform, letters = study.without_a_model(WORDS)["bits_per_byte"]
    assert before < letters < uniform
    assert (after["bits_per_byte"] > before).all()
    assert (after["seeds"] == 3).all()


def test_the_models_own_tokenizer_changes_nothing():
    # Every entry is copied: whichever the method, the bits are those of before.
    writer = lab.load_writers()[0]
    own = study.exchange([writer], writer.tokenizer, WORDS, ["mean", "tokenadapt"])
    bits = own["bits_per_byte"].to_list()
    assert bits[1] == pytest.approx(bits[0], rel=1e-5)
    assert bits[2] == pytest.approx(bits[0], rel=1e-5)
    assert (own["copied"] == 1).all()
    assert own["bits_new"].null_count() == 3


def test_bits_are_those_of_the_definition(table):
    writer = lab.load_writers()[0]
    tok = wb.load_tokenizer("workbench-bpe")
    letters = study.LetterVocabulary.of(tok)
    old = {writer.tokenizer.token_bytes(i): i for i in writer.tokenizer.ids()}
    vectors = writer.embeddings[:-1]
    mean = vectors.mean(axis=0)
    made = [vectors[old[e]] if e in old else mean for e in letters.entries]
    full = np.concatenate([made, writer.embeddings[-1:]]).astype(np.float32)
    bits = writer.bits_of(letters.read(WORDS), full).sum() / sum(map(len, WORDS))
    row = table.filter(seed=0, method="mean")
    assert row["bits_per_byte"].item() == pytest.approx(bits, rel=1e-4)


def test_a_tokenizer_that_puts_a_space_in_front_is_refused():
    with pytest.raises(lab.LaboratoryError, match="space in front"):
        study.exchange(lab.load_writers(), wb.load_tokenizer("mistral-v1"), WORDS)
    with pytest.raises(lab.LaboratoryError, match="load_writers"):
        study.exchange([], wb.load_tokenizer("tekken"), WORDS)


def test_letters_and_uniform_cost_what_they_must():
    table = dict(study.without_a_model(["abcd"]).iter_rows())
    assert table["uniform"] == pytest.approx(np.log2(27) * 5 / 4)
    # The unigram is a probability: all symbols sum to one.
    costs = [
        dict(study.without_a_model([letter]).iter_rows())["letters"]
        - dict(study.without_a_model(["e"]).iter_rows())["letters"]
        for letter in "ez"
    ]
    assert costs[0] == 0 < costs[1]


def test_the_verdict_says_what_the_numbers_say(table):
    verdict = study.exchange_verdict(table)
    assert verdict.schema == pl.Schema(COLUMNS)
    assert verdict.height == 3
    for row in verdict.iter_rows(named=True):
        if row["ci_low"] > 0:
            assert row["verdict"] == "better than the mean"
        elif row["ci_high"] < 0:
            assert row["verdict"] == "worse than the mean"
        else:
            assert row["verdict"].startswith("level")

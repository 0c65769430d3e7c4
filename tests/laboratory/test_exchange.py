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


def test_what_falls_back_on_the_mean_is_counted(table):
    shares = dict(study.exchange_summary(table).select("method", "from_mean").iter_rows())
    tok = wb.load_tokenizer("workbench-bpe")
    letters = study.LetterVocabulary.of(tok)
    known = {t.token_bytes(i) for t in [lab.load_writers()[0].tokenizer] for i in t.ids()}
    own = letters.own_space(lab.halves().train[:2000])
    lacking = [entry not in known for entry in letters.entries]
    nowhere = np.array(lacking) & ~own.any(axis=1)
    scored = [tok.encode(word) for word in WORDS]
    places = [np.searchsorted(letters.ids, token) for row in scored for token in row]
    new = [place for place in places if lacking[place]]
    assert shares["focus"] == pytest.approx(np.mean([nowhere[place] for place in new]))
    assert 0 < shares["focus"] < 1
    assert (shares["mean"], shares["random"], shares["pieces"], shares["before"]) == (1, 0, 0, None)
    entries = table.filter(method="focus")["entries_from_mean"][0]
    assert entries == pytest.approx(nowhere.sum() / sum(lacking))


def test_pieces_are_those_of_the_models_own_tokenizer(table):
    writer = lab.load_writers()[0]
    letters = study.LetterVocabulary.of(wb.load_tokenizer("workbench-bpe"))
    vectors = writer.embeddings[:-1]
    made = [
        vectors[writer.tokenizer.encode(entry.decode())].mean(axis=0) for entry in letters.entries
    ]
    full = np.concatenate([made, writer.embeddings[-1:]]).astype(np.float32)
    bits = writer.bits_of(letters.read(WORDS), full).sum() / sum(map(len, WORDS))
    row = table.filter(seed=0, method="pieces")
    assert row["bits_per_byte"].item() == pytest.approx(bits, rel=1e-4)


def test_the_verdict_says_what_the_numbers_say(table):
    verdict = study.exchange_verdict(table)
    assert verdict.schema == pl.Schema(COLUMNS)
    assert verdict.height == 4
    assert verdict["verdict"][0] == "dearer than before"
    for row in verdict[1:].iter_rows(named=True):
        if row["ci_low"] > 0:
            assert row["verdict"] == "better than the mean"
        elif row["ci_high"] < 0:
            assert row["verdict"] == "worse than the mean"
        else:
            assert row["verdict"] == "no difference shown"


def told(tokenizer="new", **bits):
    """A table as of an exchange with three models, from the bits of each by method."""
    rows = [
        (seed, method, tokenizer if method != "before" else "old", value, 2.0, 0.5, 9, 1.0, 2.0,
         {"mean": 1.0, "focus": 0.25}.get(method, 0.0), 0.5)
        for method, values in bits.items()
        for seed, value in enumerate(values)
    ]  # fmt: skip
    names = [
        "seed", "method", "tokenizer", "bits_per_byte", "tokens_per_word", "copied", "entries",
        "bits_copied", "bits_new", "from_mean", "entries_from_mean",
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=names, orient="row")


BITS = {
    "before": [3.0, 3.1, 2.9],
    "mean": [4.0, 4.1, 3.9],
    "pieces": [5.0, 5.1, 4.95],
    "focus": [3.9, 4.2, 3.9],
    "tokenadapt": [3.5, 3.6, 3.45],
}


def test_a_verdict_falls_either_way():
    verdict = study.exchange_verdict(told(**BITS), floor=4.5)
    assert verdict["verdict"].to_list() == [
        "dearer than before",
        "worse than the mean; worse than no model",
        "no difference shown",
        "better than the mean",
    ]
    assert verdict["value"][0] == pytest.approx(0.5167, abs=5e-5)  # tokenadapt's 0.5, 0.5, 0.55
    assert "tokenadapt" in verdict["measure"][0]
    assert verdict["measure"][2].endswith("50% of tokens copied, 25% of others at the mean")
    cheap = study.exchange_verdict(told(before=[5, 5.1, 5], mean=[4, 4.1, 3.9]))
    assert cheap["verdict"].to_list() == ["cheaper than before"]
    level = study.exchange_verdict(told(before=[4, 4, 4], mean=[4, 4.1, 3.9]))
    assert level["verdict"].to_list() == ["no difference shown"]


def test_exchanges_for_two_tokenizers_have_one_before():
    both = pl.concat([told(**BITS), told("other", **BITS)])
    summary = study.exchange_summary(both)
    assert (summary["seeds"] == 3).all()
    assert summary.filter(method="before").height == 1
    assert study.exchange_verdict(both).height == 8

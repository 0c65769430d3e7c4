"""New embeddings from old: what is shared is copied to the bit, the rest weighs to one."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import embeddings
from workbench.studies import transplant as study
from workbench.studies.verdicts import COLUMNS

short = st.binary(min_size=1, max_size=5).map(lambda b: bytes(97 + c % 3 for c in b))
vocabularies = st.sets(short, min_size=3, max_size=20).map(lambda s: tuple(sorted(s)))


def random_source(entries, dimensions=6, seed=0):
    return study.Source(
        entries, np.random.default_rng(seed).normal(size=(len(entries), dimensions))
    )


def random_target(entries, seed=1):
    return study.Target(entries, np.random.default_rng(seed).normal(size=(len(entries), 4)))


@settings(max_examples=40, deadline=None)
@given(vocabularies, vocabularies, st.sampled_from(study.METHODS))
def test_shared_entries_are_copied_and_weights_are_an_average(old, new, method):
    source, target = random_source(old), random_target(new)
    made = study.transplant(source, target, method)
    for place, entry in enumerate(new):
        if entry in old:
            assert made.how[place] == "copied"
            assert np.array_equal(made.matrix[place], source.matrix[old.index(entry)])
        places, weights = made.weights[place]
        if made.how[place] != "random":
            assert weights.sum() == pytest.approx(1)
            assert (weights > 0).all()
            assert made.matrix[place] == pytest.approx(weights @ source.matrix[places])


@settings(max_examples=60, deadline=None)
@given(short, st.sets(short, max_size=8))
def test_spelling_is_the_shortest_there_is(data, pieces):
    known = dict.fromkeys(pieces, 0)
    found = study.spell(data, known)
    # The oracle tries every way to cut.
    ways = []
    for n in range(len(data)):
        for cuts in itertools.combinations(range(1, len(data)), n):
            parts = [data[a:b] for a, b in itertools.pairwise((0, *cuts, len(data)))]
            if set(parts) <= pieces:
                ways.append(parts)
    assert bool(found) == bool(ways)
    if found:
        assert b"".join(found) == data
        assert found in ways
        assert len(found) == min(map(len, ways))


def test_pieces_and_neighbours_weigh_seven_to_three():
    source = random_source((b"un", b"do", b"und", b"x"))
    target = study.Target((b"undo",))
    table = study.transplant(source, target, "tokenadapt", neighbours=2).to_frame()
    local = study.transplant(source, target, "tokenadapt", local_weight=1.0).to_frame()
    assert set(local["neighbour"]) == {"un", "do"}
    alone = study.transplant(
        source.without({b"do"}), target, "tokenadapt", neighbours=1, local_weight=0.7
    ).to_frame()
    assert alone.rows() == [("undo", "tokenadapt", "und", 1.0)]  # no spelling: neighbours get all
    assert table["weight"].sum() == pytest.approx(1)


def test_focus_takes_the_likest_shared_entry():
    source = random_source((b"a", b"b", b"c"))
    own = np.array([[1.0, 0.0], [0.0, 1.0], [0.99, 0.01]])
    made = study.transplant(source, study.Target((b"a", b"b", b"new"), own), "focus")
    assert made.weights[2][0].tolist()[0] == 0
    assert made.weights[2][1][0] > 0.9
    with pytest.raises(ValueError, match="give the target an `own` space"):
        study.transplant(source, study.Target((b"new",)), "focus")


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = rng.normal(size=4)
        found = embeddings.sparsemax(scores)
        assert found.sum() == pytest.approx(1)
        assert (found >= 0).all()
        others = rng.dirichlet(np.ones(4), 200)
        nearest = np.square(others - scores).sum(axis=1).min()
        assert np.square(found - scores).sum() <= nearest + 1e-12
    assert embeddings.softmax(np.array([2.0, 2.0]), 0.01).tolist() == [0.5, 0.5]


def test_tokens_in_like_places_get_like_vectors():
    rng = np.random.default_rng(0)
    # 1 and 2 stand between 10 and 11; 3 and 4 between 20 and 21.
    documents = [
        [10, int(rng.integers(1, 3)), 11]
        if rng.random() < 0.5
        else [20, int(rng.integers(3, 5)), 21]
        for _ in range(400)
    ]
    found = embeddings.co_occurrence_embeddings(documents, 4, window=1)
    unit = dict(zip(found.ids.tolist(), embeddings.unit_rows(found.vectors), strict=True))
    assert unit[1] @ unit[2] > 0.9
    assert unit[3] @ unit[4] > 0.9
    assert abs(unit[1] @ unit[3]) < 0.1
    again = embeddings.co_occurrence_embeddings(documents, 4, window=1)
    assert np.allclose(again.vectors, found.vectors)
    with pytest.raises(ValueError, match="three are the least"):
        embeddings.co_occurrence_embeddings([[1, 2]])


@pytest.fixture(scope="module")
def planted():
    """A space in which a word's vector is the sum of its letters', and a twin space beside it."""
    rng = np.random.default_rng(5)
    letters = {bytes([c]): rng.normal(size=12) for c in range(97, 105)}
    words = [a + b for a in letters for b in letters]
    entries = (*letters, *words)
    vectors = np.array([sum(letters[bytes([c])] for c in e) / len(e) for e in entries])
    return study.Source(entries, vectors), study.Target(entries, vectors + 0)


def test_a_planted_structure_is_found_and_chance_is_not(planted):
    source, target = planted
    table = study.reconstruction(source, target, held_out=0.3)
    mean = dict(table.group_by("method").agg(pl.col("cosine").mean()).rows())
    assert mean["pieces"] == pytest.approx(1)
    assert mean["mean"] == 0
    assert abs(mean["random"]) < 0.25
    assert mean["focus"] > 0.5
    verdict = study.verdict(table, "planted")
    assert verdict.columns == list(COLUMNS)
    by = dict(verdict.select("measure", "verdict").rows())
    assert next(v for m, v in by.items() if "mean's, pieces" in m) == "nearer than the mean"
    assert next(v for m, v in by.items() if "less that of pieces" in m) == "pieces is nearer"


def test_held_out_vectors_are_out_of_reach(planted):
    source, target = planted
    less = source.without({b"ab"})
    assert b"ab" not in less.entries
    for method in ("pieces", "focus", "tokenadapt"):
        frame = study.transplant(less, target, method).to_frame(50)
        assert "ab" not in set(frame.filter(pl.col("entry") == "ab")["neighbour"])


def test_overlap_counts_every_entry_once():
    old, new = wb.load_tokenizer("mistral-v3"), wb.load_tokenizer("workbench-bpe")
    sides = [list({t.token_bytes(i) for i in t.ids() if not t.is_special(i)}) for t in (old, new)]
    table = study.overlap(*sides)
    assert table["entries"].sum() == len(sides[1])
    assert table["entries"][0] == len(set(sides[0]) & set(sides[1]))
    assert table["share_of_new"].sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(vocabularies, vocabularies)
def test_overlap_agrees_with_spelling(old, new):
    known = dict.fromkeys(old, 0)
    copied = sum(entry in known for entry in new)
    spelt = sum(entry not in known and bool(study.spell(entry, known)) for entry in new)
    expected = [copied, spelt, len(new) - copied - spelt]
    assert study.overlap(old, new)["entries"].to_list() == expected


def test_prose_gives_both_spaces():
    texts = wb.load_corpus("prose").filter(language="deu_Latn").scan().collect()["text"].to_list()
    one, other = study.halves(texts)
    assert not set(one) & set(other)
    source = study.source_from_texts(wb.load_tokenizer("workbench-bpe"), one, 16)
    target = study.target_from_texts(wb.load_tokenizer("workbench-unigram"), other, 16)
    assert np.linalg.norm(source.matrix, axis=1) == pytest.approx(1)
    table = study.reconstruction(source, target, ["mean", "focus"], held_out=0.5)
    assert table["rank"].is_between(0, 1).all()
    assert study.summary(table)["gain"][0] == 0


def test_mistakes_are_named(planted):
    source, target = planted
    with pytest.raises(ValueError, match="use one of random"):
        study.transplant(source, target, "magic")
    with pytest.raises(ValueError, match="ten are the least"):
        study.reconstruction(source, study.Target((b"ab", b"cd")))
    with pytest.raises(ValueError, match="needs two tokenizers"):
        study.old_and_new([wb.load_tokenizer("bytes")])
    with pytest.raises(ValueError, match="One row per entry"):
        study.Source((b"a",), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="local_weight"):
        study.transplant(source, target, local_weight=2)

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


def test_anchors_without_a_vector_take_no_weight():
    source = random_source((b"a", b"b", b"c"))
    own = np.array([[1, 0], [0, 0], [0, 0], [0.3, 0.954], [0, 0]])
    target = study.Target((b"a", b"b", b"c", b"new", b"rare"), own)
    made = study.transplant(source, target, "focus")
    assert made.weights[3][0].tolist() == [0]
    assert made.weights[3][1].tolist() == [1]
    # An entry without a vector has nothing to go by, and neither has one without anchors.
    assert made.how[3:] == ("focus", "mean")
    assert made.matrix[4] == pytest.approx(source.matrix.mean(axis=0))
    bare = study.Target((b"b", b"new"), own[[1, 3]])
    assert study.transplant(source, bare, "focus").how == ("copied", "mean")


@settings(max_examples=40, deadline=None)
@given(vocabularies, vocabularies, st.data())
def test_an_anchor_without_a_vector_is_as_good_as_none(old, new, data):
    source, target = random_source(old), random_target(new)
    shared = sorted(set(old) & set(new))
    hidden = data.draw(st.sets(st.sampled_from(shared))) if shared else set()
    keep = [entry not in hidden for entry in new]
    blanked = study.Target(new, np.where(np.array(keep)[:, None], target.own, 0))
    without = study.Target(tuple(e for e in new if e not in hidden), target.own[keep])
    one = study.transplant(source, blanked, "focus").matrix[keep]
    assert one == pytest.approx(study.transplant(source, without, "focus").matrix)


UN = (b"un", b"believ", b"able")


def test_pieces_weigh_what_the_published_code_gives_them():
    target = study.Target((b"unbelievable",))
    made = study.transplant(random_source(UN), target, local_weight=1)
    # Cosines of spelling 0.199, 0.508, 0.421; lengths 2, 6 and 4 of 12; T = 0.3.
    assert made.weights[0][1] == pytest.approx([0.2202, 0.4536, 0.3262], abs=5e-5)
    # Lengths count characters: two of one and two bytes each are as long as each other.
    made = study.transplant(
        random_source(("é".encode(), b"e")),
        study.Target(("ée".encode(),)),
        local_weight=1,
        likeness=lambda strings: np.ones((len(strings), 1)),
    )
    assert made.weights[0][1] == pytest.approx([0.5, 0.5])


def space(cosines):
    """A space in which entries have these cosines to the entry that is not named."""
    return lambda strings: np.array(
        [[c := cosines.get(s, 1.0), np.sqrt(1 - c * c)] for s in strings]
    )


def test_the_default_is_seven_parts_pieces_and_three_of_three_neighbours():
    cosines = {b"un": 0.2, b"believ": 0.5, b"able": 0.4, b"near": 0.9, b"far": -0.5}
    source = random_source(tuple(cosines))
    target = study.Target((b"unbelievable",))
    made = study.transplant(source, target, likeness=space(cosines))
    c = np.array([0.2, 0.5, 0.4])
    mixed = (np.exp(c) / np.exp(c).sum() + np.array([2, 6, 4]) / 12) / 2
    local = np.exp(mixed / 0.3) / np.exp(mixed / 0.3).sum()
    close = np.exp(np.array([0.5, 0.4, 0.9]) / 0.3)
    expected = np.zeros(5)
    expected[:3] = 0.7 * local
    expected[[1, 2, 3]] += 0.3 * close / close.sum()
    assert made.weights[0][0].tolist() == [0, 1, 2, 3]
    assert made.weights[0][1] == pytest.approx(expected[:4])
    # The nearest weighs most, and neighbours of no weight in pieces are all there is without any.
    alone = study.transplant(source, target, likeness=space(cosines), local_weight=0)
    assert dict(zip(*map(np.ndarray.tolist, alone.weights[0]), strict=True)) == pytest.approx(
        dict(zip([1, 2, 3], close / close.sum(), strict=True))
    )


def test_the_old_tokenizers_own_cut_can_be_given():
    source = random_source((*UN, b"unbeliev", b"unb", b"elievable"))
    target = study.Target((b"unbelievable",))
    assert study.transplant(source, target, "pieces").weights[0][0].tolist() == [4, 5]
    own = {b"unbelievable": [b"un", b"believ", b"nowhere", b"able"]}
    made = study.transplant(source, target, "pieces", spelled=own.__getitem__)
    assert made.weights[0][0].tolist() == [0, 1, 2]
    mixed = study.transplant(source, target, spelled=own.__getitem__, local_weight=1)
    assert mixed.weights[0][0].tolist() == [0, 1, 2]


def test_random_has_the_mean_and_spread_of_the_old_vectors():
    rng = np.random.default_rng(0)
    source = study.Source(
        tuple(bytes([97 + i % 26, 97 + i // 26]) for i in range(400)),
        rng.normal([100, -5], [0.1, 2], size=(400, 2)),
    )
    target = study.Target(tuple(bytes([65 + i % 26, 65 + i // 26]) for i in range(400)))
    made = study.transplant(source, target, "random").matrix
    assert made.mean(axis=0) == pytest.approx([100, -5], abs=0.5)
    assert made.std(axis=0) == pytest.approx([0.1, 2], rel=0.2)


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


def test_vectors_are_those_of_a_smoothed_ppmi():
    documents = [[0, 1, 2, 0, 1], [2, 3, 0, 3], [1, 1, 3, 4]]
    found = embeddings.co_occurrence_embeddings(documents, 3, window=2)
    near = np.zeros((5, 5))
    for ids in documents:
        for i, j in itertools.permutations(range(len(ids)), 2):
            if abs(i - j) <= 2:
                near[ids[i], ids[j]] += 1 / abs(i - j)
    context = near.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore"):
        ratio = near / near.sum(axis=1, keepdims=True) / (context / context.sum())
        ppmi = np.maximum(np.log(ratio), 0)
    left, strengths, _ = np.linalg.svd(ppmi)
    # Signs are free, products of vectors are not.
    expected = left[:, :3] * strengths[:3] @ left[:, :3].T
    assert found.vectors @ found.vectors.T == pytest.approx(expected)


def test_spellings_share_ngrams_of_two_to_four_bytes():
    # Of <a ab bc c> <ab abc bc> <abc abc> and <a ab bd d> <ab abd bd> <abd abd>: <a, ab, <ab.
    one, other = embeddings.spelling_vectors([b"abc", b"abd"], 1 << 16)
    assert one @ other == pytest.approx(3 / 9)


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
    assert not any("random" in measure for measure in by)  # chance is no claim


def test_what_falls_back_on_the_mean_is_counted(planted):
    source, target = planted
    # With single letters a and b gone, words of them alone have no pieces.
    letterless = study.Source(
        tuple(e for e in source.entries if e not in (b"a", b"b")),
        source.matrix[[e not in (b"a", b"b") for e in source.entries]],
    )
    table = study.reconstruction(letterless, target, ["mean", "pieces"], held_out=0.3)
    pieces = table.filter(method="pieces")
    fallen = pieces.filter(pl.col("entry").str.contains("[ab]"))
    assert (fallen["how"] == "mean").all()
    assert not (pieces.join(fallen, on="entry", how="anti")["how"] == "mean").any()
    share = len(fallen) / len(pieces)
    assert 0 < share < 1
    summary = study.summary(table)
    assert summary["from_mean"].to_list() == [1, pytest.approx(share)]
    measure = study.verdict(table)["measure"][0]
    assert measure.endswith(f"{share:.0%} of them at the mean")


def test_examples_are_entries_the_old_vocabulary_lacks():
    words = (b"w4lking!", b" walking", b" walked", b"talking", b" walk", b"ing", b"short")
    source = random_source((b" walk", b"ing", b"ed", b"t", b"alking"))
    table = study.examples(source, random_target(words), 2, longest=1, shortest=6)
    # The two most frequent words of letters that are long enough; copied ones are not shown.
    assert table["entry"].unique().sort().to_list() == [" walked", " walking"]
    assert table.group_by("entry", "how").len()["len"].to_list() == [1] * 4
    assert set(table["how"]) == {"focus", "tokenadapt"}
    assert set(table["neighbour"]) <= {" walk", "ing", "ed"}
    assert study.examples(source, random_target(words), 3, shortest=6)["entry"].n_unique() == 3


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
    assert study.overlap(old, [b""])["entries"].to_list() == [0, 0, 1]


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
    for few in (0, -1):
        with pytest.raises(ValueError, match="neighbours counts old entries"):
            study.transplant(source, target, neighbours=few)
    with pytest.raises(ValueError, match="no entry"):
        study.Source((), np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"NaN or infinity"):
        study.Source((b"a",), np.array([[np.nan]]))
    with pytest.raises(ValueError, match="old vocabulary stand for the same bytes"):
        study.Source((b"a", b"a"), np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("entries", "own", "sentence"),
    [
        ((b"a", b"b"), np.ones((3, 2)), "the new vocabulary has 2 entries"),
        ((b"a", b"b"), np.ones((1, 2)), "the new vocabulary has 2 entries"),
        ((b"a", b"b"), np.ones(2), "the new vocabulary has 2 entries"),
        ((b"a",), np.array([[np.inf]]), "NaN or infinity"),
        ((b"a", b"a"), None, "new vocabulary stand for the same bytes"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(entries, own, sentence):
    with pytest.raises(ValueError, match=sentence):
        study.Target(entries, own)

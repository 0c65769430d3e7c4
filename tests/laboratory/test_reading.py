"""From words to arrays of ids, and splits that keep the word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.laboratory import reading
from workbench.laboratory.design import LEAST_SEEN, VOCABULARIES, halves

words = st.lists(st.text("aeinrst", min_size=1, max_size=10), min_size=1, max_size=8)


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_vocabulary_has_its_size_and_spells_every_word(name):
    tok = reading.vocabulary(name)
    assert tok.vocab_size == VOCABULARIES[name]
    some = list(halves().test[:2000])
    ids = reading.word_ids(some, tok)
    assert ids.shape == (2000, 10)
    for word, row in zip(some, ids.tolist(), strict=True):
        assert b"".join(tok.token_bytes(i) for i in row if i != tok.vocab_size) == word.encode()


def test_characters_are_letters():
    ids = reading.word_ids(["cab"], reading.vocabulary("characters"))
    assert ids.tolist() == [[2, 0, 1] + [26] * 7]


@settings(max_examples=6, deadline=None)
@given(words, st.sampled_from([0.1, 0.5, 0.9]))
def test_splits_keep_the_word(some, p):
    tok = reading.vocabulary("bpe-4k")
    ids = reading.word_ids(some, tok)
    variants = reading.split_variants(ids, tok, p, copies=2, seed=1)
    assert variants.shape == (2, *ids.shape)
    for variant in variants:
        for word, row in zip(some, variant.tolist(), strict=True):
            assert b"".join(tok.token_bytes(i) for i in row if i != 4096) == word.encode()
        assert ((variant != 4096).sum(axis=1) >= (ids != 4096).sum(axis=1)).all()


def test_more_splits_make_longer_words():
    tok = reading.vocabulary("bpe-4k")
    ids = reading.word_ids(list(halves().train[:500]), tok)
    lengths = [
        (reading.split_variants(ids, tok, p, 4, seed=0) != 4096).sum() / 4 for p in (0.1, 0.3, 0.6)
    ]
    assert (ids != 4096).sum() < lengths[0] < lengths[1] < lengths[2]


def test_the_rarest_token_of_a_word_decides_whether_it_is_known():
    ids = np.array([[0, 1, 3], [2, 3, 3], [0, 0, 3]])
    seen = reading.sightings(ids, 3)
    assert seen.tolist() == [2, 1, 1]  # a token twice in one word is one word
    assert reading.rarest(ids, seen).tolist() == [1, 1, 2]


def test_letters_are_seen_in_every_vocabulary():
    for name in VOCABULARIES:
        tok = reading.vocabulary(name)
        ids = reading.word_ids(list(halves().train[:20_000]), tok)
        rest = reading.rarest(ids, reading.sightings(ids, VOCABULARIES[name]))
        assert (rest >= 1).all()
        if name == "characters":
            assert rest.min() >= LEAST_SEEN


def test_a_word_of_too_many_tokens_and_a_strange_vocabulary_are_refused():
    with pytest.raises(ValueError, match="12 tokens"):
        reading.word_ids(["abcabcabcabc"], reading.vocabulary("characters"))
    with pytest.raises(ValueError, match="bpe-4k"):
        reading.vocabulary("bpe-9k")

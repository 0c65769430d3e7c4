"""What BPE entries are made of: parents that spell them, ancestors that rebuild them."""

import doctest
import importlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.derivation import ancestors, derive, merge_parents
from workbench.derivation.bpe import run_merges
from workbench.derivation.merges import last_pair
from workbench.tokenizers import load_tokenizer

MODULES = [
    "added_tokens", "bpe", "derive", "engines", "merges", "ranks", "unicode_versions", "unigram",
    "wordpiece",
]  # fmt: skip


@cache
def tokenizer_at(source):
    return load_tokenizer(source)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.derivation.{module}"))
    assert result.attempted
    assert result.failed == 0


@pytest.mark.parametrize(
    "name", ["mistral-v1", "mistral-v3", "workbench-bpe", "workbench-char-bpe"]
)
def test_parents_spell_their_entry(name):
    tok = tokenizer_at(name)
    parents = merge_parents(tok)
    assert len(parents) > 0.4 * len(tok.ids())
    for number, made in parents.items():
        joined = tok.token_bytes(made.left) + tok.token_bytes(made.right)
        assert joined == tok.token_bytes(number)


@pytest.mark.parametrize("name", ["mistral-v1", "workbench-bpe"])
def test_parents_are_those_of_the_merge_tree(name):
    tok = tokenizer_at(name)
    parents = merge_parents(tok)
    derivation = derive("The internationalisation of tokenizers was misunderstood.", tok)
    assert derivation.exact
    for token, number in enumerate(derivation.ids):
        tree = derivation.tree(token)
        if tree["children"]:
            left, right = (child["id"] for child in tree["children"])
            assert (parents[number].left, parents[number].right) == (left, right)
        else:
            assert number not in parents


def test_several_merges_may_spell_an_entry_and_only_one_makes_it(oracles):
    # Converted from SentencePiece, this file has 61,249 merges for 29,612 entries.
    tok = tokenizer_at(oracles / "tokenizers" / "phi-3-medium.json")
    parents = merge_parents(tok)
    derivation = derive("international misunderstanding", tok)
    for token, number in enumerate(derivation.ids):
        children = derivation.tree(token)["children"]
        made = parents[number]
        assert [child["id"] for child in children] == [made.left, made.right]


def test_ancestors_are_closed():
    tok = tokenizer_at("mistral-v1")
    parents = merge_parents(tok)
    closed = ancestors([tok.id_of("▁international")], parents)
    assert all(
        number not in parents or {parents[number].left, parents[number].right} <= closed
        for number in closed
    )
    letters = {tok.piece(number) for number in closed if number not in parents}
    assert letters == set("▁international")


def test_tokenizers_without_merges_have_no_parents():
    assert merge_parents(tokenizer_at("workbench-unigram")) == {}
    assert merge_parents(tokenizer_at("bytes")) == {}


@given(
    text=st.text("abc", min_size=2, max_size=9),
    pieces=st.lists(st.text("abc", min_size=2, max_size=9), unique=True, max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_the_last_pair_is_the_last_merge(text, pieces):
    ranks = {piece: rank for rank, piece in enumerate([*pieces, text])}
    run = run_merges(
        list(text),
        lambda left, right: (
            None if left + right not in ranks else (ranks[left + right], left + right)
        ),
    )
    pair = last_pair(text, ranks.get)
    if run.symbols == [text]:
        last = run.steps[-1]
        spelled = dict(enumerate(text)) | {step.node: step.merged for step in run.steps}
        assert pair == (spelled[last.left], spelled[last.right])
    else:
        assert pair is None

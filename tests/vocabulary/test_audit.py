"""Every entry of a vocabulary, classified; the published row of Qtok must come out exactly."""

import doctest
import importlib
import unicodedata

import polars as pl
import pytest
import tokenizers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers

from workbench.tokenizers import TokenizerError, load_tokenizer
from workbench.vocabulary import (
    QTOK_CLASSES,
    audit_vocabulary,
    composition,
    junk_reason,
    reachability,
    scripts_of,
)

# Chelombitko et al. 2024, table 1, the row called "llama-2".
PUBLISHED = {
    "control": 16, "pure bytes": 256, "character-alphabetic": 1629, "spaced-alphabetic": 16054,
    "inner-alphabetic": 12375, "character-other": 257, "spaced-other": 349, "inner-other": 1039,
    "flank": 0, "character-error": 13, "spaced-error": 5, "inner-error": 18,
}  # fmt: skip


@pytest.fixture(scope="module")
def phi(oracles, tokenizer_named):
    return audit_vocabulary(tokenizer_named(oracles / "tokenizers" / "phi-3-medium.json"))


@pytest.mark.parametrize("module", ["audit", "classes", "junk", "reachability"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.vocabulary.{module}"))
    assert result.attempted
    assert result.failed == 0


def test_qtoks_published_row_comes_out_exactly(phi):
    counts = dict(composition(phi).select("qtok_class", "entries").iter_rows())
    assert {name: counts.get(name, 0) for name in QTOK_CLASSES} == PUBLISHED
    assert phi.height == sum(PUBLISHED.values())


def test_the_published_row_does_not_hang_on_the_version_of_unicode(phi):
    # Names of characters never change, and all errors of this vocabulary are control characters,
    # which never get a name: the row holds under every version since the vocabulary was made.
    errors = phi.filter(pl.col("qtok_class").str.ends_with("error"))["text"].to_list()
    nameless = {c for text in errors for c in text if not unicodedata.name(c, "")}
    assert errors
    assert {unicodedata.category(c) for c in nameless} == {"Cc"}


def test_an_audit_has_one_row_per_entry(tokenizer_named):
    tok = tokenizer_named("mistral-v1")
    frame = audit_vocabulary(tok)
    assert frame["id"].to_list() == tok.ids()
    row = frame.row(tok.id_of("▁straw"), named=True)
    assert (row["text"], row["byte_length"], row["character_length"]) == (" straw", 6, 6)
    assert (tok.piece(row["left_id"]), tok.piece(row["right_id"])) == ("▁st", "raw")
    assert (row["utf8"], row["status"], row["junk"]) == ("whole", "reachable", None)


def test_no_entry_of_mistral_is_wrongly_unreachable(tokenizer_named):
    frame = audit_vocabulary(tokenizer_named("mistral-v1"))
    dead = frame.filter(pl.col("status") == "unreachable")
    # Only bytes of characters that have an entry of their own: those can never be used.
    assert dead["piece"].str.contains(r"^<0x[0-9A-F]{2}>$").all()
    assert dead["why"].str.contains("the same bytes have another entry").all()
    assert frame.filter(pl.col("status") == "undecodable").height == 128


@pytest.mark.parametrize("name", ["workbench-bpe", "workbench-char-bpe"])
def test_byte_level_vocabularies_are_reachable_in_full(tokenizer_named, name):
    kinds = {kind for kind, _ in reachability(tokenizer_named(name))}
    assert kinds <= {"reachable", "special", "undecodable"}


def test_an_entry_that_the_pattern_always_cuts_is_found(oracles, tokenizer_named):
    tok = tokenizer_named(oracles / "tokenizers" / "o200k_base.tiktoken")
    kinds = reachability(tok, [tok.id_of(" I'"), tok.id_of(" I")])
    assert kinds == [
        ("unreachable", "the pre-tokenizer cuts it:  I | '"),
        ("reachable", ""),
    ]
    assert tok.id_of(" I'") not in tok.encode("I said I'm here; I'd say I'll, I' .")


def tiny(vocab, merges, *, normalizer=None, pre=None, **options):
    live = hf.Tokenizer(models.BPE(vocab=vocab, merges=merges, **options))
    live.normalizer = normalizer
    live.pre_tokenizer = pre
    return load_tokenizer(live, name="tiny")


def test_reasons_why_an_entry_cannot_be_used():
    vocab = {"a": 0, "b": 1, "c": 2, "A": 3, "ab": 4, "bc": 5, "abc": 6, "-": 7, "a-": 8, "x": 9}
    merges = [("a", "b"), ("b", "c"), ("a", "bc"), ("a", "-")]
    tok = tiny(
        vocab,
        merges,
        normalizer=normalizers.Lowercase(),
        pre=pre_tokenizers.Punctuation(),
    )
    why = dict(zip(tok.ids(), reachability(tok), strict=True))
    assert why[6] == ("unreachable", "its text gives ab c")
    assert why[3][0] == "unreachable"
    assert "turns it into 'a'" in why[3][1]
    assert why[8] == ("unreachable", "the pre-tokenizer cuts it: a | -")
    assert why[4][0] == why[9][0] == "reachable"


def test_duplicates_after_normalization():
    tok = tiny({"é": 0, "e\u0301": 1, "ﬁ": 2, "fi": 3, "a": 4}, [])
    assert audit_vocabulary(tok)["duplicate_of"].to_list() == [None, 0, None, 2, None]


def test_baselines():
    frame = audit_vocabulary(load_tokenizer("bytes"))
    assert frame.height == 256
    with pytest.raises(TokenizerError, match="open vocabulary"):
        audit_vocabulary(load_tokenizer("words"))


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_character_has_one_script(text):
    found = scripts_of(text)
    assert set(found) == set(text)
    assert scripts_of("aα") == {"a": "Latin", "α": "Greek"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" straw", None),
        ("Ã©", "mojibake"),
        ("é", None),
        ("abababababababab", "a run of one pattern"),
        (" https", None),
        ("https://", "part of an address"),
        ("0000000000", "a run of one pattern"),
        ("deadbeef0123", "hexadecimal digits"),
        (" " * 40, "a long run of white space"),
        ("\x07", "control or private-use characters"),
        ("\n\n", None),
        (" Donaudampfschifffahrtsgesellschaft", "longer than words are"),
    ],
)
def test_junk_is_named(text, reason):
    assert junk_reason(text) == reason

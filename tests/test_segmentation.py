"""A text cut into tokens, exact to the byte."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tokenizers as hf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nasty import NASTY, unicode_text
from tokenizers import models, normalizers, pre_tokenizers

import workbench as wb
from workbench.segmentation import Drop, Segmentation
from workbench.tokenizers import Tokenizer, TokenizerError, load_tokenizer

OFFLINE = wb.list_tokenizers().filter(pl.col("offline"))["name"].to_list()
PUBLISHED = ["cl100k_base.tiktoken", "r50k_base.tiktoken", "phi-3-medium.json", "pythia-12b.json"]


def test_a_word_and_its_tokens():
    seg = wb.segment("strawberry", "mistral-v1")
    assert [t.piece for t in seg.tokens] == ["▁straw", "berry"]
    assert [t.data for t in seg.tokens] == ["▁straw".encode(), b"berry"]
    assert [(t.byte_start, t.byte_end) for t in seg.tokens] == [(0, 5), (5, 10)]
    assert seg.boundaries.tolist() == [5]
    assert seg.source == b"strawberry"
    assert seg.normalized == "▁strawberry".encode()
    assert seg.dropped == ()


def test_an_emoji_cut_inside_shows_its_true_bytes():
    seg = wb.segment("💩", "mistral-v1")
    spans = [(t.data, t.byte_start, t.byte_end, t.char_start, t.char_end) for t in seg.tokens][1:]
    assert spans == [
        (b"\xf0", 0, 1, 0, 1),
        (b"\x9f", 1, 2, 0, 1),
        (b"\x92", 2, 3, 0, 1),
        (b"\xa9", 3, 4, 0, 1),
    ]
    assert seg.tokens[0].piece == "▁"
    assert seg.tokens[0].byte_end == 0  # inserted: it covers nothing of the source
    assert seg.graphemes[0].tolist() == [0, 0, 0, 0, 0]


def test_wordpiece_lists_the_white_space_it_drops():
    seg = wb.segment("Two  words", "workbench-wordpiece")
    assert seg.dropped == (Drop(3, 5, "white space dropped by the pre-tokenizer"),)
    assert seg.normalized == b"two  words"
    assert b"".join(t.data for t in seg.tokens) == b"twowords"
    assert seg.source[seg.tokens[0].byte_start] == ord("T")


def test_composition_covers_the_combining_mark(oracles: Path):
    seg = wb.segment("e\u0301x", load_tokenizer(oracles / "tokenizers" / "pythia-12b.json"))
    assert seg.normalized == "éx".encode()
    assert (seg.tokens[0].byte_start, seg.tokens[0].byte_end) == (0, 3)
    assert seg.dropped == ()


def test_an_expanded_character_is_shared_and_is_no_cut():
    tok = _tokenizer(_bpe({c: i for i, c in enumerate("fi½⁄12x")}, norm=normalizers.NFKC()))
    seg = wb.segment("xﬁx", tok)
    assert [t.data for t in seg.tokens] == [b"x", b"f", b"i", b"x"]
    assert [(t.byte_start, t.byte_end) for t in seg.tokens] == [(0, 1), (1, 4), (1, 4), (4, 5)]
    assert seg.boundaries.tolist() == [1, 4]


def test_the_frame_has_a_row_a_token():
    frame = wb.segment("naïve 👍🏽!", "deepseek-v4").to_frame()
    assert frame.columns == [
        "index",
        "id",
        "piece",
        "data",
        "text",
        "byte_start",
        "byte_end",
        "char_start",
        "char_end",
        "is_special",
        "is_unknown",
        "grapheme_start",
        "grapheme_end",
        "word_index",
    ]
    assert b"".join(frame["data"]) == "naïve 👍🏽!".encode()
    assert frame["word_index"].to_list()[0] == 0
    thumb = frame.filter(pl.col("byte_end") > 7).filter(pl.col("byte_start") < 15)
    assert set(thumb["grapheme_end"] - thumb["grapheme_start"]) <= {1, 2}
    assert wb.segment("", "tekken").to_frame().height == 0


def test_lone_surrogates_are_refused_with_a_sentence():
    with pytest.raises(TokenizerError, match=r"lone surrogate \(U\+D800\) at character 2"):
        wb.segment("ab\ud800", "bytes")


def test_specials_are_text_until_they_are_asked_for(oracles: Path):
    phi = load_tokenizer(oracles / "tokenizers" / "phi-3-medium.json")
    text = "a<|endoftext|>b"
    plain, parsed = wb.segment(text, phi), wb.segment(text, phi, parse_special=True)
    assert not any(t.is_special for t in plain.tokens)
    assert [t.data for t in parsed.tokens if t.is_special] == [b"<|endoftext|>"]
    assert parsed.ids == phi.encode(text, parse_special=True)
    assert parsed.tokens[-1].data == "▁b".encode()  # the prefix is put back after a special
    for name in ("mistral-v3", "tekken"):
        tok = load_tokenizer(name)
        assert not set(tok.encode("x[INST]y")) & tok.special_ids
        seg = wb.segment("x[INST]y", tok, parse_special=True)
        assert [t.data for t in seg.tokens if t.is_special] == [b"[INST]"]
        assert (seg.tokens[-1].byte_start, seg.tokens[-1].byte_end) == (7, 8)


# --- the properties ------------------------------------------------------------------------------


def check(text: str, tok: Tokenizer, *, parse_special: bool = False) -> Segmentation:
    """Hold a segmentation to everything it promises."""
    seg = wb.segment(text, tok, parse_special=parse_special)
    a, source = seg.alignment, text.encode()
    assert seg.ids == tok.encode(text, parse_special=parse_special)
    assert seg.source == source
    covered = np.zeros(len(source), dtype=np.int64)
    for start, end in zip(a.byte_start.tolist(), a.byte_end.tolist(), strict=True):
        assert 0 <= start <= end <= len(source)
        covered[start:end] += 1
    for drop in seg.dropped:
        assert drop.reason
        assert not covered[drop.byte_start : drop.byte_end].any()
        covered[drop.byte_start : drop.byte_end] += 1
    assert covered.all(), f"bytes of nobody: {np.flatnonzero(covered == 0).tolist()}"
    assert (np.diff(a.byte_start) >= 0).all()
    assert (np.diff(a.norm_start) >= 0).all()
    assert (a.norm_start[1:] >= a.norm_end[:-1]).all()
    edges = seg.boundaries.tolist()
    assert edges == sorted(set(edges))
    assert all(0 < b < len(source) for b in edges)
    for i, token_id in enumerate(seg.ids):
        data = seg.normalized[a.norm_start[i] : a.norm_end[i]]
        if token_id == tok.unk_id or a.special[i]:
            continue
        stands_for = tok.token_bytes(token_id)
        assert data.replace("▁".encode(), b" ") == stands_for.replace("▁".encode(), b" ")
    seg.to_frame()
    return seg


@pytest.mark.parametrize("name", OFFLINE)
def test_nasty_texts_on_every_offline_tokenizer(name: str):
    tok = load_tokenizer(name)
    for text in NASTY.values():
        check(text, tok)
        check(text, tok, parse_special=True)


@pytest.mark.parametrize("name", OFFLINE)
@settings(max_examples=60, deadline=None)
@given(text=unicode_text)
def test_all_of_unicode_on_every_offline_tokenizer(name: str, text: str):
    check(text, load_tokenizer(name))


@pytest.mark.oracle
@pytest.mark.parametrize("file", PUBLISHED)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=unicode_text, parse=st.booleans())
def test_all_of_unicode_on_published_tokenizers(oracles: Path, file: str, text: str, parse: bool):
    tok = _published(oracles / "tokenizers" / file)
    check(text, tok, parse_special=parse)
    for nasty in NASTY.values():
        check(nasty, tok)


@cache
def _published(path: Path) -> Tokenizer:
    return load_tokenizer(path)


def _tokenizer(live: hf.Tokenizer) -> Tokenizer:
    return load_tokenizer(live)


def _bpe(vocab, *, merges=(), norm=None, pre=None, **options) -> hf.Tokenizer:
    vocab = {"<unk>": len(vocab), **vocab}
    live = hf.Tokenizer(models.BPE(vocab=vocab, merges=list(merges), unk_token="<unk>", **options))
    if norm is not None:
        live.normalizer = norm
    if pre is not None:
        live.pre_tokenizer = pre
    return live


LETTERS = {c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz ▁éü")}
PIECES = [("<unk>", 0.0), *[(c, -3.0) for c in "▁abcdefghijklmnopqrstuvwxyzé"], ("▁th", -2.0)]
ODD = {
    "lower case, accents stripped": _bpe(
        LETTERS,
        norm=normalizers.Sequence(
            [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
        ),
    ),
    "NFKC and unknowns not fused": _bpe(LETTERS, norm=normalizers.NFKC()),
    "unknowns fused": _bpe(LETTERS, fuse_unk=True, pre=pre_tokenizers.WhitespaceSplit()),
    "end of word suffix": _bpe(
        {**LETTERS, "a</w>": 40, "b</w>": 41, "ab</w>": 42},
        merges=[("a", "b</w>")],
        pre=pre_tokenizers.Whitespace(),
        end_of_word_suffix="</w>",
    ),
    "NFKC, Metaspace, Unigram": hf.Tokenizer(models.Unigram(PIECES, unk_id=0)),
    "strip and replace": _bpe(
        LETTERS,
        norm=normalizers.Sequence(
            [normalizers.Strip(), normalizers.Replace(hf.Regex(" {2,}"), " ")]
        ),
    ),
    "byte level with a prefix space": hf.Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))},
                   merges=[])
    ),
    "digits and punctuation removed": _bpe(
        LETTERS,
        pre=pre_tokenizers.Sequence(
            [pre_tokenizers.Punctuation("removed"), pre_tokenizers.Digits(individual_digits=True)]
        ),
    ),
    "Bert with unknown words": hf.Tokenizer(
        models.WordPiece(
            {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3, "##c": 4, "b": 5}, unk_token="[UNK]"
        )
    ),
}  # fmt: skip
ODD["NFKC, Metaspace, Unigram"].normalizer = normalizers.NFKC()
ODD["NFKC, Metaspace, Unigram"].pre_tokenizer = pre_tokenizers.Metaspace()
ODD["byte level with a prefix space"].pre_tokenizer = pre_tokenizers.ByteLevel(
    add_prefix_space=True
)
ODD["Bert with unknown words"].normalizer = normalizers.BertNormalizer()
ODD["Bert with unknown words"].pre_tokenizer = pre_tokenizers.BertPreTokenizer()


@pytest.mark.parametrize("kind", ODD)
@settings(max_examples=80, deadline=None)
@given(text=unicode_text)
def test_normalizers_and_pre_tokenizers_of_every_kind(kind: str, text: str):
    tok = _odd(kind)
    check(text, tok)
    for nasty in ("abé ﬁ½ İ", "  ab  ", "日本ab日"):
        check(nasty, tok)


@cache
def _odd(kind: str) -> Tokenizer:
    return load_tokenizer(ODD[kind])


@pytest.mark.parametrize("kind", ODD)
def test_normalized_is_the_librarys_own(kind: str):
    live, text = ODD[kind], "The Résumé ﬁts, ½ İx  "
    expected = live.normalizer.normalize_str(text) if live.normalizer else text
    seg = wb.segment(text, _odd(kind))
    made = seg.normalized.decode()
    if live.pre_tokenizer is not None and "Metaspace" in json.dumps(_odd(kind).definition):
        assert made == "▁" + expected.replace(" ", "▁")
    elif kind == "byte level with a prefix space":
        assert made == " " + expected
    else:
        assert made == expected


def test_a_megabyte_without_a_space():
    text = "ab日" * 200_000
    for name in ("bytes", "tekken", "mistral-v1"):
        seg = wb.segment(text, name)
        a = seg.alignment
        assert int(a.byte_end[-1]) == len(text.encode())
        assert seg.tokens[-1].byte_end == len(text.encode())


def test_boundaries_of_several_tokenizers_side_by_side():
    comparison = wb.compare_boundaries("The strawberry", ["mistral-v1", "words", "bytes"])
    frame = comparison.to_frame()
    at = {row["byte_offset"]: row for row in frame.to_dicts()}
    assert at[3]["shared"] == "all"
    assert at[9]["shared"] == "some"
    assert at[1]["shared"] == "one"
    assert at[9]["tokenizers"] == 2
    assert comparison.summary()["tokens"].to_list() == [3, 2, 14]
    twice = wb.compare_boundaries("ab", ["bytes", "bytes"])
    assert twice.names == ["bytes", "bytes (2)"]
    with pytest.raises(TokenizerError, match="at least one"):
        wb.compare_boundaries("ab", [])

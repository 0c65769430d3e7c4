"""Look-ups: ids, strings, pasted ids, and a page about a token."""

import doctest
import importlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tokenizers import TokenizerError
from workbench.vocabulary import entries_of, lookup, nearest, parse_ids, read_ids, token_page
from workbench.vocabulary.entries import edit_distances


@pytest.mark.parametrize("module", ["entries", "lookup", "notation"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.vocabulary.{module}"))
    assert result.attempted
    assert result.failed == 0


# --- ids and strings -------------------------------------------------------------------------


def test_is_strawberry_one_token(tokenizer_named):
    tok = tokenizer_named("tekken")
    found = lookup(tok, "strawberry")
    assert found.one_token is False
    assert [row["id"] for row in found.encoded] == tok.encode("strawberry")
    json.dumps(found.to_dict())
    assert found.to_frame().height == len(found.matches) + len(found.nearest)


def test_an_id_is_looked_up_as_an_entry(tokenizer_named):
    tok = tokenizer_named("mistral-v1")
    row = lookup(tok, tok.id_of("▁the")).matches[0]
    assert (row["piece"], row["text"], row["bytes"], row["how"]) == (
        "▁the", " the", "20 74 68 65", "id",
    )  # fmt: skip
    with pytest.raises(TokenizerError, match="99999"):
        lookup(tok, 99999)
    with pytest.raises(TokenizerError, match="not float"):
        lookup(tok, 1.5)


def test_a_string_matches_by_spelling_by_bytes_and_with_a_space(tokenizer_named):
    tok = tokenizer_named("mistral-v1")
    assert lookup(tok, "▁the").matches[0]["how"] == "piece"
    assert {m["how"] for m in lookup(tok, "the").matches} == {"piece", "with a space"}
    assert [m["piece"] for m in lookup(tok, " the").matches] == ["▁the"]
    tekken = tokenizer_named("tekken")
    assert lookup(tekken, " the").one_token is True


def test_the_nearest_entries_are_given_where_nothing_matches(tokenizer_named):
    tok = tokenizer_named("deepseek-v4")
    found = lookup(tok, "governmentt")
    assert found.matches == ()
    assert found.nearest[0]["text"].strip() == "government"
    assert [row["distance"] for row in found.nearest] == sorted(
        row["distance"] for row in found.nearest
    )
    assert lookup(tok, "").to_frame().is_empty()


@given(
    query=st.text("abcé", max_size=8),
    others=st.lists(st.text("abcé", min_size=1, max_size=8), min_size=1, max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_distances_are_levenshteins(query, others):
    def slow(a, b):
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            previous, row[0] = row[0], i
            for j, y in enumerate(b, 1):
                previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
        return row[-1]

    width = max(map(len, others))
    points = np.zeros((len(others), width), dtype=np.int32)
    for place, text in enumerate(others):
        points[place, : len(text)] = [ord(c) for c in text]
    lengths = np.array([len(text) for text in others])
    assert edit_distances(query, points, lengths).tolist() == [slow(query, o) for o in others]


# --- pasted ids ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1, 2 3\n[4]", [1, 2, 3, 4]),
        ("[1,2;3|4]\t5", [1, 2, 3, 4, 5]),
        ("0x1F 0X20", [31, 32]),
        ("np.array([1, 2], dtype=np.int64)", [1, 2]),
        ("array([[1, 2],\n       [3, 4]], dtype=int32)", [1, 2, 3, 4]),
        ("tensor([[101, 102]], device='cuda:0', dtype=torch.int64)", [101, 102]),
        ("torch.tensor([7])", [7]),
        ("<tf.Tensor: shape=(2,), dtype=int32, numpy=array([8, 9], dtype=int32)>", [8, 9]),
        ('{"input_ids": [5, 6], "attention_mask": [1, 1]}', [5, 6]),
        ("{'input_ids': tensor([[5, 6]]), 'attention_mask': tensor([[1, 1]])}", [5, 6]),
        ("1. 2.0 3", [1, 2, 3]),
        ("'15', \"16\"", [15, 16]),
        ("1_000", [1000]),
        ("", []),
        ("[]", []),
        ([1, 2], [1, 2]),
        ((3, np.int64(4)), [3, 4]),
        (np.array([[1], [2]]), [1, 2]),
        ([[1], [2, 3]], [1, 2, 3]),
        ({"ids": [1]}, [1]),
        (12, [12]),
    ],
)
def test_ids_are_read_in_any_usual_notation(source, expected):
    assert parse_ids(source) == expected


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("1, two", "'two' at place 1"),
        ("1 -100", "never negative"),
        ("ff", "0x in front"),
        ("[1, 2, ..., 9]", "shortened when it was printed"),
        ("1.5", "'1.5' at place 0"),
        ([1, None], "item 1 is None"),
        ([1.5], "item 0 is 1.5"),
        ([True], "item 0 is True"),
        ([-100], "a loss ignores"),
        ({"text": "x"}, "names no ids"),
    ],
)
def test_what_is_no_id_is_named(source, sentence):
    with pytest.raises(TokenizerError, match=sentence.replace(".", r"\.")):
        parse_ids(source)


@given(st.lists(st.integers(0, 2**31), max_size=20))
def test_every_printed_form_reads_back(ids):
    for form in (str(ids), repr(np.array(ids)), "\n".join(map(hex, ids)), json.dumps({"ids": ids})):
        assert parse_ids(form) == ids


def test_broken_utf8_is_shown_as_it_is(tokenizer_named):
    tok = tokenizer_named("tekken")
    ids = tok.encode("💩é")
    whole = read_ids(tok, str(ids))
    assert whole.text == "💩é" == whole.decoded
    assert whole.invalid == ()
    cut = read_ids(tok, ids[1:])
    assert cut.invalid
    assert cut.rows[0]["utf8"] == "invalid"
    assert "\\x" in cut.text
    unknown = read_ids(tok, [ids[0], 10**9])
    assert unknown.decoded is None
    assert unknown.rows[1] == {"id": 10**9, "known": False, "utf8": "unknown id"}
    json.dumps(unknown.to_dict())
    assert unknown.to_frame()["known"].to_list() == [True, False]


# --- a page per token ------------------------------------------------------------------------


def test_a_page_about_a_token(tokenizer_named):
    tok, other = tokenizer_named("mistral-v1"), tokenizer_named("tekken")
    page = token_page(tok, tok.id_of("▁token"), [other, tokenizer_named("bytes")])
    json.dumps(page)
    texts = {kind: [row["text"] for row in rows] for kind, rows in page["neighbours"].items()}
    assert " tokens" in texts["starts_with_it"]
    assert " to" in texts["begins_it"]
    assert "en" in texts["finishes_it"]
    assert "token" in texts["same_letters"]
    assert all(text != " token" for text in texts["edits"])
    assert page["decomposition"]["pieces"][-1] == "▁token"
    assert [(row["tokenizer"], row["has"]) for row in page["others"]] == [
        ("tekken", True),
        ("bytes", False),
    ]


def test_a_page_about_part_of_a_character(tokenizer_named):
    tok = tokenizer_named("tekken")
    first = tok.encode("💩")[0]
    page = token_page(tok, first, [tokenizer_named("deepseek-v4")])
    assert page["entry"]["whole_utf8"] is False
    assert page["decomposition"] is None
    assert page["neighbours"]["edits"] == []
    assert page["others"][0]["encoded"] is None


def test_an_open_vocabulary_has_no_entries(tokenizer_named):
    with pytest.raises(TokenizerError, match="open vocabulary"):
        entries_of(tokenizer_named("words"))
    assert lookup(tokenizer_named("words"), "one word").one_token is False
    with pytest.raises(TokenizerError, match="open vocabulary"):
        nearest(tokenizer_named("words"), "x")

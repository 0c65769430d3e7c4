"""The fast way to find cuts gives what the exact way gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import load_tokenizer, segment
from workbench.metrics._base import DocumentView
from workbench.metrics._cuts import character_bytes, cuts, cuts_of, pieces_of

NAMES = [
    "mistral-v1",
    "mistral-v3",
    "tekken",
    "workbench-bpe",
    "workbench-wordpiece",
    "workbench-unigram",
    "workbench-char-bpe",
    "bytes",
    "characters",
    "words",
]
TEXTS = [
    "",
    " ",
    "the cat sat",
    "The CAT  sat.\n\tOn  the mat ",
    " leading",
    "naïve façade",
    "\u2581low line",
    "日本語のテキスト",
    "ﬁne ½ Ⅷ e\u0301 é",
    "👩‍👩‍👧 zwj \u200b\u00a0nbsp",
    "[UNK] <unk> </s> <s>",
    "١٢٣ हिन्दी ภาษาไทย",
    "\x00\x1c\x85 control",
]


@pytest.mark.parametrize("name", NAMES)
def test_cuts_are_the_boundaries_of_the_segmentation(name):
    tokenizer = load_tokenizer(name)
    for text in TEXTS:
        assert cuts(tokenizer, text).tolist() == segment(text, tokenizer).boundaries.tolist(), text


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.text(st.sampled_from("aBé ▁ \n\t日한a\u0301İßﬁ 1,.\u00a0\u2003👍"), max_size=24),
)
def test_cuts_of_any_text(name, text):
    tokenizer = load_tokenizer(name)
    assert np.array_equal(cuts(tokenizer, text), segment(text, tokenizer).boundaries)


def test_a_view_gives_its_cuts_with_or_without_its_segmentation():
    tokenizer = load_tokenizer("mistral-v3")
    fast, slow = (DocumentView("unbelievable 12345", tokenizer) for _ in range(2))
    assert slow.segmentation.boundaries.tolist() == cuts_of(slow).tolist() == cuts_of(fast).tolist()
    assert cuts_of(fast) is cuts_of(fast)


def test_pieces_are_what_token_bytes_says():
    tokenizer = load_tokenizer("workbench-wordpiece")
    table = pieces_of(tokenizer)
    assert [table[i] for i in tokenizer.ids()[:300]] == [
        tokenizer.token_bytes(i) for i in tokenizer.ids()[:300]
    ]
    with pytest.raises(ValueError, match="not in the vocabulary"):
        table[10**9]


def test_character_bytes():
    assert character_bytes("").tolist() == [0]
    assert character_bytes("a\u00e9\u65e5\U0001f44d").tolist() == [0, 1, 3, 6, 10]

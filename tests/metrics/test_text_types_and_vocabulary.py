"""Types of text, classes of tokens, and what of a vocabulary no text can produce."""

import numpy as np
import pytest

from workbench import load_tokenizer
from workbench.metrics import Histogram, get_metric
from workbench.metrics.text_types import MAKERS, characters_per_token, sample_texts
from workbench.metrics.vocabulary_classes import CLASSES, class_shares


def test_uuids_cost_three_times_the_prose_as_published():
    """Needle Threading: UUIDs 1.10 to 1.53 characters a token, English 4.24 to 4.81."""
    table = characters_per_token(["tekken", "mistral-v3"], ["prose", "uuids"])
    for row in table.iter_rows(named=True):
        low, high = (1.0, 1.6) if row["type"] == "uuids" else (4.0, 4.9)
        assert low < row["characters_per_token"] < high
    uuids = table.filter(type="uuids")["relative_to_prose"]
    assert uuids.min() > 3
    assert table.filter(type="prose")["relative_to_prose"].to_list() == pytest.approx([1, 1])


def test_texts_are_made_from_the_seed_alone():
    for kind in MAKERS:
        assert sample_texts(kind, 5, seed=1) == sample_texts(kind, 9, seed=1)[:5]
        assert sample_texts(kind, 20) != sample_texts(kind, 20, seed=1)
        assert all(text.strip() for text in sample_texts(kind, 30))
    assert sample_texts("dates", 2) == ["10.11.1998", "1975-03-07"]
    assert sample_texts("uuids", 1) == ["992c6e3e-a685-4824-bd1c-77e43871caed"]


def test_made_code_and_json_are_what_they_say():
    import ast
    import json
    import uuid

    for text in sample_texts("code", 40):
        ast.parse(text)
    for text in sample_texts("json", 40):
        assert len(json.loads(text)) == 3
    assert {uuid.UUID(text).version for text in sample_texts("uuids", 20)} == {4}
    assert all(".example." in text for text in sample_texts("urls", 40))


def test_unknown_types_are_named():
    with pytest.raises(ValueError, match=r"no type of text 'poems'; there are prose, code"):
        sample_texts("poems")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        sample_texts("uuids", 0)


def test_types_of_text_by_bytes_and_characters():
    metric = get_metric("text_types")
    assert metric["uuids"].value(load_tokenizer("bytes")) == 1
    assert metric["prose"].value(load_tokenizer("characters")) == 1
    assert {v.name for v in metric.variants} == set(MAKERS)


def histogram(tokenizer, counts):
    ids = np.array(sorted(counts), dtype=np.int64)
    return Histogram(ids, np.array([counts[i] for i in ids]), tokenizer.vocab_size, tokenizer)


def test_classes_count_as_often_as_the_text_uses_them():
    tokenizer = load_tokenizer("mistral-v1")
    seen = histogram(tokenizer, {tokenizer.id_of("▁the"): 2, tokenizer.id_of("ing"): 1})
    shares = class_shares(seen)
    assert shares["spaced_alphabetic"] == pytest.approx(2 / 3)
    assert shares["inner_alphabetic"] == pytest.approx(1 / 3)
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(CLASSES)
    metric = get_metric("vocabulary_classes")
    assert metric["spaced_alphabetic"].value(seen) == shares["spaced_alphabetic"]
    assert metric["flank"].value(seen) == 0  # none is 0, not null: there were tokens
    assert metric["flank"].value(histogram(tokenizer, {})) is None
    opened = load_tokenizer("words")
    ids = opened.encode("a b")
    assert metric["flank"].value(histogram(opened, dict.fromkeys(ids, 1))) is None


def test_unreachable_entries_in_contexts_are_few():
    """Naively half of mistral-v1 looks dead; in contexts only what has another spelling does."""
    metric = get_metric("unreachable")
    tokenizer = load_tokenizer("mistral-v1")
    found = {v.name: v.value(tokenizer) for v in metric.variants}
    assert found["unreachable"] < 0.01
    assert found["special"] == pytest.approx(3 / 32000)
    assert found["unreachable"] + found["undecodable"] + found["special"] < 0.02
    assert metric["unreachable"].value(load_tokenizer("words")) is None

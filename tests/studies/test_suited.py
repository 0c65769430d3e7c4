"""One tokenizer that a study cannot use does not cost the others their results."""

import pytest

import workbench as wb
from workbench.studies.byte_probabilities import leading_bytes
from workbench.studies.suited import suited


def test_those_that_cannot_be_used_are_named_with_the_reason():
    asked = wb.load_tokenizers(["tekken", "workbench-wordpiece", "words", "mistral-v1"])
    kept, notes = suited(asked, leading_bytes)
    assert [tok.name for tok in kept] == ["tekken", "mistral-v1"]
    assert [note.split(" is left out: ")[0] for note in notes] == ["workbench-wordpiece", "words"]
    assert "open vocabulary" in notes[1]


def test_none_at_all_is_an_error_with_every_reason():
    with pytest.raises(ValueError, match=r"try workbench-bpe.*words is left out.*open vocabulary"):
        suited([wb.load_tokenizer("words")], leading_bytes)
    with pytest.raises(ValueError, match="None was given"):
        suited([], leading_bytes)


def test_another_error_is_not_a_reason():
    def broken(tok):
        raise KeyError(tok.name)

    with pytest.raises(KeyError):
        suited([wb.load_tokenizer("bytes")], broken)

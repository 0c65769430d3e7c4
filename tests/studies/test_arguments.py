"""Arguments that several studies take: what is passed on, and what is refused."""

import polars as pl
import pytest

import workbench as wb
from workbench.studies.arguments import one_row_each, text_list, tokenizer_list
from workbench.studies.boundary_stability import train_bpe


def test_texts_are_several_and_a_single_one_is_not_read_by_letter():
    assert text_list(("a b", "c")) == ["a b", "c"]
    assert text_list([]) == []
    with pytest.raises(ValueError, match=r"write \['hello'\]"):
        text_list("hello")


def test_tokenizers_come_by_name_alone_or_several():
    assert tokenizer_list("bytes") == tokenizer_list([wb.load_tokenizer("bytes")])
    assert [t.name for t in tokenizer_list(["tekken", wb.load_tokenizer("bytes")])] == [
        "tekken",
        "bytes",
    ]
    with pytest.raises(ValueError, match="at least one tokenizer"):
        tokenizer_list([])
    with pytest.raises(ValueError, match="no tokenizer 'no-such'"):
        tokenizer_list("no-such")
    two = [train_bpe(["some text, some more"], size, name="mine") for size in (257, 260)]
    with pytest.raises(ValueError, match="two tokenizers are called 'mine'"):
        tokenizer_list(two)


def test_rows_that_agree_in_their_keys_are_named():
    table = pl.DataFrame({"tokenizer": ["a", "a"], "merges": [0, 5]})
    one_row_each(table, ["tokenizer", "merges"])
    with pytest.raises(ValueError, match="of tokenizer 'a': give tokenizers names"):
        one_row_each(table, ["tokenizer"])

"""One language under many codes, and which languages of a corpus say the same."""

import polars as pl
import pytest

import workbench as wb
from workbench.corpora import languages as lang


def corpus(**columns):
    return wb.load_corpus(pl.DataFrame(columns), name="mine")


def test_a_language_is_found_however_it_is_written():
    assert lang.language_in("parallel", "de") == "deu_Latn"
    assert lang.language_in("parallel", "deu_Latn") == "deu_Latn"
    mine = corpus(text=["a", "b"], language=["en-GB", "tr"])
    assert lang.language_in(mine, "eng_Latn") == "en-GB"
    assert lang.language_in(mine, "tur") == "tr"
    assert lang.language_in(corpus(text=["a"]), "eng_Latn") == lang.UNTAGGED


def test_scripts_tell_apart_and_what_may_be_either_is_asked_back():
    both = corpus(text=["a", "b"], language=["zh-Hans", "zh-Hant"])
    assert lang.language_in(both, "zho_Hant") == "zh-Hant"
    with pytest.raises(wb.CorpusError, match="did you mean 'zh-Hant' or 'zh-Hans'"):
        lang.language_in(both, "zh")
    with pytest.raises(wb.CorpusError, match="mine has no language 'eng_Latn'"):
        lang.language_in(both, "eng_Latn")
    assert not lang.same_language("eng_Latn", "enm")  # Middle English is another language


def test_parallel_is_what_shares_an_id():
    ids = corpus(doc_id=["1", "1", "2"], text=["a", "b", "c"], language=["x", "y", "z"])
    assert lang.parallel_languages(ids, "x") == ["y"]
    assert lang.parallel_languages(ids, "w") == []
    assert lang.parallel_languages("prose", "eng_Latn") == []
    assert lang.parallel_languages(corpus(text=["a", "b"]), "eng_Latn") == []
    assert len(lang.parallel_languages("parallel", "en")) == 30

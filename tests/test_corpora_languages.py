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


def test_where_nobody_chose_it_is_english_or_what_the_corpus_has_most_of():
    assert lang.choose_language("parallel") == "eng_Latn"
    mine = corpus(text=["a", "b", "c", " "], language=["fr", "de", "de", "fr"])
    assert lang.choose_language(mine) == "de"
    assert lang.choose_language(mine, "fra_Latn") == "fr"
    assert lang.choose_language(mine, usual="fra_Latn") == "fr"
    assert lang.choose_language(mine, "all") == ""
    assert lang.choose_language(corpus(text=["a"])) == ""
    assert lang.choose_language(corpus(text=["a", "b"], language=["sw", "ha"])) == "sw"
    with pytest.raises(wb.CorpusError, match="mine has no language 'en'"):
        lang.choose_language(mine, "en")


def test_of_several_those_that_are_there_come_first_and_others_fill_up():
    mine = corpus(text=list("abcdef"), language=["sw", "ha", "ha", "en", "tr", None])
    usual = ["eng_Latn", "deu_Latn", "tur_Latn"]
    assert lang.choose_languages(mine, usual=usual) == ["en", "tr", "ha"]
    assert lang.choose_languages(mine, ["ha", "hau_Latn", "sw"], usual) == ["ha", "sw"]
    assert lang.choose_languages(mine, ["all"], usual) == ["ha", "sw", "en", "tr"]
    assert lang.choose_languages(corpus(text=["a"]), ["en"], usual) == []
    with pytest.raises(wb.CorpusError, match="mine has no language 'de'"):
        lang.choose_languages(mine, ["en", "de"], usual)


def partly():
    """German lacks fifteen of forty sentences, French thirty; Dutch says something else."""
    frame = wb.load_corpus("parallel", languages=["eng_Latn", "deu_Latn", "fra_Latn"]).scan()
    number = pl.col("doc_id").cast(pl.Int32)
    there = pl.col("language").replace_strict({"eng_Latn": 40, "deu_Latn": 25, "fra_Latn": 10})
    other = pl.DataFrame({"doc_id": ["a"], "text": ["iets"], "language": ["nld_Latn"]})
    kept = frame.collect().filter(number <= there).select("doc_id", "text", "language")
    return wb.load_corpus(pl.concat([kept, other]), name="partly")


def test_the_parallel_part_is_what_every_language_says():
    part = lang.parallel_part(partly(), "en")
    assert sorted(part.languages) == ["deu_Latn", "eng_Latn"]
    assert part.summary()["documents"].to_list() == [25, 25]
    assert "25 of 25 documents are in all 2 languages. Left out: fra_Latn, nld_Latn." in part.note
    whole = wb.load_corpus("parallel", languages=["eng_Latn", "deu_Latn"])
    assert lang.parallel_part(whole, "eng_Latn") is whole
    with pytest.raises(wb.CorpusError, match="share a doc_id"):
        lang.parallel_part("prose", "eng_Latn")
    apart = corpus(doc_id=list("abcacb"), text=list("tuvwxy"), language=list("eeedff"))
    assert lang.parallel_part(apart, "e").languages == ("e", "f")


def test_a_region_tells_the_script_and_a_bare_code_leaves_it_open():
    assert lang.same_language("zh-TW", "zho_Hant")
    assert not lang.same_language("zh-TW", "zho_Hans")
    assert not lang.same_language("zh-CN", "zho_Hant")
    assert lang.same_language("zh", "zho_Hant")
    assert lang.same_language("zh", "zho_Hans")
    assert lang.same_language("no", "nob_Latn")
    assert not lang.same_language("no", "nno_Latn")
    codes = ["en_US", "pt-BR", "sr_Latn_RS", "sr", "zh-Hans", "hin_Deva", "xyz"]
    scripts = ["Latn", "Latn", "Latn", "Cyrl", "Hans", "Deva", ""]
    assert [lang.script_of(code) for code in codes] == scripts

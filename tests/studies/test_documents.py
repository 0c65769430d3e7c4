"""Whose texts a study works on: a corpus that names languages, and one that names none."""

import polars as pl
import pytest

import workbench as wb
from workbench.studies import documents as study
from workbench.studies.documents import UNTAGGED


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("A line.\n\nAnother line.\n   \nA third one.\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def tagged():
    return wb.load_corpus(
        pl.DataFrame(
            {
                "text": ["one", "bir", "two", " ", "iki", "?"],
                "language": ["en", "tr", "en", "fr", "tr", None],
            }
        ),
        name="tagged",
    )


def test_documents_of_one_language():
    assert len(study.documents_of("parallel", "deu_Latn")) == 40
    assert study.documents_of("parallel", "deu_Latn") != study.documents_of("parallel", "eng_Latn")


def test_a_text_file_counts_as_whatever_language_is_asked_for(text_file):
    lines = ["A line.", "Another line.", "A third one."]
    assert study.documents_of(text_file, "eng_Latn") == lines
    assert study.documents_of(text_file) == lines
    assert study.documents_by_language(text_file, ["tur_Latn", "eng_Latn"]) == {UNTAGGED: lines}
    assert not study.names_languages(text_file)


def test_documents_without_a_language_beside_others_are_nobodys(tagged):
    assert study.documents_of(tagged, "en") == ["one", "two"]
    assert study.documents_by_language(tagged, ["tr", "en"]) == {
        "tr": ["bir", "iki"],
        "en": ["one", "two"],
    }
    assert study.documents_by_language(tagged)[UNTAGGED] == ["?"]
    assert study.names_languages(tagged)
    frame = study.documents_frame(tagged, ["tr", "en"])
    assert frame.rows() == [("bir", "tr"), ("iki", "tr"), ("one", "en"), ("two", "en")]


def test_a_language_that_is_not_there_is_an_error_that_names_what_is(tagged, tmp_path):
    with pytest.raises(wb.CorpusError, match=r"no language 'eng_Latn': did you mean 'en'\?"):
        study.documents_of(tagged, "eng_Latn")
    with pytest.raises(wb.CorpusError, match="no language 'xyz'"):
        study.documents_by_language(tagged, ["en", "xyz"])
    # French is named, but its only document holds no letter.
    with pytest.raises(wb.CorpusError, match="no language 'fr'"):
        study.documents_of(tagged, "fr")
    blank = tmp_path / "blank.txt"
    blank.write_text("\n \n")
    with pytest.raises(wb.CorpusError, match="no document with text"):
        study.documents_of(str(blank))


def test_paragraphs_and_words():
    assert study.paragraphs_of(["a b\nc\n\n \nd", ""]) == ["a b\nc", "d"]
    assert study.words_of(["x1y_z naïve", "你好，世界"]) == ["naïve", "x", "y", "z", "世界", "你好"]


def test_no_document_is_on_both_sides():
    corpus = wb.load_corpus("prose")
    split = study.split_corpus(corpus, language="eng_Latn", seed=4)
    assert not set(split.train) & set(split.held_out)
    whole = study.documents_of(corpus, "eng_Latn")
    total = sum(len("".join(p.split())) for p in (*split.train, *split.held_out))
    assert total == sum(len("".join(t.split())) for t in whole)


def test_a_corpus_of_one_document_is_cut_between_its_paragraphs(tmp_path):
    one = wb.load_corpus(pl.DataFrame({"text": ["a\n\nb\n\nc\n\nd"]}), name="one")
    split = study.split_corpus(one, held_out=0.5)
    assert sorted(split.train + split.held_out) == ["a", "b", "c", "d"]
    assert len(split.held_out) == 2
    with pytest.raises(ValueError, match="at least two are needed"):
        study.split_corpus(wb.load_corpus(pl.DataFrame({"text": ["a"]}), name="short"))
    with pytest.raises(ValueError, match="lies in"):
        study.split_corpus("prose", held_out=1.0)


def test_a_paragraph_of_both_parts_is_not_held_out():
    texts = [f"only here {i}\n\nthe same licence everywhere" for i in range(10)]
    split = study.split_corpus(wb.load_corpus(pl.DataFrame({"text": texts})), held_out=0.3)
    assert len(split.held_out) == 3
    assert all(p.startswith("only here") for p in split.held_out)
    assert split.train.count("the same licence everywhere") == 1
    copies = wb.load_corpus(pl.DataFrame({"text": ["a copy"] * 4}), name="copies")
    with pytest.raises(ValueError, match="nothing unseen to measure on"):
        study.split_corpus(copies)

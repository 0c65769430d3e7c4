"""Whose texts a study works on: a corpus that names languages, and one that names none."""

import polars as pl
import pytest

import workbench as wb
from workbench.corpora.languages import UNTAGGED
from workbench.studies import documents as study


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


def test_documents_without_a_language_beside_others_are_nobodys(tagged):
    assert study.documents_of(tagged, "en") == ["one", "two"]
    assert study.documents_by_language(tagged, ["tr", "en"]) == {
        "tr": ["bir", "iki"],
        "en": ["one", "two"],
    }
    assert study.documents_by_language(tagged)[UNTAGGED] == ["?"]
    frame = study.documents_frame(tagged, ["tr", "en"])
    assert frame.rows() == [("bir", "tr"), ("iki", "tr"), ("one", "en"), ("two", "en")]


def test_a_language_that_is_not_there_is_an_error_that_names_what_is(tagged, tmp_path):
    with pytest.raises(wb.CorpusError, match="no language 'deu_Latn': there are 'en', 'tr'"):
        study.documents_of(tagged, "deu_Latn")
    with pytest.raises(wb.CorpusError, match="no language 'xyz'"):
        study.documents_by_language(tagged, ["en", "xyz"])
    # French is named, but its only document holds no letter.
    with pytest.raises(wb.CorpusError, match="no language 'fr'"):
        study.documents_of(tagged, "fr")
    blank = tmp_path / "blank.txt"
    blank.write_text("\n \n")
    with pytest.raises(wb.CorpusError, match="no document with text"):
        study.documents_of(str(blank))


def test_documents_of_a_language_however_it_is_written(tagged):
    assert study.documents_of(tagged, "eng_Latn") == study.documents_of(tagged, "en")
    assert study.documents_of("parallel", "de") == study.documents_of("parallel", "deu_Latn")
    assert list(study.documents_by_language(tagged, ["tur_Latn", "eng"])) == ["tr", "en"]


def test_corpora_beside_are_left_out_where_they_lack_the_language(tagged, text_file):
    kept, left = study.corpora_with("tur_Latn", tagged, ["parallel", text_file, "legal"])
    assert [one.name for one in kept] == ["tagged", "parallel", "mine.txt"]
    assert left == ["legal"]
    with pytest.raises(wb.CorpusError, match="no language 'xyz'"):
        study.corpora_with("xyz", tagged, ["parallel"])


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "latin1.txt"
    path.write_bytes("größer\n".encode("latin-1"))
    with pytest.raises(wb.CorpusError, match=r"^\S+latin1\.txt, row 1"):
        study.documents_of(str(path))


def test_paragraphs_and_words():
    assert study.paragraphs_of(["a b\nc\n\n \nd", ""]) == ["a b\nc", "d"]
    assert study.words_of(["x1y_z naïve", "你好，世界"]) == ["naïve", "x", "y", "z", "世界", "你好"]
    # Vowel signs are marks, and a letter may come in two.
    assert study.words_of(["कुत्ते और", "e\u0301te\u0301"]) == sorted(["कुत्ते", "और", "\u00e9t\u00e9"])


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


def test_intervals_resample_documents_where_enough_are_held_out():
    texts = [f"first of {i}\n\nsecond of {i}" for i in range(30)]
    split = study.split_corpus(wb.load_corpus(pl.DataFrame({"text": texts})), held_out=0.3)
    assert split.resampled == "9 documents"
    assert len(split.held_out) == 18
    of = dict(zip(split.held_out, split.documents, strict=True))
    assert all(of[f"first of {p.split()[-1]}"] == of[p] for p in split.held_out)
    assert split.by_unit([1] * 18).tolist() == [2] * 9
    assert len(split.texts) == 9
    assert all(len({p.split()[-1] for p in text.split("\n\n")}) == 1 for text in split.texts)
    few = study.split_corpus("prose", language="eng_Latn")
    assert few.texts == list(few.held_out)
    assert few.resampled == "89 paragraphs of 4 documents"
    assert few.by_unit(range(89)).tolist() == list(range(89))


def test_the_first_paragraphs_held_out_are_not_all_of_one_document():
    split = study.split_corpus("prose", language="eng_Latn")
    assert len(set(split.documents[:20])) == 4
    few = split.first(20)
    assert (few.held_out, few.resampled) == (split.held_out[:20], "20 paragraphs of 4 documents")
    assert few.train == split.train


def test_what_another_corpus_shares_with_the_learnt_is_not_scored():
    mine = wb.load_corpus(pl.DataFrame({"text": ["a\n\nb", "c"]}), name="mine")
    theirs = wb.load_corpus(pl.DataFrame({"text": ["x\n\nb", "d"]}), name="theirs")
    assert study.learn_and_score(mine, theirs).held_out == ("d",)
    with pytest.raises(ValueError, match="leave texts_from empty"):
        study.learn_and_score("prose", "prose", language="eng_Latn")


def test_a_corpus_whose_only_text_of_a_language_is_blank_has_none():
    blank = wb.load_corpus(
        pl.DataFrame({"text": [" ", "a"], "language": ["fr", "de"]}), name="blank"
    )
    french = wb.load_corpus(pl.DataFrame({"text": ["b"], "language": ["fr"]}), name="french")
    kept, left = study.corpora_with("fr", french, [blank])
    assert ([one.name for one in kept], left) == (["french"], ["blank"])

"""What a reader types first: a name, a file, a frame; and what the corpus says of itself."""

from pathlib import Path

import polars as pl
import pytest

from workbench.corpora import Corpus, CorpusError, list_corpora, load_corpus

COLUMNS = ["doc_id", "text", "language", "domain"]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def texts(corpus: Corpus) -> list[str]:
    return corpus.scan().collect()["text"].to_list()


# The cases a reader would try ---------------------------------------------------------------------


def test_the_parallel_text_has_forty_sentences_in_each_of_many_languages():
    corpus = load_corpus("parallel")
    frame = corpus.scan().collect()
    assert frame.columns == COLUMNS
    assert set(frame.schema.values()) == {pl.String}
    per_language = frame.group_by("language").agg(pl.col("doc_id").sort())
    assert per_language.height >= 24
    assert len({tuple(ids) for ids in per_language["doc_id"].to_list()}) == 1
    assert per_language["doc_id"][0].to_list() == [f"{n:02d}" for n in range(1, 41)]
    assert len({code.partition("_")[2] for code in corpus.languages}) >= 12


def test_a_sentence_of_the_parallel_text_is_the_same_line_of_each_file(root):
    corpus = load_corpus("parallel", languages=["tha_Thai", "eng_Latn"])
    assert corpus.languages == ("tha_Thai", "eng_Latn")
    frame = corpus.scan().filter(pl.col("doc_id") == "07").collect()
    for code, text in frame.select("language", "text").rows():
        lines = (root / "data/parallel" / f"{code}.txt").read_bytes().decode().split("\n")
        assert text == lines[6]


def test_a_text_file_is_one_document_a_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("first line\nzweite Zeile\n第三\n".encode())
    corpus = load_corpus(tmp_path / "a.txt")
    assert texts(corpus) == ["first line", "zweite Zeile", "第三"]
    assert corpus.head()["doc_id"].to_list() == ["a.txt:1", "a.txt:2", "a.txt:3"]


def test_a_jsonl_file_with_its_own_ids_and_languages(tmp_path):
    path = tmp_path / "reviews.jsonl"
    path.write_text(
        '{"doc_id": 7, "body": "good", "language": "eng_Latn", "domain": "reviews"}\n'
        '{"doc_id": "b", "body": "gut", "language": "deu_Latn", "domain": null, "stars": 5}\n',
        encoding="utf-8",
    )
    corpus = load_corpus(str(path), text_column="body")
    assert corpus.head().rows() == [
        ("7", "good", "eng_Latn", "reviews"),
        ("b", "gut", "deu_Latn", None),
    ]
    assert corpus.languages == ("deu_Latn", "eng_Latn")
    assert corpus.domains == ("reviews",)


def test_a_csv_file_with_quotes_and_line_ends_inside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\r\n1,"He said ""no"".\r\nThen he left."\r\n2,plain\r\n')
    corpus = load_corpus(path, id_column="id")
    assert corpus.head().rows() == [
        ("1", 'He said "no".\r\nThen he left.', None, None),
        ("2", "plain", None, None),
    ]


def test_a_glob_of_parquet_files_in_the_order_of_their_names(tmp_path):
    for name in ("b", "a"):
        pl.DataFrame({"text": [f"{name}1", f"{name}2"], "n": [1, 2]}).write_parquet(
            tmp_path / f"{name}.parquet"
        )
    corpus = load_corpus(tmp_path / "*.parquet", language="eng_Latn", domain="test")
    assert corpus.head().rows() == [
        ("a.parquet:1", "a1", "eng_Latn", "test"),
        ("a.parquet:2", "a2", "eng_Latn", "test"),
        ("b.parquet:1", "b1", "eng_Latn", "test"),
        ("b.parquet:2", "b2", "eng_Latn", "test"),
    ]
    assert corpus.languages == ("eng_Latn",)


def test_frames_of_any_library_give_the_same_documents():
    import pandas as pd

    frame = pl.DataFrame({"text": ["one", "two"], "language": ["a", None]})
    expected = [("1", "one", "a", None), ("2", "two", None, None)]
    for source in (
        frame,
        frame.lazy(),
        frame.to_arrow(),
        pd.DataFrame({"text": ["one", "two"], "language": ["a", None]}),
    ):
        assert load_corpus(source).head().rows() == expected, type(source)
    assert texts(load_corpus(pl.Series("anything", ["one"]))) == ["one"]


def test_whole_files_in_a_directory_are_kept_to_the_byte(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n\x00\n")
    (tmp_path / "sub/a.md").write_bytes(b"# Title\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / ".hidden.txt").write_bytes(b"no")
    corpus = load_corpus(tmp_path, documents="file")
    assert corpus.head().select("doc_id", "text").rows() == [
        ("b.txt", "\ufeffone\r\ntwo\r\n\x00\n"),
        ("sub/a.md", "# Title\n"),
    ]
    assert corpus.skipped == {"file of another kind": 1}
    assert "file of another kind: 1" in repr(corpus)


def test_flores_is_parallel_and_counts_as_published(oracles):
    corpus = load_corpus("flores", path=oracles / "flores200", languages=["deu_Latn", "zho_Hans"])
    frame = corpus.scan().collect()
    assert frame.group_by("language").len()["len"].to_list() == [997 + 1012] * 2
    ids = frame.partition_by("language")
    assert ids[0]["doc_id"].to_list() == ids[1]["doc_id"].to_list()
    assert ids[0]["doc_id"].n_unique() == 2009
    assert frame["doc_id"][0] == "dev-0001"
    assert not corpus.demonstration
    only = load_corpus("flores", path=oracles / "flores200", languages="deu_Latn", split="devtest")
    assert only.summary()["documents"].to_list() == [1012]


def test_the_joined_recipe_gives_the_published_bytes_and_characters(oracles):
    from workbench.corpora import petrov_text

    published = pl.read_csv(oracles / "petrov_token_counts.csv")
    codes = sorted(path.stem for path in (oracles / "flores200").glob("*.dev"))
    assert len(codes) == 14
    table = published.rows_by_key(published.columns[0], named=True, unique=True)
    for code in codes:
        text = petrov_text(oracles / "flores200", code)
        row = table[code]
        assert len(text.encode()) == row["ByT5"], code
        assert len(text) == row["UTF-32"], code


# Choosing a part ----------------------------------------------------------------------------------


def test_filter_keeps_languages_and_says_which_there_are():
    corpus = load_corpus("parallel").filter(language=["deu_Latn", "eng_Latn"])
    assert corpus.summary()["language"].to_list() == ["deu_Latn", "eng_Latn"]
    with pytest.raises(CorpusError, match=r"no language 'deu'.*did you mean 'deu_Latn'"):
        load_corpus("parallel").filter(language="deu")
    with pytest.raises(CorpusError, match="'fra_Latn' was filtered out before"):
        corpus.filter(language=["eng_Latn", "fra_Latn"])
    with pytest.raises(CorpusError, match="names 'eng_Latn' twice"):
        load_corpus("parallel", languages=["eng_Latn", "eng_Latn"])


def test_filter_of_a_file_that_holds_nothing_of_it_is_an_error_when_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "language": "x", "domain": "d"}\n', encoding="utf-8")
    corpus = load_corpus(path)
    assert texts(corpus.filter(domain="d")) == ["a"]
    with pytest.raises(CorpusError, match=r"no document with language 'y'.*summary"):
        corpus.filter(language="y").head()


def test_a_sample_is_parallel_and_depends_on_its_seed_alone(tmp_path):
    corpus = load_corpus("parallel", languages=["eng_Latn", "jpn_Jpan"])
    one = corpus.sample(5, seed=3)
    frame = one.scan().collect()
    assert frame.group_by("doc_id").len()["len"].to_list() == [2] * 5
    assert corpus.sample(5, seed=3).checksum == one.checksum
    assert corpus.sample(5, seed=4).checksum != one.checksum
    # The same documents, read in another format, give the same draw.
    corpus.scan().collect().write_parquet(tmp_path / "p.parquet")
    again = load_corpus(tmp_path / "p.parquet").sample(5, seed=3)
    assert again.scan().collect().equals(frame)
    assert one.demonstration
    assert "not a ranking" in one.note
    assert corpus.sample(1000, seed=1).summary()["documents"].to_list() == [40, 40]


def test_a_scan_is_lazy_and_takes_filters_columns_and_heads():
    scan = load_corpus("parallel").scan()
    assert isinstance(scan, pl.LazyFrame)
    assert scan.select("language").unique().collect().height >= 24
    kept = scan.filter(pl.col("language") == "ell_Grek").select("doc_id").head(3).collect()
    assert kept["doc_id"].to_list() == ["01", "02", "03"]
    assert scan.select(pl.len()).collect(engine="streaming").item() == scan.collect().height


# What it says of itself ---------------------------------------------------------------------------


def test_what_is_too_small_to_rank_by_says_so_where_it_is_shown():
    corpus = load_corpus("parallel")
    assert corpus.demonstration
    for shown in (corpus.note, repr(corpus), corpus._repr_html_()):
        assert "a demonstration, not a ranking" in shown


def test_a_small_corpus_of_ones_own_says_so_too():
    few = pl.DataFrame({"text": ["a"] * 40, "language": ["x"] * 20 + ["y"] * 20})
    corpus = load_corpus(few)
    assert corpus.demonstration
    assert "2 languages, 20 documents in x" in corpus.note
    assert not load_corpus(few.with_columns(language=pl.lit("x"))).demonstration
    many = pl.DataFrame({"text": ["a"] * 400, "language": ["x"] * 200 + ["y"] * 200})
    assert not load_corpus(many).demonstration


def test_html_escapes_what_comes_from_the_source():
    evil = "<img src=x onerror=alert(1)>"
    frame = pl.DataFrame({"text": ["a", "b"], "language": [evil, "y"]})
    html = load_corpus(frame, name=evil)._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_display_never_raises(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\n")
    corpus = load_corpus(path)
    assert "not valid UTF-8" in repr(corpus)
    assert "not valid UTF-8" in corpus._repr_html_()


def test_the_list_describes_every_corpus():
    table = list_corpora()
    assert table.columns == ["name", "kind", "documents", "bytes", "languages", "licence", "note"]
    rows = {row["name"]: row for row in table.to_dicts()}
    assert set(rows) == {"parallel", "prose", "code", "legal", "docs", "cldr", "flores"}
    assert rows["parallel"]["documents"] == 40 * rows["parallel"]["languages"]
    assert rows["prose"]["documents"] > 0
    assert rows["code"]["bytes"] > 1_000_000
    assert rows["flores"]["documents"] is None
    assert all(rows[name]["licence"] for name in ("parallel", "prose", "code", "flores"))
    assert all(row["note"] for row in rows.values())


def test_a_bundled_file_that_was_changed_is_refused(tmp_path, root):
    import shutil

    from workbench.corpora.bundled import load_parallel

    shutil.copytree(root / "data/parallel", tmp_path / "parallel")
    shutil.copy(root / "data/checksums.json", tmp_path)
    assert load_parallel(tmp_path, ["eng_Latn"]).summary()["documents"].item() == 40
    with (tmp_path / "parallel/eng_Latn.txt").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CorpusError, match=r"eng_Latn\.txt is not the file .* records"):
        load_parallel(tmp_path, ["eng_Latn"])


# Mistakes in the call -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("paralell", {}, "did you mean 'parallel'"),
        ("", {}, "empty string"),
        ([], {}, "list of files is empty"),
        (["one text", "another text"], {}, r"polars\.DataFrame"),
        (7, {}, "not made from int"),
        (b"bytes", {}, "not made from bytes"),
        ([1, 2], {}, "a list of paths holds a int"),
        ("parallel", {"text_column": "t"}, "text_column= does not apply"),
        ("parallel", {"split": "dev"}, "split= does not apply"),
        ("parallel", {"languages": []}, r"languages=\[\] leaves nothing"),
        ("a.txt", {"path": "x"}, "path= is for"),
        ("flores", {}, "needs path="),
        ("flores", {"path": "/no/such/folder"}, "no folder"),
        ("parallel", {"errors": "ignore"}, "errors='ignore' is unknown"),
        ("parallel", {"documents": "lines"}, "did you mean 'line'"),
        ("parallel", {"format": "json"}, "did you mean 'jsonl'"),
        ("a.csv", {"separator": "::"}, "one ASCII character"),
        ("a.csv", {"storage_options": {"a": 1}}, "for addresses"),
        (pl.DataFrame({"text": ["a"]}), {"text_column": "txt"}, "did you mean 'text'"),
        (pl.DataFrame({"text": [1]}), {}, "holds Int64, not strings"),
        (pl.DataFrame({"text": [b"a"]}), {}, "holds Binary, not strings; decode it"),
        (pl.DataFrame({"text": []}, schema={"text": pl.String}), {}, "no row"),
        (pl.DataFrame({"text": ["a", None]}), {}, "row 2: column 'text' is null"),
        (pl.DataFrame({"text": ["a"], "language": [["x"]]}), {}, "gives no language"),
    ],
)
def test_a_wrong_call_is_a_sentence(source, options, message):
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus(source, **options)
    assert isinstance(caught.value, ValueError)


def test_flores_files_of_different_length_are_refused(tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/aaa_Latn.dev").write_bytes(b"a\nb\n")
    (tmp_path / "dev/bbb_Latn.dev").write_bytes(b"a\n")
    with pytest.raises(CorpusError, match=r"bbb_Latn\.dev has 1 lines and .* has 2"):
        load_corpus("flores", path=tmp_path, split="dev")
    assert load_corpus("flores", path=tmp_path, split="dev", languages="bbb_Latn").head().height
    with pytest.raises(CorpusError, match=r"no aaa_Latn\.devtest"):
        load_corpus("flores", path=tmp_path, languages=["aaa_Latn"])
    with pytest.raises(CorpusError, match="split='test' is unknown"):
        load_corpus("flores", path=tmp_path, split="test")


def test_a_missing_file_lists_the_near_ones(tmp_path):
    (tmp_path / "reviews.csv").write_bytes(b"text\na\n")
    with pytest.raises(CorpusError, match=r"did you mean 'reviews\.csv'"):
        load_corpus(tmp_path / "review.csv")
    with pytest.raises(CorpusError, match="nor is there a folder"):
        load_corpus(Path("/no/such/folder/a.csv"))
    with pytest.raises(CorpusError, match="matches no file"):
        load_corpus(str(tmp_path / "*.jsonl"))
    with pytest.raises(CorpusError, match="named twice"):
        load_corpus([tmp_path / "reviews.csv", tmp_path / "*.csv"])


def test_a_corpus_is_taken_as_it_is():
    corpus = load_corpus("parallel", languages=["eng_Latn"])
    assert load_corpus(corpus).checksum == corpus.checksum
    assert load_corpus(corpus, name="mine").name == "mine"
    assert corpus.name == "parallel"

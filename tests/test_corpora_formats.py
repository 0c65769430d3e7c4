"""Documents come back exactly from every format; what is no document is named by file and row."""

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.corpora import CorpusError, load_corpus, textfiles

NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ufeffmark",
    "cr\rcr",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "e\u0301 é",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "क्षि",
    "\u202eabc\u202c",
    "\U0010ffff\ufffe",
    '"quoted", with; separators\t|',
    "'",
    "\\ \\n \\u0041",
    "NULL",
    "null",
    "nan",
    "1",
    "-",
    "x" * 300_000,
]

characters = st.characters(exclude_categories=["Cs"])
one_line = st.text(characters.filter(lambda c: c != "\n"), max_size=12).filter(
    lambda text: not text.endswith("\r")
)
any_text = st.text(
    st.one_of(st.sampled_from('",;\t\r\n\x00\ufeff\\ aé😀'), characters), max_size=12
)
exactly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of a few bytes, so that every edge case meets a block's edge."""
    monkeypatch.setattr(textfiles, "BLOCK", 7)


def read(path: Path, **options) -> list[str]:
    return load_corpus(path, **options).scan().collect()["text"].to_list()


def compressed(path: Path, data: bytes) -> None:
    suffix = path.suffix
    if suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(suffix)
        path.write_bytes(pack(data) if pack else data)


def as_csv(texts: list[str], quoting: int, end: str, delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, quoting=quoting, delimiter=delimiter)
    writer.writerow(["n", "text"])
    writer.writerows([number, text] for number, text in enumerate(texts))
    return out.getvalue().encode()


# Exact round trips --------------------------------------------------------------------------------


@exactly
@given(st.lists(any_text, min_size=1, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_jsonl_comes_back_exactly(tmp_path, texts, ascii_only, end):
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts]
    path.write_bytes((end.join(lines) + end).encode())
    assert read(path) == texts


@exactly
@given(
    st.lists(any_text, min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", "\t", ";"]),
)
def test_csv_comes_back_exactly(tmp_path, texts, quoting, end, delimiter):
    if quoting == csv.QUOTE_MINIMAL:  # which leaves a lone CR bare, against RFC 4180
        texts = [text.replace("\r", "") for text in texts]
    path = tmp_path / "a.csv"
    path.write_bytes(as_csv(texts, quoting, end, delimiter))
    assert read(path, separator=delimiter) == texts


@exactly
@given(st.lists(any_text, min_size=1, max_size=6))
def test_csv_written_by_polars_comes_back_exactly(tmp_path, texts):
    path = tmp_path / "a.csv"
    frame = pl.DataFrame({"text": texts, "n": range(len(texts))})
    frame.write_csv(path, quote_style="always")
    assert read(path) == texts


@exactly
@given(st.lists(one_line, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines_come_back_exactly(tmp_path, texts, end, last):
    path = tmp_path / "a.txt"
    if last and texts[-1] == "":
        texts = [*texts, "x"]  # without its line end an empty last line is not there
    data = end.join(texts) + ("" if last else end)
    path.write_bytes(data.encode())
    if path.stat().st_size:
        assert read(path) == texts


@exactly
@given(st.lists(any_text, min_size=1, max_size=6))
def test_parquet_frames_and_whole_files_come_back_exactly(tmp_path, texts):
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=2)
    assert read(tmp_path / "a.parquet") == texts
    assert read(frame) == texts
    assert read(frame.lazy()) == texts
    full = [text for text in texts if text]
    folder = tmp_path / "whole"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, text in enumerate(full):
        (folder / f"{number}.txt").write_bytes(text.encode())
    if full:
        assert read(folder, documents="file") == full


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_nasty_texts_come_back_from_every_format_and_compression(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(textfiles, "BLOCK", 4096)
    lines = [text for text in NASTY if "\n" not in text]
    cases = {
        "a.jsonl": "".join(json.dumps({"text": text}) + "\n" for text in NASTY).encode(),
        "a.csv": as_csv(NASTY, csv.QUOTE_ALL, "\r\n"),
        "a.tsv": as_csv(NASTY, csv.QUOTE_ALL, "\n", "\t"),
        "a.txt": "".join(line + "\n" for line in lines).encode(),
    }
    for name, data in cases.items():
        path = tmp_path / f"{name}{suffix}"
        compressed(path, data)
        assert read(path) == (lines if name == "a.txt" else NASTY), name
    path = tmp_path / f"whole.txt{suffix}"
    compressed(path, cases["a.txt"])
    assert read(path, documents="file") == [cases["a.txt"].decode()]


def test_line_ends_and_marks_are_kept_or_dropped_as_stated(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n\nlast\r")
    assert read(path) == ["\ufeffa", "b\rc", "", "last\r"]
    corpus = load_corpus(path, blank_lines="skip")
    assert corpus.head().rows() == [
        ("a.txt:1", "\ufeffa", None, None),
        ("a.txt:2", "b\rc", None, None),
        ("a.txt:4", "last\r", None, None),
    ]
    assert corpus.skipped == {"blank line": 1}
    for name, data in (
        ("a.jsonl", b'\xef\xbb\xbf{"text": "\\ufeffa"}\n\n  \n{"text": "b"}'),
        ("a.csv", b"\xef\xbb\xbftext,n\n\xef\xbb\xbfa,1\nb,2"),
    ):
        (tmp_path / name).write_bytes(data)
        assert read(tmp_path / name) == ["\ufeffa", "b"], name


def test_csv_without_quoting_and_with_one_column(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b'text\tn\n5" disk\t1\n"open\t2\n')
    assert read(path, quote_char=None) == ['5" disk', '"open']
    path = tmp_path / "one.csv"
    path.write_bytes(b'text\na\n""\n\n"b\nc"\n')
    assert read(path) == ["a", "", "b\nc"]


def test_labels_of_parquet_may_be_categories_and_numbers(tmp_path):
    frame = pl.DataFrame(
        {"text": ["a", "b"], "language": ["x", None], "domain": [1, 2], "doc_id": [10, 20]},
        schema_overrides={"text": pl.Categorical, "language": pl.Categorical},
    )
    frame.write_parquet(tmp_path / "a.parquet")
    assert load_corpus(tmp_path / "a.parquet").head().rows() == [
        ("10", "a", "x", "1"),
        ("20", "b", None, "2"),
    ]


def test_a_record_across_many_blocks_is_one_document(tmp_path):
    path = tmp_path / "a.csv"
    long = "line\n" * 5000
    path.write_bytes(as_csv(["a", long, "b"], csv.QUOTE_MINIMAL, "\n"))
    assert read(path) == ["a", long, "b"]


# What is wrong is named ---------------------------------------------------------------------------

LINES = b'{"text": "a"}\n'

BAD = {
    "invalid UTF-8 in lines": (
        "a.txt",
        b"a\nb\xff\nc\n",
        "invalid UTF-8",
        "row 2: byte 0xFF at offset 3",
    ),
    "invalid UTF-8 in JSON": ("a.jsonl", LINES + b'{"text": "\xff"}\n', "invalid UTF-8", "row 2"),
    "invalid UTF-8 in CSV": ("a.csv", b"text,n\na,1\n\xff,2\n", "invalid UTF-8", "row 2"),
    "broken JSON": ("a.jsonl", LINES + b'{"text": "b\n', "broken record", "row 2: broken JSON"),
    "two objects": ("a.jsonl", LINES + LINES.strip() * 2, "broken record", "row 2: broken JSON"),
    "deep JSON": ("a.jsonl", LINES + b"[" * 100_000, "broken record", "row 2: broken JSON"),
    "huge number": ("a.jsonl", LINES + b'{"text": ' + b"1" * 5000 + b"}", "broken record", "row 2"),
    "a JSON list": ("a.jsonl", LINES + b'["text"]\n', "broken record", "row 2: holds a JSON list"),
    "no such key": (
        "a.jsonl",
        LINES + b'{"txt": "b"}\n',
        "missing field",
        "row 2: .*did you mean 'txt'",
    ),
    "null text": ("a.jsonl", LINES + b'{"text": null}\n', "null text", "row 2: .* is null"),
    "null id": ("a.jsonl", LINES + b'{"text": "b", "doc_id": null}\n', "null doc_id", "row 2"),
    "a number": ("a.jsonl", LINES + b'{"text": 12}\n', "not a string", "row 2: .* holds 12 .int."),
    "a nested language": (
        "a.jsonl",
        LINES + b'{"text": "b", "language": {}}\n',
        "not a string",
        "row 2",
    ),
    "lone surrogate": (
        "a.jsonl",
        LINES + b'{"text": "\\ud83d"}\n',
        "lone surrogate",
        r"row 2: .*ud83d",
    ),
    "short CSV row": (
        "a.csv",
        b"n,text\n1,a\n2\n",
        "broken record",
        "row 2: has 1 fields, .* has 2",
    ),
    "long CSV row": ("a.csv", b"n,text\n1,a\n2,b,c\n", "broken record", "row 2: has 3 fields"),
    "open quote": (
        "a.csv",
        b'n,text\n1,a\n2,"b\n3,c\n',
        "broken record",
        "row 2: .*quote_char=None",
    ),
    "stray quote": ("a.csv", b'n,text\n1,a\n2,"b"c\n', "broken record", "row 2: .*quote_char=None"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_named_by_file_row_and_remedy(tmp_path, case):
    name, data, reason, message = BAD[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        list(load_corpus(path).batches())
    assert str(path) in str(caught.value)
    assert "skip" in str(caught.value)
    corpus = load_corpus(path, errors="skip")
    assert corpus.scan().collect()["text"][0] == "a"
    assert corpus.skipped == {reason: 1}
    assert f"{reason}: 1" in repr(corpus)


def test_rows_after_a_skipped_one_keep_their_numbers(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\n\xff\nc\n")
    (tmp_path / "a.csv").write_bytes(b'text,n\na,1\n\xff,2\n"c\n",3\n')
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n{}\n{"text": "c"}\n')
    for name in ("a.txt", "a.csv", "a.jsonl"):
        ids = load_corpus(tmp_path / name, errors="skip").head()["doc_id"].to_list()
        assert ids == [f"{name}:1", f"{name}:3"], name


def test_a_null_in_parquet_is_named_by_its_row(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["a"] * 5000 + [None, "b"]}).write_parquet(path, row_group_size=1000)
    with pytest.raises(CorpusError, match=r"a\.parquet, row 5001: column 'text' is null"):
        list(load_corpus(path).batches())
    corpus = load_corpus(path, errors="skip")
    assert corpus.summary()["documents"].item() == 5001
    assert corpus.skipped == {"null text": 1}
    assert corpus.scan().tail(1).collect()["doc_id"].item() == "a.parquet:5002"


def test_broken_parquet_files_are_refused_when_they_are_loaded(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["a" * 1000] * 100}).write_parquet(path, compression="uncompressed")
    whole = path.read_bytes()
    for cut in (whole[:100], whole[:-1], whole[:-8] + b"\xff" * 8, b"not parquet at all"):
        path.write_bytes(cut)
        with pytest.raises(CorpusError, match=r"a\.parquet cannot be read as Parquet.*truncated"):
            load_corpus(path)
    good = tmp_path / "b.parquet"
    good.write_bytes(whole)
    corpus = load_corpus([path, good], errors="skip")
    assert corpus.summary()["documents"].item() == 100
    assert corpus.skipped == {"unreadable file": 1}


def test_invalid_utf8_inside_parquet_is_refused(tmp_path):
    buffers = [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb")]
    bad = pa.table({"text": pa.Array.from_buffers(pa.string(), 1, buffers)})
    pq.write_table(bad, tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet, rows 1 to 1: .*UTF-8"):
        list(load_corpus(tmp_path / "a.parquet").batches())
    with pytest.raises(CorpusError, match="Table cannot be read"):
        load_corpus(bad)


def test_parquet_of_other_types_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": [b"a"], "n": [1], "body": ["b"]}).write_parquet(path)
    with pytest.raises(CorpusError, match="column 'text' holds Binary, not strings; decode"):
        load_corpus(path)
    with pytest.raises(CorpusError, match="column 'n' holds Int64, not strings"):
        load_corpus(path, text_column="n")
    with pytest.raises(CorpusError, match=r"no column 'bodies'.*did you mean 'body'"):
        load_corpus(path, text_column="bodies")
    with pytest.raises(CorpusError, match=r"no column 'lang'.*language_column="):
        load_corpus(path, text_column="body", language_column="lang")
    pl.DataFrame(schema={"text": pl.String}).write_parquet(path)
    with pytest.raises(CorpusError, match="no row"):
        load_corpus(path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"id;text\n1;a\n", r"is the separator ';'\? pass separator=';'"),
        ("a.csv", b"id,body\n1,a\n", "no column 'text'.*text_column="),
        ("a.csv", b"text,text\na,b\n", "two columns 'text'"),
        ("a.csv", b"\n1,a\n", "first line is blank"),
        ("a.csv", "id,text\n1,a\n".encode("utf-16"), "no header of UTF-8.*iconv"),
        ("a.csv", b"id,text\n", "holds no record"),
        ("a.jsonl", b"\n\n", "holds no record"),
        ("a.txt", "abc\n".encode("utf-16"), "begins like UTF-16: convert it"),
        ("a.txt", b"", "is empty"),
        ("a.parquet", b"", "is empty"),
        ("a.pdf", b"%PDF", "pass format="),
        ("a.jsonl.gz", b"no gzip", "cannot be read past row 0"),
        ("a.jsonl.zst", b"no zstd", "cannot be read past row 0"),
        ("a.txt.gz", gzip.compress(b"a\n" * 2000)[:-9], "cannot be read past row .*truncated"),
    ],
)
def test_a_bad_file_is_a_sentence(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        list(load_corpus(path).batches())
    assert str(path) in str(caught.value)


def test_a_truncated_archive_gives_what_it_has_where_errors_are_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(textfiles, "BLOCK", 1000)
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress("".join(f"line {n}\n" for n in range(9000)).encode())[:-2000])
    corpus = load_corpus(path, errors="skip")
    texts = corpus.scan().collect()["text"].to_list()
    assert texts == [f"line {n}" for n in range(len(texts))]
    assert len(texts) > 100
    assert corpus.skipped == {"damaged file": 1}


def test_empty_and_unreadable_files_are_counted(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"")
    (tmp_path / "c.txt").write_bytes(b"\xff")
    corpus = load_corpus(tmp_path, documents="file", errors="skip")
    assert corpus.scan().collect()["text"].to_list() == ["a"]
    assert corpus.skipped == {"empty file": 1, "invalid UTF-8": 1}
    with pytest.raises(CorpusError, match=r"c\.txt: byte 0xFF at offset 0"):
        list(load_corpus([tmp_path / "a.txt", tmp_path / "c.txt"], documents="file").batches())
    with pytest.raises(CorpusError, match=r"no file is left to read \(empty file: 1\)"):
        load_corpus(tmp_path / "b.txt", errors="skip")
    empty = load_corpus(tmp_path / "c.txt", errors="skip")
    with pytest.raises(CorpusError, match=r"holds no document; skipped: invalid UTF-8: 1"):
        empty.head()


def test_a_directory_of_nothing_and_one_of_other_things(tmp_path):
    with pytest.raises(CorpusError, match=r"no file of texts \(nothing\)"):
        load_corpus(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"no file of texts \(2 × \.png\).*format="):
        load_corpus(tmp_path)


def test_a_record_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(textfiles, "LONGEST_RECORD", 1000)
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,n\na,1\n"b,2\n' + b"c,3\n" * 1000)
    with pytest.raises(CorpusError, match=r"longer than 1,000 bytes.*never closed"):
        list(load_corpus(path).batches())


def test_a_file_that_shrank_since_it_was_loaded_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\nb\n")
    corpus = load_corpus(path)
    path.write_bytes(b"a\n")
    with pytest.raises(CorpusError, match="it changed; load the corpus again"):
        corpus.head()
    path.unlink()
    with pytest.raises(CorpusError, match=r"a\.txt: cannot be read"):
        corpus.head()


def test_a_pandas_frame_with_mixed_objects_is_refused():
    import pandas as pd

    with pytest.raises(CorpusError, match="DataFrame cannot be read as a table"):
        load_corpus(pd.DataFrame({"text": ["a", 1, None]}, dtype=object))
    with pytest.raises(CorpusError, match="row 2: column 'text' is null"):
        load_corpus(pd.DataFrame({"text": ["a", None]}))


def test_skipped_rows_can_be_had_from_the_batches(tmp_path):
    from collections import Counter

    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n{}\nx\n')
    counts = Counter()
    assert len(list(load_corpus(path, errors="skip").batches(skipped=counts))) == 1
    assert counts == {"missing field": 1, "broken record": 1}

"""Batches and shards hold every document once, in order, in bounded memory, on any process."""

import csv
import json
import os
import pickle
import subprocess
import sys
import textwrap
import time

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.corpora import Corpus, CorpusError, Shard, index, load_corpus, textfiles

TEXTS = [f"{n} " + 'word, "quoted"\r\nund ein Umlaut ü ' * (n % 7) for n in range(60)] + ["", "x"]

exactly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def small_windows(monkeypatch):
    """Windows and blocks of a few bytes, so that shards begin everywhere in them."""
    monkeypatch.setattr(index, "WINDOW", 23)
    monkeypatch.setattr(textfiles, "BLOCK", 17)


@pytest.fixture
def sources(tmp_path):
    """The same texts in every kind of source."""
    frame = pl.DataFrame({"text": TEXTS, "n": range(len(TEXTS))})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=16)
    frame.write_csv(tmp_path / "a.csv", quote_style="necessary")
    with (tmp_path / "crlf.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["n", "text"], *enumerate(TEXTS)])
    lines = [json.dumps({"text": text}) + "\n" for text in TEXTS]
    (tmp_path / "a.jsonl").write_text("".join(lines), encoding="utf-8")
    whole = tmp_path / "whole"
    whole.mkdir()
    for number, text in enumerate(TEXTS):
        (whole / f"{number:03d}.txt").write_bytes(text.encode() or b"-")
    return {
        "parquet": load_corpus(tmp_path / "a.parquet"),
        "csv": load_corpus(tmp_path / "a.csv"),
        "crlf": load_corpus(tmp_path / "crlf.csv"),
        "jsonl": load_corpus(tmp_path / "a.jsonl"),
        "frame": load_corpus(frame),
        "query": load_corpus(frame.lazy()),
        "whole": load_corpus(whole, documents="file"),
        "several": load_corpus([tmp_path / "a.jsonl", tmp_path / "a.parquet"]),
    }


def together(shards: list[Shard]) -> pl.DataFrame:
    return pl.concat([shard.read() for shard in shards])


@exactly
@given(data=st.data())
def test_shards_are_disjoint_and_complete_at_any_size(sources, small_windows, data):
    corpus = sources[data.draw(st.sampled_from(sorted(sources)))]
    size = data.draw(st.integers(1, 3000))
    shards = corpus.shards(max_bytes=size)
    whole = corpus.scan().collect()
    assert together(shards).equals(whole)
    assert len({shard.name for shard in shards}) == len(shards)
    assert len({shard.checksum for shard in shards}) == len(shards)


@exactly
@given(
    texts=st.lists(st.text(max_size=30).filter(lambda t: "\n" not in t), min_size=1, max_size=30),
    size=st.integers(1, 200),
)
def test_lines_are_cut_where_they_end(tmp_path, small_windows, texts, size):
    texts = [text.rstrip("\r") + "." for text in texts]
    path = tmp_path / "a.txt"
    path.write_bytes("\n".join(texts).encode())
    shards = load_corpus(path).shards(max_bytes=size)
    assert together(shards)["text"].to_list() == texts
    assert together(shards)["doc_id"].to_list() == [f"a.txt:{n + 1}" for n in range(len(texts))]
    for shard in shards:
        assert shard.size <= size or shard.read().height == 1


def test_a_shard_is_no_larger_than_asked_unless_one_document_is(sources):
    for name in ("csv", "jsonl", "frame"):
        shards = sources[name].shards(max_bytes=400)
        assert len(shards) > 5, name
        assert all(shard.size <= 400 or shard.read().height == 1 for shard in shards), name
        assert sum(shard.size for shard in shards) == sources[name].size, name


@exactly
@given(size=st.integers(1, 400))
def test_batches_hold_at_most_the_bytes_asked_for(sources, size):
    corpus = sources["frame"]
    batches = list(corpus.batches(max_bytes=size))
    assert pl.concat(batches).equals(corpus.scan().collect())
    for batch in batches:
        assert batch.height
        assert batch["text"].str.len_bytes().sum() <= size or batch.height == 1


def test_a_million_empty_texts_do_not_come_at_once():
    frame = pl.DataFrame({"text": [""] * 100_000})
    batches = list(load_corpus(frame).batches(max_bytes=1000))
    assert sum(batch.height for batch in batches) == 100_000
    assert max(batch.height for batch in batches) <= 1024


def test_another_process_opens_a_pickled_shard(sources):
    shards = [shard for name in sorted(sources) for shard in sources[name].shards(2000)]
    code = textwrap.dedent(
        """
        import pickle, sys
        for shard in pickle.load(sys.stdin.buffer):
            print(shard.name, shard.checksum, shard.read()["text"].hash().sum())
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(shards), capture_output=True, check=True
    )
    here = [f"{s.name} {s.checksum} {s.read()['text'].hash().sum()}" for s in shards]
    assert done.stdout.decode().splitlines() == here


def test_a_shard_of_a_frame_pickles_its_own_rows_alone():
    frame = pl.DataFrame({"text": [str(n) * 100 for n in range(20_000)]})
    shards = load_corpus(frame).shards(max_bytes=100_000)
    assert len(shards) > 50
    assert max(len(pickle.dumps(shard)) for shard in shards) < 300_000


def test_a_big_file_is_described_by_few_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a line of text\n" * 400_000)
    shards = load_corpus(path).shards(max_bytes=1 << 20)
    assert len(shards) == 6
    assert max(len(pickle.dumps(shard)) for shard in shards) < 2000


def test_shards_of_parquet_go_by_the_texts_not_by_their_dictionary(tmp_path):
    frame = pl.DataFrame({"text": [f"{n % 10}" * 10_000 for n in range(1000)]})
    frame.write_parquet(tmp_path / "a.parquet")
    shards = load_corpus(tmp_path / "a.parquet").shards(max_bytes=1_000_000)
    assert together(shards)["text"].equals(frame["text"])
    assert [shard.size for shard in shards] == [1_000_000] * 10


def test_a_compressed_file_is_one_shard(tmp_path):
    import gzip

    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"a line of text\n" * 10_000))
    (shard,) = load_corpus(path).shards(max_bytes=10)
    assert shard.read().height == 10_000


def test_shards_keep_the_filter_and_skip_what_is_broken(tmp_path):
    from collections import Counter

    path = tmp_path / "a.jsonl"
    rows = [{"text": str(n), "language": "ab"[n % 2]} for n in range(100)]
    lines = [json.dumps(row) for row in rows]
    lines[30] = "broken"
    path.write_text("\n".join(lines), encoding="utf-8")
    corpus = load_corpus(path, errors="skip").filter(language="b")
    shards = corpus.shards(max_bytes=500)
    assert together(shards).equals(corpus.scan().collect())
    counts: Counter[str] = Counter()
    for shard in shards:
        list(shard.batches(skipped=counts))
    assert counts == corpus.skipped == {"broken record": 1}
    assert together(shards)["doc_id"][-1] == "a.jsonl:100"


def test_sizes_below_one_byte_are_refused():
    corpus = load_corpus(pl.DataFrame({"text": ["a"]}))
    with pytest.raises(CorpusError, match="max_bytes is 0"):
        list(corpus.batches(max_bytes=0))
    with pytest.raises(CorpusError, match="max_bytes is 0"):
        corpus.shards(max_bytes=0)


# Checksums ----------------------------------------------------------------------------------------


def test_the_checksum_is_of_the_content_and_of_how_it_is_read(tmp_path):
    def checksum(name: str, data: bytes, **options) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.txt").write_bytes(data)
        return load_corpus(folder / "a.txt", **options).checksum

    one = checksum("one", b"a\nb\n")
    assert len(one) == 64
    assert checksum("elsewhere", b"a\nb\n") == one
    others = {
        checksum("changed", b"a\nc\n"),
        checksum("blank", b"a\nb\n", blank_lines="skip"),
        checksum("labelled", b"a\nb\n", language="x"),
        checksum("whole", b"a\nb\n", documents="file"),
    }
    assert len(others | {one}) == 5


def test_the_checksum_of_a_frame_does_not_depend_on_its_chunks():
    frame = pl.DataFrame({"text": ["a", "bc", ""], "language": ["x", None, ""]})
    chunks = pl.concat([frame[:1], frame[1:]], rechunk=False)
    one = load_corpus(frame).checksum
    assert load_corpus(chunks).checksum == one
    assert load_corpus(frame.lazy()).checksum != load_corpus(frame[:2].lazy()).checksum
    for other in (
        frame.with_columns(text=pl.Series(["ab", "c", ""])),
        frame.with_columns(language=pl.Series(["x", "", None])),
    ):
        assert load_corpus(other).checksum != one


def test_the_checksum_of_a_big_file_is_recalled_until_the_file_changes(
    tmp_path, cache, monkeypatch
):
    monkeypatch.setattr(index, "CACHED_FROM", 10)
    path = tmp_path / "a.txt"
    path.write_bytes(b"one line\n" * 100)
    old = time.time() - 60
    os.utime(path, (old, old))
    first = load_corpus(path).checksum
    (kept,) = (cache / "tokenizer-workbench/corpora/files").glob("*.json")
    entry = json.loads(kept.read_text(encoding="utf-8"))
    entry["sha256"] = "0" * 64
    kept.write_text(json.dumps(entry), encoding="utf-8")
    assert load_corpus(path).checksum != first  # recalled, not computed
    path.write_bytes(b"two line\n" * 100)
    os.utime(path, (old + 1, old + 1))
    again = load_corpus(path).checksum
    assert again != first
    kept.write_text("not json", encoding="utf-8")
    assert load_corpus(path).checksum == again


def test_a_file_that_was_just_written_is_not_recalled(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(index, "CACHED_FROM", 10)
    path = tmp_path / "a.txt"
    path.write_bytes(b"one line\n" * 100)
    assert load_corpus(path).checksum
    assert not list(cache.rglob("*.json"))


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "CACHED_FROM", 10)
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    path = tmp_path / "a.txt"
    path.write_bytes(b"one line\n" * 100)
    os.utime(path, (1, 1))
    assert load_corpus(path).summary()["documents"].item() == 100
    assert len(load_corpus(path).shards(50)) == 20


# Memory -------------------------------------------------------------------------------------------

STREAM = """
import resource, sys
import polars as pl
import pyarrow.parquet
from workbench.corpora import load_corpus

def peak():
    unit = 1 << 10 if sys.platform != "darwin" else 1 << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit

def work(path):
    corpus = load_corpus(path)
    read = sum(batch.height for batch in corpus.batches(max_bytes=1 << 20))
    corpus.checksum
    corpus.shards(max_bytes=8 << 20)[-1].read()
    return read

names = ["a.txt", "a.jsonl", "a.csv", "a.parquet"]
for name in names:
    work(f"{sys.argv[1]}/{name}")
for name in names:
    before = peak()
    print(work(f"{sys.argv[2]}/{name}"), peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of memory is asked of POSIX")
def test_a_big_file_is_streamed(tmp_path):
    text = "Ein Satz von mäßiger Länge, wie er in Texten vorkommt. " * 20
    lines = {
        "a.txt": ("", text + "\n"),
        "a.csv": ("text,n\n", f'"{text}",1\n'),
        "a.jsonl": ("", json.dumps({"text": text}, ensure_ascii=False) + "\n"),
    }
    for folder, count in (("small", 8000), ("big", 30_000)):
        (tmp_path / folder).mkdir()
        for name, (head, line) in lines.items():
            with (tmp_path / folder / name).open("w", encoding="utf-8") as file:
                file.write(head + line * count)
        numbered = pl.select(text=pl.lit(text) + pl.int_range(count).cast(pl.String))
        # One row group, so that only slices keep it small.
        path = tmp_path / folder / "a.parquet"
        numbered.write_parquet(path, row_group_size=count, compression="uncompressed")
    done = subprocess.run(
        [sys.executable, "-c", STREAM, str(tmp_path / "small"), str(tmp_path / "big")],
        capture_output=True,
        check=True,
        text=True,
    )
    for line in done.stdout.splitlines():
        documents, megabytes = map(int, line.split())
        assert documents == 30_000
        assert megabytes < 15, done.stdout  # each file has 34 MB
    assert len(done.stdout.splitlines()) == 4


def test_a_head_reads_no_further_than_it_must(tmp_path):
    path = tmp_path / "a.jsonl"
    good = json.dumps({"text": "a" * 1000}) + "\n"
    path.write_text(good * 5000 + "broken\n", encoding="utf-8")
    corpus: Corpus = load_corpus(path)
    assert corpus.head(3).height == 3
    assert corpus.scan().head(3).collect().height == 3
    with pytest.raises(pl.exceptions.ComputeError, match=r"row 5001: broken JSON"):
        corpus.scan().collect()

"""Addresses that polars reads, from a server on this machine that speaks the S3 protocol."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

import polars as pl
import pytest

from workbench.corpora import CorpusError, load_corpus

TEXTS = ["one", "zwei\r\n", "", "三 \x00", '"four", 4']


class ObjectStore(BaseHTTPRequestHandler):
    """Objects in memory: GET with ranges, HEAD, and the listing of a bucket."""

    objects: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        key = unquote(urlsplit(self.path).path)
        if "list-type=2" in self.path:
            keys = "".join(
                f"<Contents><Key>{escape(name.removeprefix('/bucket/'))}</Key>"
                f"<Size>{len(data)}</Size><ETag>e</ETag>"
                "<LastModified>2025-01-01T00:00:00.000Z</LastModified></Contents>"
                for name, data in sorted(self.objects.items())
            )
            listing = f"<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"
            self.send(200, listing.encode(), {}, body=body)
        elif key not in self.objects:
            self.send(404, b"<Error><Code>NoSuchKey</Code></Error>", {}, body=body)
        else:
            data, asked = self.objects[key], self.headers.get("Range")
            extra = {"ETag": '"e"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
            if asked is None:
                self.send(200, data, extra, body=body)
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first) if first else len(data) - int(last)
            stop = min(int(last) + 1, len(data)) if first and last else len(data)
            extra["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self.send(206, data[start:stop], extra, body=body)

    def send(self, status: int, data: bytes, extra: dict[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_words: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    frame = pl.DataFrame({"text": TEXTS, "language": ["x", "y", "x", "y", "x"]})
    frame.write_parquet(folder / "a.parquet")
    frame.write_csv(folder / "a.csv", quote_style="always")
    lines = "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
    (folder / "a.jsonl").write_text(lines, encoding="utf-8")
    (folder / "a.txt").write_bytes(b"one\r\ntwo\n\n")
    (folder / "bad.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\\ud800"}\n{"text": 3}\n')
    (folder / "b/1.parquet").parent.mkdir()
    frame.write_parquet(folder / "b/1.parquet")
    frame.write_parquet(folder / "b/2.parquet")
    handler = type("Handler", (ObjectStore,), {})
    handler.objects = {
        f"/bucket/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*.*")
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {
        "aws_endpoint_url": f"http://127.0.0.1:{server.server_address[1]}",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    }
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_a_remote_file_gives_the_same_documents_as_a_local_one(options, name):
    corpus = load_corpus(f"s3://bucket/{name}", storage_options=options)
    frame = corpus.scan().collect()
    assert frame["text"].to_list() == TEXTS
    assert frame["language"].to_list() == ["x", "y", "x", "y", "x"]
    assert corpus.kind == "remote"
    assert corpus.languages == ("x", "y")
    assert corpus.filter(language="y").scan().collect()["text"].to_list() == TEXTS[1::2]
    assert corpus.checksum == load_corpus(f"s3://bucket/{name}", storage_options=options).checksum
    shards = corpus.shards(max_bytes=4)
    assert len(shards) > 2
    assert pl.concat([shard.read() for shard in shards]).equals(frame)


def test_remote_lines_and_globs(options):
    lines = load_corpus("s3://bucket/a.txt", storage_options=options, language="x")
    assert lines.head().rows() == [
        ("a.txt:1", "one", "x", None),
        ("a.txt:2", "two", "x", None),
        ("a.txt:3", "", "x", None),
    ]
    two = load_corpus("s3://bucket/b/*.parquet", storage_options=options)
    assert two.scan().collect()["text"].to_list() == TEXTS * 2


def test_a_bad_remote_record_is_named_by_its_row(options):
    with pytest.raises(CorpusError, match=r"s3://bucket/bad\.jsonl, row 2: .*ud800"):
        load_corpus("s3://bucket/bad.jsonl", storage_options=options).head()
    corpus = load_corpus("s3://bucket/bad.jsonl", storage_options=options, errors="skip")
    assert corpus.scan().collect()["text"].to_list() == ["a"]
    assert corpus.skipped == {"lone surrogate": 1, "not a string": 1}


def test_a_remote_object_that_is_not_there_is_a_sentence(options):
    with pytest.raises(CorpusError, match=r"s3://bucket/no\.parquet cannot be read .*network"):
        load_corpus("s3://bucket/no.parquet", storage_options=options)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv", "a.txt"])
def test_without_a_network_the_sentence_says_so(options, name):
    with socket.socket() as free:  # a port where nobody listens
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dead = {**options, "aws_endpoint_url": f"http://127.0.0.1:{port}", "max_retries": 0}
    with pytest.raises(CorpusError, match=r"is there a network.*downloaded copy needs none"):
        load_corpus(f"s3://bucket/{name}", storage_options=dead)


@pytest.mark.parametrize(
    ("address", "settings", "message"),
    [
        ("s3://bucket/a.jsonl.gz", {}, "uncompressed.*download"),
        ("hf://datasets/owner/name", {}, "pass format="),
        ("s3://bucket/a.txt", {"documents": "file"}, "from disk only"),
    ],
)
def test_what_polars_does_not_read_is_refused_at_once(address, settings, message):
    with pytest.raises(CorpusError, match=message):
        load_corpus(address, **settings)

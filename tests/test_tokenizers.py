"""Loading tokenizers: names, files, hub ids and live objects."""

import json
import os
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest
import sentencepiece
import tiktoken
import tokenizers as hf
from hypothesis import given, settings
from nasty import NASTY, unicode_text

import workbench as wb
from workbench.tokenizers import TokenizerError, load_tokenizer, load_tokenizers
from workbench.tokenizers.catalog import CATALOG
from workbench.tokenizers.from_sentencepiece import SentencePieceTokenizer

OFFLINE = wb.list_tokenizers().filter(pl.col("offline"))["name"].to_list()


def test_a_name_gives_a_tokenizer():
    tok = load_tokenizer("mistral-v1")
    assert tok.encode("strawberry") == [18393, 14233]
    assert tok.decode([18393, 14233]) == "strawberry"
    assert [tok.piece(i) for i in (18393, 14233)] == ["▁straw", "berry"]
    assert tok.token_bytes(18393) == b" straw"
    assert (tok.vocab_size, tok.algorithm, tok.library) == (32000, "BPE", "sentencepiece")
    assert load_tokenizer("mistral-v1") is tok  # loaded once
    assert load_tokenizer(tok) is tok


@pytest.mark.parametrize("name", OFFLINE)
def test_the_list_tells_the_truth(name: str):
    tok = load_tokenizer(name)
    row = wb.list_tokenizers().filter(pl.col("name") == name).to_dicts()[0]
    assert row["vocab_size"] == tok.vocab_size
    assert row["algorithm"] == tok.algorithm
    assert row["licence"] == tok.licence
    assert len(tok.fingerprint) == 64


@pytest.mark.parametrize("name", [n for n in OFFLINE if n not in {"words", "characters"}])
def test_every_id_has_a_piece_and_bytes(name: str):
    tok = load_tokenizer(name)
    ids = tok.ids()
    assert len(ids) == tok.vocab_size
    for i in ids[:: max(1, len(ids) // 2000)]:
        assert tok.id_of(tok.piece(i)) is not None
        assert isinstance(tok.token_bytes(i), bytes)
    with pytest.raises(TokenizerError, match="not in the vocabulary"):
        tok.piece(ids[-1] + 10**6)
    with pytest.raises(TokenizerError, match="whole number"):
        tok.token_bytes("a")
    with pytest.raises(TokenizerError, match="not in the vocabulary"):
        tok.decode([ids[0], -1])


@pytest.mark.parametrize("name", OFFLINE)
def test_batches_and_copies_encode_alike(name: str):
    tok = load_tokenizer(name)
    texts = list(NASTY.values())
    rows = tok.encode_batch(texts)
    assert rows == [tok.encode(t) for t in texts]
    copy = pickle.loads(pickle.dumps(tok))
    assert copy.encode_batch(texts) == rows
    assert copy.fingerprint == tok.fingerprint
    assert copy == tok
    with pytest.raises(TokenizerError, match="text 1 of 2: the text holds a lone surrogate"):
        tok.encode_batch(["a", "\udc00"])


@settings(max_examples=40, deadline=None)
@given(text=unicode_text)
def test_byte_level_tokenizers_decode_what_they_read(text: str):
    for name in ("tekken", "deepseek-v4", "workbench-bpe", "bytes", "characters", "words"):
        tok = load_tokenizer(name)
        assert tok.decode(tok.encode(text)) == text


def test_special_tokens_are_two_switches():
    text = "a</s>b"
    for name in ("mistral-v1", "mistral-v3", "tekken"):
        tok = load_tokenizer(name)
        plain = tok.encode(text)
        assert not set(plain) & tok.special_ids
        assert tok.encode(text, add_special_tokens=True) == [1, *plain]
        assert 2 in tok.encode(text, parse_special=True)
        assert tok.is_special(2)
    bert = load_tokenizer("workbench-wordpiece")
    cls, sep = bert.id_of("[CLS]"), bert.id_of("[SEP]")
    inside = bert.encode("hello")
    assert bert.encode("hello", add_special_tokens=True) == [cls, *inside, sep]
    assert bert.encode("", add_special_tokens=True) == [cls, sep]
    assert cls not in bert.encode("[CLS] hello")
    assert bert.encode("[CLS] hello", parse_special=True)[0] == cls


def test_added_tokens_that_are_not_special_are_ordinary_vocabulary(oracles: Path):
    pythia = load_tokenizer(oracles / "tokenizers" / "pythia-12b.json")
    assert pythia.encode(" " * 24) == pythia.encode(" " * 24, parse_special=True) == [50254]
    assert pythia.encode("<|endoftext|>") != [0]
    assert pythia.encode("<|endoftext|>", parse_special=True) == [0]


def test_live_objects_of_the_three_libraries():
    path = CATALOG["mistral-v1"].load("x")
    processor = sentencepiece.SentencePieceProcessor(model_proto=path.model_proto)
    assert load_tokenizer(processor).fingerprint == load_tokenizer("mistral-v1").fingerprint
    encoding = tiktoken.Encoding(
        "toy", pat_str=r"\S+|\s+", special_tokens={"<end>": 257},
        mergeable_ranks={**{bytes([b]): b for b in range(256)}, b"ab": 256},
    )  # fmt: skip
    toy = load_tokenizer(encoding)
    assert (toy.name, toy.encode("abc<end>")[:2], toy.vocab_size) == ("toy", [256, 99], 258)
    live = hf.Tokenizer.from_str(json.dumps(load_tokenizer("workbench-bpe").spec))
    live.enable_truncation(3)
    live.enable_padding(length=64)
    again = load_tokenizer(live)
    text = "padding and truncation are switched off"
    assert again.encode(text) == load_tokenizer("workbench-bpe").encode(text)
    assert again.fingerprint == load_tokenizer("workbench-bpe").fingerprint
    assert live.truncation is not None  # the user's own object is left alone
    with pytest.raises(TokenizerError, match=r"builtins\.dict is no tokenizer"):
        load_tokenizer({"a": 1})


def test_a_transformers_tokenizer_by_its_backend():
    from transformers import PreTrainedTokenizerFast

    live = hf.Tokenizer.from_str(json.dumps(load_tokenizer("workbench-bpe").spec))
    wrapped = PreTrainedTokenizerFast(tokenizer_object=live)
    wrapped.chat_template = "{{ messages[0].content }}"
    tok = load_tokenizer(wrapped)
    assert tok.encode("hello there") == load_tokenizer("workbench-bpe").encode("hello there")
    assert tok.chat_template == "{{ messages[0].content }}"


def test_files_of_every_kind(tmp_path: Path, oracles: Path):
    spec = load_tokenizer("workbench-bpe").spec
    model = tmp_path / "model"
    model.mkdir()
    (model / "tokenizer.json").write_text(json.dumps(spec))
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ 1 }}"}))
    for source in (model, model / "tokenizer.json", str(model)):
        tok = load_tokenizer(source)
        assert tok.name == "model"
        assert tok.chat_template == "{{ 1 }}"
        assert tok.fingerprint == load_tokenizer("workbench-bpe").fingerprint
    piece = tmp_path / "my.model"
    piece.write_bytes(load_tokenizer("mistral-v3").model_proto)
    assert load_tokenizer(piece).fingerprint == load_tokenizer("mistral-v3").fingerprint
    cl100k = load_tokenizer(oracles / "tokenizers" / "cl100k_base.tiktoken")
    assert cl100k.encode("hello world") == [15339, 1917]
    assert cl100k.encode("<|endoftext|>", parse_special=True) == [100257]
    o200k = load_tokenizer(oracles / "tokenizers" / "o200k_base.tiktoken")
    assert o200k.encode("hello world") == [24912, 2375]
    own = tmp_path / "own.tiktoken"
    own.write_text("\n".join(f"{b64(bytes([b]))} {b}" for b in range(256)))
    with pytest.raises(TokenizerError, match="pass pattern="):
        load_tokenizer(own)
    cut = tmp_path / "cut.tiktoken"
    cut.write_text("YQ== 0")
    with pytest.raises(TokenizerError, match="lacks 255 of the 256"):
        load_tokenizer(cut, pattern=r"\S+|\s+")
    tok = load_tokenizer(own, pattern=r"\S+|\s+", special_tokens={"<e>": 256})
    assert tok.encode("é") == [195, 169]


def b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_several_tokenizers_have_names_of_their_own(tmp_path: Path):
    paths = []
    for folder, name in (("a", "workbench-bpe"), ("b", "workbench-unigram")):
        path = tmp_path / folder / "mine" / "tokenizer.json"
        path.parent.mkdir(parents=True)
        path.write_text(load_tokenizer(name).backend.to_str(), encoding="utf-8")
        paths.append(str(path))
    assert [tok.name for tok in load_tokenizers([paths[0], "bytes"])] == ["mine", "bytes"]
    assert [tok.name for tok in load_tokenizers([*paths, "bytes", paths[0]])] == [*paths, "bytes"]
    with pytest.raises(TokenizerError, match="at least one"):
        load_tokenizers([])
    live = [load_tokenizer(path) for path in paths]
    with pytest.raises(TokenizerError, match="two tokenizers are called 'mine'"):
        load_tokenizers(live)
    with pytest.raises(TokenizerError, match=r"no file '/nowhere/x.json'$"):
        load_tokenizer("/nowhere/x.json")


def test_the_same_definition_has_the_same_fingerprint_and_another_has_another(tmp_path: Path):
    spec = json.loads(json.dumps(load_tokenizer("workbench-bpe").spec))
    old = dict(spec, normalizer={"type": "Sequence", "normalizers": []})
    old["model"] = dict(spec["model"], merges=[" ".join(m) for m in spec["model"]["merges"]])
    (tmp_path / "old.json").write_text(json.dumps(old))
    reference = load_tokenizer("workbench-bpe").fingerprint
    assert load_tokenizer(tmp_path / "old.json").fingerprint == reference
    changed = dict(spec, normalizer={"type": "NFC"})
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    assert load_tokenizer(tmp_path / "changed.json").fingerprint != reference


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("deepsek-v4", "Near names: deepseek-v4"),
        ("no/such/path.json", "there is no file"),
        ("", "list_tokenizers"),
        ("~~~", "there is no tokenizer"),
    ],
)
def test_errors_are_sentences(asked: str, says: str):
    with pytest.raises(TokenizerError, match=says):
        load_tokenizer(asked)


@pytest.mark.parametrize(
    ("file", "data", "says"),
    [
        ("a.json", b"{}", "not a tokenizer.json"),
        ("a.json", b"\xff\xfe", "cannot be read as JSON in UTF-8"),
        ("a.json", b"", "is empty"),
        ("a.model", b"not a model", "not a SentencePiece model"),
        ("a.tiktoken", b"!!! x", "line 1"),
        ("a.tiktoken", b"YQ== 0\n", "pass pattern="),
        ("tekken.json", b"[]", "not a Tekken file"),
        ("a.txt", b"hello", "of no known kind"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, file: str, data: bytes, says: str):
    path = tmp_path / file
    path.write_bytes(data)
    with pytest.raises(TokenizerError, match=says) as caught:
        load_tokenizer(path)
    assert file in str(caught.value)


class _Hub(BaseHTTPRequestHandler):
    """A hub on the loopback: one open repository, one gated, everything else absent."""

    spec = ""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        known = any(f"/{name}" in self.path for name in ("open/model", "gated/model", "code/model"))
        if not known:
            self.send_answer(404, {"X-Error-Code": "RepoNotFound"})
        elif "/api/models/" in self.path:
            file = "tokenization.py" if "code/" in self.path else "tokenizer.json"
            info: object = {"id": "x/y", "sha": "0" * 40, "siblings": [{"rfilename": file}]}
            if "/tree/" in self.path:
                info = [{"type": "file", "path": file, "size": len(self.spec), "oid": "1"}]
            self.send_answer(200, {}, json.dumps(info).encode() if body else b"")
        elif "/gated/" in self.path:
            self.send_answer(403, {"X-Error-Code": "GatedRepo"})
        else:
            data = self.spec.encode()
            head = {"X-Repo-Commit": "0" * 40, "ETag": '"1"'}
            self.send_answer(200, head, data if body else b"", len(data))

    def send_answer(
        self, status: int, head: dict[str, str], data: bytes = b"", size: int | None = None
    ) -> None:
        self.send_response(status)
        for key, value in head.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data) if size is None else size))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _ask(repository: str, endpoint: str, home: Path) -> str:
    code = (
        "import sys, workbench as wb\n"
        "try:\n    t = wb.load_tokenizer(sys.argv[1]); print(t.fingerprint, t.source)\n"
        "except wb.TokenizerError as e:\n    print('ERROR', e)\n"
    )
    keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env = keep | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, repository],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_hub_ids_against_a_hub_on_this_machine(tmp_path: Path):
    _Hub.spec = json.dumps(load_tokenizer("workbench-bpe").spec)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        found = _ask("open/model", endpoint, tmp_path)
        assert load_tokenizer("workbench-bpe").fingerprint in found
        assert "hub: open/model" in found
        assert "HF_TOKEN" in _ask("gated/model", endpoint, tmp_path)
        assert "a tokenizer that is code is not run" in _ask("code/model", endpoint, tmp_path)
        assert "the hub has no 'absent/model'" in _ask("absent/model", endpoint, tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    cached = _ask("open/model", endpoint, tmp_path)
    assert load_tokenizer("workbench-bpe").fingerprint in cached  # works again with no network
    offline = _ask("open/other", endpoint, tmp_path)
    assert "pass the path of its tokenizer.json" in offline


def test_openai_names_from_the_cache(tmp_path: Path, oracles: Path, monkeypatch):
    import hashlib
    import shutil

    from tiktoken import registry

    address = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    cached = tmp_path / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    shutil.copy(oracles / "tokenizers" / "o200k_base.tiktoken", cached)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(registry, "ENCODINGS", {})
    from_file = load_tokenizer(oracles / "tokenizers" / "o200k_base.tiktoken")
    for asked in ("gpt-4o", "o200k_base", "gpt-5", "GPT-4o-mini"):
        tok = load_tokenizer(asked)
        assert tok.name == asked
        assert tok.fingerprint == from_file.fingerprint


def test_importing_the_package_is_quick_and_reads_no_chart_library():
    code = "import sys, workbench; print('altair' in sys.modules, 'polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_compare_stays_a_function_whatever_is_imported_first():
    code = "import workbench.compare, workbench as wb; print(callable(wb.compare))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_name_that_does_not_exist_lists_those_that_do():
    with pytest.raises(AttributeError, match="load_tokenizer"):
        wb.load_tokeniser  # noqa: B018 - asking is the test


def test_sentencepiece_definition_names_its_rules():
    tok = load_tokenizer("mistral-v1")
    assert isinstance(tok, SentencePieceTokenizer)
    assert tok.definition["normalizer"]["add_dummy_prefix"] is True
    assert tok.definition["model"]["byte_fallback"] is True

"""Tokenizers that `tiktoken` runs: OpenAI's encodings, `.tiktoken` files, and Tekken files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.tokenizers.base import (
    Alignment,
    Tokenizer,
    TokenizerError,
    check_ids,
    identity_alignment,
    utf8,
)

if TYPE_CHECKING:
    import tiktoken

# The files OpenAI publishes, by SHA-256: (encoding name). Their patterns and special tokens are
# not in the file; tiktoken's registry (tiktoken_ext/openai_public.py, MIT) has them.
_OPENAI_FILES = {
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": "r50k_base",
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": "p50k_base",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": "cl100k_base",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": "o200k_base",
}
_R50K = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_END, _PROMPT = "<|endoftext|>", "<|endofprompt|>"
_FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
_OPENAI: dict[str, tuple[str, dict[str, int]]] = {
    "r50k_base": (_R50K, {_END: 50256}),
    "p50k_base": (_R50K, {_END: 50256}),
    "cl100k_base": (
        _CL100K,
        {_END: 100257, **dict(zip(_FIM, range(100258, 100261), strict=True)), _PROMPT: 100276},
    ),
    "o200k_base": (_O200K, {_END: 199999, _PROMPT: 200018}),
}

# Tekken's first special tokens (mistral-common, Apache-2.0); the rest are <SPECIAL_n>.
_TEKKEN_SPECIAL = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    "[TOOL_CONTENT]",
)


class TiktokenTokenizer(Tokenizer):
    """Byte-level BPE by ranks. Tokens, joined, are the bytes of the text."""

    algorithm = "BPE"
    library = "tiktoken"

    def __init__(
        self,
        name: str,
        encoding: tiktoken.Encoding,
        *,
        source: str,
        licence: str | None = None,
        bos: str | None = None,
    ) -> None:
        super().__init__(name, source=source, licence=licence)
        self._encoding = encoding
        self._bos = bos
        self._special_names = dict(encoding._special_tokens)  # noqa: SLF001 - no public face
        self._ranks: dict[bytes, int] = encoding._mergeable_ranks  # noqa: SLF001 - the same
        self.special_ids = frozenset(self._special_names.values())
        self._by_id: list[bytes | None] = [None] * (encoding.max_token_value + 1)
        for data, token_id in self._ranks.items():
            self._by_id[token_id] = data
        for text, token_id in self._special_names.items():
            self._by_id[token_id] = text.encode()
        self._size = sum(data is not None for data in self._by_id)
        self._byte_lengths = np.array([len(b or b"") for b in self._by_id], dtype=np.int64)

    @property
    def vocab_size(self) -> int:
        """Entries of the encoding, special tokens included."""
        return self._size

    @property
    def backend(self) -> tiktoken.Encoding:
        """The `tiktoken.Encoding`."""
        return self._encoding

    @property
    def ranks(self) -> dict[bytes, int]:
        """Bytes of each ordinary entry to its id, which is its rank among merges."""
        return self._ranks

    @property
    def pattern(self) -> str:
        """The regular expression that cuts the text before merging."""
        return self._encoding._pat_str  # noqa: SLF001 - tiktoken has no public face for it

    @property
    def definition(self) -> dict[str, Any]:
        """Pattern, ranks by id, and special tokens."""
        ranks = sorted((rank, data.hex()) for data, rank in self._ranks.items())
        special = [
            {"content": text, "id": i, "special": True}
            for text, i in sorted(self._special_names.items(), key=lambda item: item[1])
        ]
        return {
            "normalizer": None,
            "pre_tokenizer": {"type": "tiktoken", "pattern": self.pattern},
            "model": {"type": "BPE", "by": "rank", "ranks": ranks},
            "added_tokens": special,
        }

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        if parse_special:
            return self._encoding.encode(text, allowed_special="all")
        return self._encoding.encode_ordinary(text)

    def _encode_batch(self, texts: list[str], *, parse_special: bool) -> list[list[int]]:
        if parse_special:
            return self._encoding.encode_batch(texts, allowed_special="all")
        if sum(map(len, texts)) < 100 * len(texts):
            # The library's batch hands each text to a thread: for words that costs ten times more.
            return [self._encoding.encode_ordinary(text) for text in texts]
        return self._encoding.encode_ordinary_batch(texts)

    def _add_special(self, ids: list[int]) -> list[int]:
        return [self._special_names[self._bos], *ids] if self._bos else ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self._encoding.decode(check_ids(self, ids), errors="replace")

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from."""
        source = utf8(text)
        ids = np.asarray(self._encode(text, parse_special=parse_special), dtype=np.int64)
        special = np.isin(ids, list(self.special_ids)) if parse_special else np.zeros(len(ids))
        return identity_alignment(ids, self._byte_lengths[ids], source, special)

    def _piece(self, token_id: int) -> str | None:
        data = self._by_id[token_id] if token_id < len(self._by_id) else None
        return None if data is None else data.decode("utf-8", errors="backslashreplace")

    def _bytes(self, token_id: int) -> bytes:
        data = self._by_id[token_id]
        assert data is not None
        return data

    def id_of(self, piece: str) -> int | None:
        r"""Return the id of an entry; bytes that are not UTF-8 are spelled `\xNN`."""
        if piece in self._special_names:
            return self._special_names[piece]
        data = piece.encode()
        if data not in self._ranks and "\\x" in piece:
            data = _unescape(piece)
        return self._ranks.get(data)

    def ids(self) -> list[int]:
        """Return all declared ids in order."""
        return [i for i, data in enumerate(self._by_id) if data is not None]

    def __reduce__(self) -> tuple[Any, ...]:
        spec = (self._encoding.name, self.pattern, self._ranks, self._special_names)
        keywords = {"source": self.source, "licence": self.licence, "bos": self._bos}
        return (_rebuild, (self.name, spec, keywords))


def _rebuild(name: str, spec: tuple[Any, ...], keywords: dict[str, Any]) -> TiktokenTokenizer:
    return TiktokenTokenizer(name, _make(*spec), **keywords)


def _make(name: str, pattern: str, ranks: dict[bytes, int], special: dict[str, int]) -> Any:
    import tiktoken

    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)


def _unescape(piece: str) -> bytes:
    out, i = bytearray(), 0
    while i < len(piece):
        if piece.startswith("\\x", i) and i + 4 <= len(piece):
            try:
                out.append(int(piece[i + 2 : i + 4], 16))
            except ValueError:
                out += piece[i].encode()
                i += 1
            else:
                i += 4
        else:
            out += piece[i].encode()
            i += 1
    return bytes(out)


def read_tiktoken_file(
    path: Path, name: str, pattern: str | None = None, special_tokens: dict[str, int] | None = None
) -> TiktokenTokenizer:
    """Load a `.tiktoken` file: lines of base64 bytes and a rank.

    OpenAI's files are recognised by their SHA-256 and get their pattern and special tokens.

    Args:
        path: The file.
        name: Name to give the tokenizer.
        pattern: The splitting pattern; needed for a file that is not one of OpenAI's.
        special_tokens: Special tokens of such a file, text to id.

    Returns:
        The tokenizer.

    Raises:
        TokenizerError: If the file is not of this form, or its pattern is not known.
    """
    data = path.read_bytes()
    known = _OPENAI_FILES.get(hashlib.sha256(data).hexdigest())
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise TokenizerError(
                f"{path}, line {number}: expected base64 bytes, a space and a rank, found "
                f"{line[:40]!r}; this is not a .tiktoken file, or it is damaged"
            ) from None
    if known and pattern is None:
        pattern, special_tokens = _OPENAI[known]
    if pattern is None:
        raise TokenizerError(
            f"{path} is not one of OpenAI's files ({', '.join(_OPENAI)}), and a .tiktoken file "
            "does not hold its splitting pattern: pass pattern='...' and, if it has them, "
            "special_tokens={'<|endoftext|>': 50256}"
        )
    missing = [b for b in range(256) if bytes([b]) not in ranks]
    if missing:
        raise TokenizerError(
            f"{path} lacks {len(missing)} of the 256 single bytes (first: 0x{missing[0]:02X}); "
            "the file is damaged or cut short: download it again"
        )
    encoding = _make(known or name, pattern, ranks, special_tokens or {})
    licence = "MIT" if known else None
    source = f"{path.name} (OpenAI's {known})" if known else str(path.name)
    return TiktokenTokenizer(name, encoding, source=source, licence=licence)


def read_tekken_file(path: Path, name: str, licence: str | None = None) -> TiktokenTokenizer:
    """Load a Tekken file, Mistral's JSON of base64 bytes and ranks.

    Ids are the ranks shifted by the number of special tokens, as in mistral-common.

    Args:
        path: The file.
        name: Name to give the tokenizer.
        licence: Its licence, where known.

    Returns:
        The tokenizer.

    Raises:
        TokenizerError: If the file is not of this form.
    """
    try:
        data = json.loads(path.read_bytes())
        config = data["config"]
        count = int(config["default_num_special_tokens"])
        size = int(config["default_vocab_size"])
        entries = data["vocab"][: size - count]
        ranks = {base64.b64decode(e["token_bytes"]): int(e["rank"]) + count for e in entries}
        listed = {e["rank"]: e["token_str"] for e in data.get("special_tokens") or []}
        pattern = str(config["pattern"])
    except (ValueError, KeyError, TypeError) as error:
        raise TokenizerError(
            f"{path} is not a Tekken file: expected 'config' and 'vocab' with 'token_bytes' and "
            f"'rank' ({type(error).__name__}: {error})"
        ) from None
    names = listed or dict(enumerate(_TEKKEN_SPECIAL))
    special = {names.get(i, f"<SPECIAL_{i}>"): i for i in range(count)}
    encoding = _make(name, pattern, ranks, special)
    tokenizer = TiktokenTokenizer(
        name, encoding, source=path.name, licence=licence, bos="<s>" if "<s>" in special else None
    )
    tokenizer.unk_id = special.get("<unk>")
    return tokenizer


def openai_encoding(name: str, requested: str) -> TiktokenTokenizer:
    """Load one of OpenAI's encodings through tiktoken's cache, downloading it the first time.

    Args:
        name: Name of the encoding, for example `o200k_base`.
        requested: What the user typed, kept as the tokenizer's name.

    Returns:
        The tokenizer.

    Raises:
        TokenizerError: If it is neither cached nor to be had from the network.
    """
    import requests
    import tiktoken

    try:
        encoding = tiktoken.get_encoding(name)
    except (requests.RequestException, OSError) as error:
        raise TokenizerError(
            f"{requested!r} is OpenAI's encoding {name!r}, which tiktoken downloads on first use, "
            f"and the network did not answer ({type(error).__name__}). Connect once, or set "
            "TIKTOKEN_CACHE_DIR to a folder that has it, or pass the path of a .tiktoken file"
        ) from None
    return TiktokenTokenizer(requested, encoding, source=f"OpenAI's encoding {name}", licence="MIT")

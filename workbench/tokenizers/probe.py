"""The text as a model of the `tokenizers` library sees it, byte by byte.

A probe is a tokenizer with the normalizer, the pre-tokenizer and the added tokens of a real one,
and a model that knows nothing but single bytes. Its tokens are what the real model is given, each
with the source characters it came from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import tokenizers as hf

from workbench.tokenizers.base import Int64s


def byte_alphabet() -> dict[str, int]:
    """Return the printable character that byte-level BPE writes for each byte, character to byte.

    Printable Latin-1 stands for itself and the rest is moved to U+0100 and above, so that a space
    is `Ġ` and a line feed `Ċ`. Source: GPT-2's `bytes_to_unicode` (Radford and others, 2019).

    Example:
        >>> byte_alphabet()["Ġ"]
        32
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(b): b for b in printable}
    others = [b for b in range(256) if b not in set(printable)]
    return alphabet | {chr(0x100 + n): b for n, b in enumerate(others)}


ALPHABET = byte_alphabet()
FALLBACK = {f"<0x{b:02X}>": b for b in range(256)}


def from_alphabet(piece: str) -> bytes:
    """Return the bytes that a piece of byte-level BPE spells; any other text as UTF-8.

    Example:
        >>> from_alphabet("Ġthe")
        b' the'
    """
    try:
        return bytes(ALPHABET[c] for c in piece)
    except KeyError:
        return piece.encode()


def flatten(component: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """Return the steps of a normalizer, pre-tokenizer or decoder, sequences taken apart.

    Args:
        component: The JSON of the component, or None.
        key: What its sequences call their steps: `normalizers`, `pretokenizers` or `decoders`.

    Returns:
        The steps in order, each with its `type`.
    """
    if component is None:
        return []
    if component["type"] == "Sequence":
        return [step for inner in component[key] for step in flatten(inner, key)]
    return [component]


@dataclass(frozen=True, eq=False)
class Seen:
    """The text as the model saw it.

    Attributes:
        data: The bytes.
        char_start: Source character each byte is reported to come from, shape `(len(data),)`.
        char_end: One past the last such character.
        words: Index of the pre-token each byte is in.
        blocks: Index of a pre-token that is an added token, to its bytes.
    """

    data: bytes
    char_start: Int64s
    char_end: Int64s
    words: Int64s
    blocks: dict[int, int]


class Probe:
    """Shows what the model of one tokenizer is given.

    Args:
        spec: The `tokenizer.json`.
        parse_special: Whether special tokens are recognised; other added tokens always are.
        pre_tokenize: Whether the pre-tokenizer runs too, or the normalizer alone.
    """

    def __init__(self, spec: dict[str, Any], *, parse_special: bool, pre_tokenize: bool) -> None:
        steps = flatten(spec["normalizer"], "normalizers")
        if pre_tokenize:
            steps = steps + flatten(spec["pre_tokenizer"], "pretokenizers")
        byte_level = any(step["type"] == "ByteLevel" for step in steps)
        alphabet = ALPHABET if byte_level else FALLBACK
        model = {"type": "BPE", "vocab": dict(alphabet), "merges": [], "byte_fallback": True}
        bare = {**spec, "post_processor": None, "decoder": None, "added_tokens": []}
        bare["model"] = model
        if not pre_tokenize:
            bare["pre_tokenizer"] = None
        self._live = hf.Tokenizer.from_str(json.dumps(bare))
        # Where special tokens are text, the probe must not know them at all.
        known = [t for t in spec["added_tokens"] if parse_special or not t["special"]]
        flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
        self._live.add_tokens(
            [hf.AddedToken(t["content"], **{flag: t[flag] for flag in flags}) for t in known]
        )
        self._live.encode_special_tokens = False

    def see(self, text: str) -> Seen:
        """Return what the model is given for a text."""
        encoding = self._live.encode(text, add_special_tokens=False)
        ids = np.asarray(encoding.ids, dtype=np.int64)
        offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        words = np.asarray(encoding.word_ids, dtype=np.int64)
        added = np.flatnonzero(ids >= 256)  # both alphabets number the bytes by their value
        if len(added) == 0:
            data = ids.astype(np.uint8).tobytes()
            return Seen(data, offsets[:, 0], offsets[:, 1], words, {})
        # An added token is one entry of the probe that stands for a stretch of the source.
        chunks: list[bytes] = []
        counts = np.ones(len(ids), dtype=np.int64)
        blocks: dict[int, int] = {}
        at = 0
        for i in added.tolist():
            stretch = text[offsets[i, 0] : offsets[i, 1]].encode()
            chunks += [ids[at:i].astype(np.uint8).tobytes(), stretch]
            counts[i] = blocks[int(words[i])] = len(stretch)
            at = i + 1
        chunks.append(ids[at:].astype(np.uint8).tobytes())
        of = np.repeat(np.arange(len(ids)), counts)
        return Seen(b"".join(chunks), offsets[of, 0], offsets[of, 1], words[of], blocks)

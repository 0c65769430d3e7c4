"""A byte-level BPE given by ranks (tiktoken, Tekken), written as a `tokenizer.json`.

tiktoken keeps no list of merges: two neighbours merge when their joined bytes have a rank, lowest
rank first. The merge that makes an entry is therefore found by running the same rule on its bytes
with only the lower ranks. Ids may be shifted (Tekken's are, by its special tokens): only their
order matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _alphabet() -> dict[int, str]:
    """GPT-2's spelling of bytes as printable characters (openai/gpt-2, encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    other = [byte for byte in range(256) if byte not in set(printable)]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + place) for place, byte in enumerate(other)
    }


def last_merge(data: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes] | None:
    """The two parts that an entry is merged from.

    Args:
        data: The entry, of two bytes or more.
        ranks: Every entry's rank.

    Returns:
        The parts; None where no sequence of merges makes the entry.

    Example:
        >>> last_merge(b"abc", {b"a": 0, b"b": 1, b"c": 2, b"bc": 3, b"abc": 4})
        (b'a', b'bc')
    """
    limit = ranks[data]
    parts = [data[i : i + 1] for i in range(len(data))]
    while len(parts) > 2:
        pairs = ((ranks.get(parts[i] + parts[i + 1], limit), i) for i in range(len(parts) - 1))
        rank, at = min(pairs)
        if rank >= limit:
            return None
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts[0], parts[1]


def json_of_ranks(ranks: Mapping[bytes, int], pattern: str) -> dict[str, Any]:
    """The `tokenizer.json` of a BPE by ranks, without special tokens.

    Args:
        ranks: Bytes of each entry to its id.
        pattern: The regular expression that cuts a text before merging.

    Returns:
        What `tokenizers.Tokenizer.from_str` reads once it is written as JSON.
    """
    spelled = _alphabet()

    def spell(data: bytes) -> str:
        return "".join(spelled[byte] for byte in data)

    ordered = sorted(ranks.items(), key=lambda item: item[1])
    merges = []
    for data, _ in ordered:
        parts = last_merge(data, ranks) if len(data) > 1 else None
        if parts is not None:
            merges.append([spell(parts[0]), spell(parts[1])])
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{**split, "invert": False}, {**byte_level, "use_regex": False}],
        },
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            # Entries that no merges make are still found whole, as in tiktoken.
            "ignore_merges": True,
            "vocab": {spell(data): token_id for data, token_id in ordered},
            "merges": merges,
        },
    }

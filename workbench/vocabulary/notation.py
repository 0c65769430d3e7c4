"""Ids as people paste them: lists, arrays, tensors, JSON, one a line, in decimal or hexadecimal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from workbench.tokenizers import TokenizerError

# Wrappers and the keyword arguments that printed arrays carry: names, not ids.
_KEYWORDS = re.compile(
    r"\b(?:dtype|device|shape|size|requires_grad|grad_fn)\s*=\s*(?:\([^)]*\)|[^,)\]>]*)"
)
_WRAPPERS = re.compile(
    r"(?:\b[A-Za-z_]\w*\.)*"
    r"\b(?:array|asarray|tensor|Tensor|EagerTensor|LongTensor|IntTensor|Series|list|tuple|"
    r"u?int(?:8|16|32|64)?|numpy)\b\s*[:=]?"
)
_SEPARATORS = re.compile(r"[\s,;|()\[\]{}<>]+")
_NUMBER = re.compile(r"[+]?(?:0[xX][0-9a-fA-F]+|\d+(?:_\d+)*(?:\.0*)?)")
#: More than that is a file, not a paste.
LIMIT = 1_000_000


def parse_ids(source: Any) -> list[int]:
    r"""Read token ids in any usual notation.

    Understood are decimal and hexadecimal numbers between commas, semicolons, white space, bars
    and brackets; printed lists, ``np.array([...])``, ``tensor([...], device='cuda:0')``; JSON or
    printed dictionaries with ``input_ids`` or ``ids``; lists, arrays and tensors themselves
    (nested ones are read through). A comma always separates: ``1,234`` is two ids.

    Args:
        source: a string, or an iterable of numbers, or anything with ``tolist()``.

    Returns:
        The ids in order.

    Raises:
        TokenizerError: naming what is no id, with its place.

    Example:
        >>> parse_ids("np.array([1, 2,\n 0x1F], dtype=int64)")
        [1, 2, 31]
        >>> parse_ids('{"input_ids": [[5, 6]], "attention_mask": [[1, 1]]}')
        [5, 6]
    """
    if isinstance(source, str):
        return _from_text(source)
    if hasattr(source, "tolist"):
        source = source.tolist()
    if isinstance(source, dict):
        return parse_ids(_named(source))
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray):
        found: list[int] = []
        for place, item in enumerate(source):
            if isinstance(item, list | tuple) or hasattr(item, "tolist"):
                found.extend(parse_ids(item))
            else:
                found.append(_whole(item, place))
        return found
    return [_whole(source, 0)]


def _named(mapping: dict[Any, Any]) -> Any:
    for name in ("input_ids", "ids", "token_ids", "tokens"):
        if name in mapping:
            return mapping[name]
    raise TokenizerError(
        f"a dictionary with the keys {sorted(map(str, mapping))} names no ids: expected "
        "'input_ids' or 'ids'"
    )


def _whole(item: Any, place: int) -> int:
    if not isinstance(item, bool):
        try:
            if int(item) == item and item >= 0:
                return int(item)
        except (TypeError, ValueError, OverflowError):
            pass
    if isinstance(item, str):
        return _number(item, place)
    raise TokenizerError(
        f"item {place} is {item!r}, which is no token id: ids are whole numbers from 0 up"
        + (" (-100 marks labels that a loss ignores; leave it out)" if item == -100 else "")
    )


def _from_text(text: str) -> list[int]:
    stripped = text.strip()
    if stripped.startswith("{"):
        named = _from_dictionary(stripped)
        if named is not None:
            return parse_ids(named)
    if "..." in text or "…" in text:
        raise TokenizerError(
            "the list was shortened when it was printed (it holds '...'): print all of it, for "
            "example with ids.tolist() or np.set_printoptions(threshold=sys.maxsize)"
        )
    cleaned = _WRAPPERS.sub(" ", _KEYWORDS.sub(" ", text))
    words = [word for word in _SEPARATORS.split(cleaned) if word]
    if len(words) > LIMIT:
        raise TokenizerError(
            f"{len(words):,} ids were pasted; at most {LIMIT:,} are read here. Read a file with "
            "Python and pass the list"
        )
    return [_number(word, place) for place, word in enumerate(words)]


def _from_dictionary(text: str) -> Any:
    try:
        loaded = json.loads(text.replace("'", '"'))
    except json.JSONDecodeError:
        # A printed dictionary of tensors: the first bracketed group after the key.
        match = re.search(
            r"['\"](?:input_ids|ids|token_ids)['\"]\s*:\s*[\w.]*\(?(\[[^A-Za-z]*\])", text
        )
        return match.group(1) if match else None
    return _named(loaded) if isinstance(loaded, dict) else loaded


def _number(word: str, place: int) -> int:
    bare = word.strip("'\"`")
    if _NUMBER.fullmatch(bare):
        return int(bare, 16) if bare[:2] in ("0x", "0X") else int(bare.split(".")[0])
    hint = ""
    if bare.startswith("-"):
        hint = "; ids are never negative (-100 marks labels that a loss ignores)"
    elif re.fullmatch(r"[0-9a-fA-F]+", bare):
        hint = "; write hexadecimal with 0x in front"
    raise TokenizerError(
        f"{word!r} at place {place} is no token id: expected whole numbers such as 15339 or 0x3BEB"
        + hint
    )

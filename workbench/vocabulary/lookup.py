"""Looking things up: an id, a string, a pasted list of ids, and a page about one token."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.derivation import derive
from workbench.derivation.ranks import spell
from workbench.tokenizers import Tokenizer, TokenizerError
from workbench.vocabulary.entries import Entries, entries_of
from workbench.vocabulary.notation import parse_ids


def describe(tokenizer: Tokenizer, number: int) -> dict[str, Any]:
    """One entry as a dictionary: id, piece, bytes in hex, text, whole UTF-8 or not, special.

    Raises:
        TokenizerError: the id is not in the vocabulary.

    Example:
        >>> import workbench as wb
        >>> describe(wb.load_tokenizer("bytes"), 0x41)["text"]
        'A'
    """
    data = tokenizer.token_bytes(number)
    try:
        text, whole = data.decode(), True
    except UnicodeDecodeError:
        text, whole = spell(data), False
    return {
        "id": int(number),
        "piece": tokenizer.piece(number),
        "bytes": data.hex(" "),
        "byte_length": len(data),
        "text": text,
        "whole_utf8": whole,
        "is_special": tokenizer.is_special(number),
    }


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a look-up found.

    Attributes:
        query: what was asked.
        one_token: whether the string, encoded alone, is one token (None for an id).
        encoded: the tokens it becomes, described.
        matches: entries that spell it, each with ``how``: ``id``, ``piece`` (as the vocabulary
            spells it), ``bytes`` (the same bytes) or ``with a space`` (the same after a space).
        nearest: the nearest entries, each with its ``distance``; empty where it matches.
    """

    query: str | int
    one_token: bool | None
    encoded: tuple[dict[str, Any], ...]
    matches: tuple[dict[str, Any], ...]
    nearest: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as dictionaries and lists that ``json.dumps`` takes."""
        return asdict(self)

    def to_frame(self) -> pl.DataFrame:
        """Matches and nearest entries, one row each, with ``how`` and ``distance``."""
        rows = [{**row, "distance": 0} for row in self.matches]
        rows += [{**row, "how": "near"} for row in self.nearest]
        schema = {
            "how": pl.String, "distance": pl.Int64, "id": pl.Int64, "piece": pl.String,
            "bytes": pl.String, "byte_length": pl.Int64, "text": pl.String,
            "whole_utf8": pl.Boolean, "is_special": pl.Boolean,
        }  # fmt: skip
        return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def lookup(tokenizer: Tokenizer, id_or_string: int | str, *, limit: int = 10) -> Lookup:
    """Look an id or a string up in a vocabulary.

    Args:
        tokenizer: whose vocabulary.
        id_or_string: an id (int), or a string: either an entry's spelling or any text.
        limit: how many near entries to give where nothing matches.

    Returns:
        The matches, whether the string is one token, and what is nearest if not.

    Raises:
        TokenizerError: an id that is not in the vocabulary.

    Example:
        >>> import workbench as wb
        >>> found = lookup(wb.load_tokenizer("mistral-v1"), "straw")
        >>> found.one_token, [(m["piece"], m["how"]) for m in found.matches]
        (True, [('▁straw', 'with a space')])
    """
    if isinstance(id_or_string, int) and not isinstance(id_or_string, bool):
        row = {**describe(tokenizer, id_or_string), "how": "id"}
        return Lookup(id_or_string, None, (), (row,), ())
    if not isinstance(id_or_string, str):
        raise TokenizerError(
            f"an id (int) or a string is looked up, not {type(id_or_string).__name__}"
        )
    ids = tokenizer.encode(id_or_string)
    matches: list[dict[str, Any]] = []
    seen: set[int] = set()

    def keep(numbers: Sequence[int], how: str) -> None:
        for number in numbers:
            if number not in seen:
                seen.add(number)
                matches.append({**describe(tokenizer, number), "how": how})

    spelled = tokenizer.id_of(id_or_string) if id_or_string else None
    keep([] if spelled is None else [spelled], "piece")
    near: list[dict[str, Any]] = []
    if tokenizer.vocab_size is not None and id_or_string:
        table = entries_of(tokenizer)
        keep(table.by_bytes.get(id_or_string.encode(), []), "bytes")
        keep(table.by_bytes.get(b" " + id_or_string.encode(), []), "with a space")
        if not matches:
            near = nearest(tokenizer, id_or_string, limit=limit)
    return Lookup(
        query=id_or_string,
        one_token=len(ids) == 1,
        encoded=tuple(describe(tokenizer, number) for number in ids),
        matches=tuple(matches),
        nearest=tuple(near),
    )


def nearest(tokenizer: Tokenizer, text: str, *, limit: int = 10) -> list[dict[str, Any]]:
    """The entries nearest to a string by edit distance, described, each with ``distance``.

    Distances are counted in characters; a leading space does not count. Entries that are no whole
    UTF-8 are left out, and none farther than six edits is given.

    Example:
        >>> import workbench as wb
        >>> [row["text"] for row in nearest(wb.load_tokenizer("mistral-v1"), " strawb", limit=1)]
        [' straw']
    """
    found = entries_of(tokenizer).nearest(text, limit)
    return [{**describe(tokenizer, number), "distance": distance} for number, distance in found]


@dataclass(frozen=True, slots=True)
class IdReading:
    r"""Pasted ids, read backwards.

    Attributes:
        ids: the ids as read.
        rows: per id: what :func:`describe` says, ``known`` and ``utf8`` (``whole``, ``begins`` or
            ``continues`` a character, ``invalid``, ``unknown id``).
        data: the tokens' bytes, joined (unknown ids give none).
        text: those bytes as text, invalid ones as ``\xNN``.
        invalid: byte spans of ``data`` that are no UTF-8.
        decoded: what the library's own decoder says, None where an id is unknown.
    """

    ids: tuple[int, ...]
    rows: tuple[dict[str, Any], ...]
    data: bytes
    text: str
    invalid: tuple[tuple[int, int], ...]
    decoded: str | None

    def to_dict(self) -> dict[str, Any]:
        """As dictionaries and lists that ``json.dumps`` takes; ``data`` is in hex."""
        return {**asdict(self), "data": self.data.hex(" ")}

    def to_frame(self) -> pl.DataFrame:
        """One row per id."""
        schema = {
            "id": pl.Int64, "known": pl.Boolean, "piece": pl.String, "bytes": pl.String,
            "text": pl.String, "utf8": pl.String, "is_special": pl.Boolean,
        }  # fmt: skip
        return pl.DataFrame(
            [{name: row.get(name) for name in schema} for row in self.rows], schema=schema
        )


def read_ids(tokenizer: Tokenizer, source: Any) -> IdReading:
    r"""Read ids in any usual notation back to bytes and text, broken UTF-8 shown as it is.

    Args:
        tokenizer: whose ids they are.
        source: anything :func:`parse_ids` understands.

    Raises:
        TokenizerError: something pasted is no id. Ids outside the vocabulary are no error: they
            are marked.

    Example:
        >>> import workbench as wb
        >>> reading = read_ids(wb.load_tokenizer("bytes"), "[0x68, 195, 169, 0xff, 999]")
        >>> reading.text, reading.invalid, [row["utf8"] for row in reading.rows]
        ('hé\\xff', ((3, 4),), ['whole', 'begins', 'continues', 'invalid', 'unknown id'])
    """
    ids = parse_ids(source)
    described: list[dict[str, Any] | None] = []
    pieces: list[bytes] = []
    for number in ids:
        try:
            described.append(describe(tokenizer, number))
            pieces.append(tokenizer.token_bytes(number))
        except TokenizerError:
            described.append(None)
            pieces.append(b"")
    data = b"".join(pieces)
    invalid = invalid_spans(data)
    rows: list[dict[str, Any]] = []
    place = 0
    for number, row, piece in zip(ids, described, pieces, strict=True):
        if row is None:
            rows.append({"id": number, "known": False, "utf8": "unknown id"})
            continue
        state = _utf8_state(data, place, place + len(piece), invalid)
        rows.append({**row, "known": True, "utf8": state})
        place += len(piece)
    known = all(row is not None for row in described)
    return IdReading(
        ids=tuple(ids),
        rows=tuple(rows),
        data=data,
        text=spell(data),
        invalid=tuple(invalid),
        decoded=tokenizer.decode(ids) if known else None,
    )


def invalid_spans(data: bytes) -> list[tuple[int, int]]:
    r"""Byte spans that are no UTF-8.

    Example:
        >>> invalid_spans(b"a\xff\xe2\x82z")
        [(1, 2), (2, 4)]
    """
    found: list[tuple[int, int]] = []

    def note(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        found.append((error.start, error.end))
        return "", error.end

    codecs.register_error("workbench.note", note)
    data.decode("utf-8", "workbench.note")
    return found


def _utf8_state(data: bytes, start: int, end: int, invalid: list[tuple[int, int]]) -> str:
    if any(left < end and start < right for left, right in invalid):
        return "invalid"
    if start < len(data) and start < end and data[start] & 0xC0 == 0x80:
        return "continues"
    if end < len(data) and data[end] & 0xC0 == 0x80:
        return "begins"
    return "whole"


def token_page(
    tokenizer: Tokenizer,
    number: int,
    others: Sequence[Tokenizer] = (),
    *,
    limit: int = 12,
) -> dict[str, Any]:
    """A page about one token, as dictionaries and lists that ``json.dumps`` takes.

    Args:
        tokenizer: whose token.
        number: its id.
        others: tokenizers to look its bytes up in.
        limit: how many neighbours of each kind.

    Returns:
        ``entry``; ``neighbours`` with ``starts_with_it``, ``ends_with_it``, ``begins_it`` (entries
        it starts with), ``finishes_it`` (entries it ends with), ``edits`` and ``same_letters``
        (the same but for case and spaces); ``decomposition`` (how the library cuts its text, with
        its tree); ``others``: for each other tokenizer the ids with the same bytes, and how it
        cuts them.

    Raises:
        TokenizerError: the id is not in the vocabulary.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> page = token_page(tok, tok.id_of("▁straw"), [wb.load_tokenizer("tekken")])
        >>> page["entry"]["text"], page["others"][0]["has"]
        (' straw', True)
    """
    entry = describe(tokenizer, number)
    data = tokenizer.token_bytes(number)
    table = entries_of(tokenizer)
    text = data.decode() if entry["whole_utf8"] else None
    parts = {
        "starts_with_it": table.starting_with(data, limit),
        "ends_with_it": table.ending_with(data, limit),
        "begins_it": _known(table, [data[:end] for end in range(len(data) - 1, 0, -1)], limit),
        "finishes_it": _known(table, [data[start:] for start in range(1, len(data))], limit),
        "same_letters": _variants(table, text, number)[:limit] if text else [],
    }
    neighbours: dict[str, list[dict[str, Any]]] = {
        kind: [describe(tokenizer, other) for other in numbers] for kind, numbers in parts.items()
    }
    near = nearest(tokenizer, text, limit=limit + 1) if text else []
    neighbours["edits"] = [row for row in near if row["id"] != number][:limit]
    return {
        "tokenizer": tokenizer.name,
        "entry": entry,
        "neighbours": neighbours,
        "decomposition": _decomposition(tokenizer, text),
        "others": [_elsewhere(other, data, text) for other in others],
    }


def _known(table: Entries, candidates: list[bytes], limit: int) -> list[int]:
    found = [number for data in candidates for number in table.by_bytes.get(data, [])]
    return found[:limit]


def _variants(table: Entries, text: str, number: int) -> list[int]:
    bare = text.strip()
    forms = {bare, bare.lower(), bare.upper(), bare.capitalize(), bare.title(), bare.casefold()}
    spaced = forms | {f" {form}" for form in forms}
    found = {i for form in spaced if form for i in table.by_bytes.get(form.encode(), [])}
    return sorted(found - {number})


def _decomposition(tokenizer: Tokenizer, text: str | None) -> dict[str, Any] | None:
    """How the library cuts the token's own text, None where its bytes are no text."""
    if not text:
        return None
    derivation = derive(text, tokenizer)
    return {
        "ids": list(derivation.ids),
        "pieces": [tokenizer.piece(other) for other in derivation.ids],
        "trees": [derivation.tree(index) for index in range(len(derivation.ids))],
        "steps": derivation.steps,
    }


def _elsewhere(other: Tokenizer, data: bytes, text: str | None) -> dict[str, Any]:
    ids = [] if other.vocab_size is None else entries_of(other).by_bytes.get(data, [])
    cut = other.encode(text) if text else None
    return {
        "tokenizer": other.name,
        "has": bool(ids),
        "ids": list(ids),
        "pieces": [other.piece(number) for number in ids],
        "encoded": cut,
        "encoded_pieces": None if cut is None else [other.piece(number) for number in cut],
    }

"""Answers to the inspector's questions, as data the browser can draw without thinking.

Each function returns dictionaries and lists that JSON takes. Text that comes from a vocabulary or
from a user goes through `parts_json`, so the browser never sees a control or a bidi mark.
"""

from collections.abc import Sequence
from typing import Any

from workbench.derivation import Derivation, derive
from workbench.derivation.records import Explanation
from workbench.segmentation import Segmentation
from workbench.tokenizers import Tokenizer, TokenizerError
from workbench.views.marks import spoken
from workbench.views.wire import parts_json, piece_json
from workbench.vocabulary import lookup, read_ids, token_page

__all__ = ["about_token", "from_ids", "look_up", "why"]

_PASSAGE = 4000
"""Characters derived at once; of a longer text, only the surroundings of the token."""
_AROUND = 12
"""Parts of a stage shown before and after the one in question."""


def why(seg: Segmentation, index: int, *, parse_special: bool = False) -> dict[str, Any]:
    """Why the token at `index` was cut as it was: stages, and the steps of its pre-token.

    Args:
        seg: the segmentation.
        index: the token.
        parse_special: how the segmentation was made.

    Returns:
        `stages`, `method`, `symbols`, `steps`, `paths`, `tree`, `exact`, and `passage` where only
        a part of the text was derived.

    Raises:
        TokenizerError: if there is no such token, the tokenizer cannot be replayed, or the
            surroundings alone are cut otherwise than in the whole text.
    """
    if not 0 <= index < len(seg):
        raise TokenizerError(f"There is no token {index + 1}: the text has {len(seg)}.")
    derivation, place, passage = _derivation(seg, index, parse_special=parse_special)
    pretoken = derivation.pretoken_of(place)
    start, end = derivation.token_spans[place] if derivation.token_spans else (0, 0)
    low = pretoken.byte_start if pretoken.byte_start is not None else start
    high = pretoken.byte_end if pretoken.byte_end is not None else end
    stages = []
    for stage in derivation.stages:
        last = stage.name == "tokens"
        spans = [(p.byte_start, p.byte_end) for p in stage.parts]
        here = [
            (n == place) if last else a is not None and b is not None and a < high and b > low
            for n, (a, b) in enumerate(spans)
        ]
        centre = here.index(True) if True in here else min(place, max(0, len(here) - 1))
        first = max(0, centre - _AROUND)
        shown = stage.parts[first : centre + _AROUND + 1]
        stages.append(
            {
                "name": stage.name,
                "note": stage.note,
                "before": first,
                "after": max(0, len(stage.parts) - centre - _AROUND - 1),
                "parts": [
                    {"parts": parts_json(part.text.encode()), "here": here[first + n]}
                    for n, part in enumerate(shown)
                ],
            }
        )
    return {
        "token": index,
        "tokenizer": derivation.tokenizer,
        "algorithm": derivation.algorithm,
        "exact": derivation.exact,
        "passage": passage,
        "stages": stages,
        "pretoken": parts_json(pretoken.text.encode()),
        "place": place - pretoken.first_token,
        "tree": _tree(derivation.tree(place)),
        **_explanation(pretoken.explanation),
    }


def _derivation(
    seg: Segmentation, index: int, *, parse_special: bool
) -> tuple[Derivation, int, str]:
    """The derivation of the text, or of a passage around a token, and the token's place in it."""
    if len(seg.text) <= _PASSAGE:
        return derive(seg.text, seg.tokenizer, parse_special=parse_special), index, ""
    token = seg.token(index)
    low = seg.text.rfind("\n", 0, max(0, token.char_start - _PASSAGE // 4)) + 1
    low = max(low, token.char_start - _PASSAGE // 2)
    high = min(len(seg.text), token.char_end + _PASSAGE // 2)
    found = seg.text.find("\n", token.char_end + _PASSAGE // 4, high)
    high = high if found < 0 else found + 1
    derivation = derive(seg.text[low:high], seg.tokenizer, parse_special=parse_special)
    shift = len(seg.text[:low].encode())
    wanted = (token.byte_start - shift, token.byte_end - shift)
    for place, span in enumerate(derivation.token_spans):
        if span == wanted and derivation.ids[place] == token.id:
            return derivation, place, f"Replayed on characters {low:,} to {high:,} of the text."
    raise TokenizerError(
        "The text is too long to be replayed whole, and the surroundings of this token alone are "
        "cut in another way: inspect a shorter passage."
    )


def _explanation(explanation: Explanation) -> dict[str, Any]:
    return {
        "method": explanation.method,
        "note": explanation.note,
        "symbols": [piece_json(symbol) for symbol in explanation.symbols],
        "pieces": len(explanation.ids),
        "steps": [
            {
                "kind": step.kind,
                "at": step.position,
                "piece": piece_json(step.piece),
                "left": None if step.left is None else piece_json(step.left),
                "right": None if step.right is None else piece_json(step.right),
                "rank": step.rank,
                "score": step.score,
                "id": step.id,
                "note": step.note,
            }
            for step in explanation.steps
        ],
        "paths": [
            {
                "score": path.score,
                "pieces": [
                    {"piece": piece_json(piece), "score": score}
                    for piece, score in zip(path.pieces, path.scores, strict=True)
                ],
            }
            for path in explanation.paths
        ],
    }


def _tree(node: dict[str, Any] | None, depth: int = 40) -> dict[str, Any] | None:
    """A merge tree as the browser draws it; below `depth` it is cut off and says so."""
    if node is None:
        return None
    children = node["children"] if depth else []
    return {
        "piece": piece_json(node["piece"]),
        "more": not depth and bool(node["children"]),
        "rank": node["rank"],
        "score": node["score"],
        "children": [_tree(child, depth - 1) for child in children],
    }


def from_ids(tokenizer: Tokenizer, pasted: str) -> dict[str, Any]:
    """Pasted ids read back: the text, its bytes, what is no UTF-8, and whether they come again.

    Args:
        tokenizer: whose ids.
        pasted: ids in any usual notation.

    Raises:
        TokenizerError: if something in it is no id.
    """
    reading = read_ids(tokenizer, pasted)
    again = None
    if reading.decoded is not None and not reading.invalid:
        again = tokenizer.encode(reading.data.decode(), parse_special=True) == list(reading.ids)
    return {
        "tokenizer": tokenizer.name,
        "count": len(reading.ids),
        "bytes": len(reading.data),
        "invalid": [list(span) for span in reading.invalid],
        "parts": parts_json(reading.data),
        "text": reading.data.decode() if not reading.invalid else None,
        "same": again,
        "tokens": [
            {
                "id": row["id"],
                "known": row["known"],
                "state": row["utf8"],
                "piece": piece_json(row.get("piece", "")),
                "hex": row.get("bytes", "").upper(),
                "parts": parts_json(bytes.fromhex(row.get("bytes", ""))),
                "said": spoken(bytes.fromhex(row.get("bytes", ""))),
            }
            for row in reading.rows
        ],
    }


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "piece": piece_json(row["piece"]),
        "hex": row["bytes"].upper(),
        "parts": parts_json(bytes.fromhex(row["bytes"])),
        "said": spoken(bytes.fromhex(row["bytes"])),
        "special": row["is_special"],
        **({"how": row["how"]} if "how" in row else {}),
        **({"distance": row["distance"]} if "distance" in row else {}),
    }


_KINDS = {
    "same_letters": "the same letters, other case or space",
    "starts_with_it": "start with it",
    "ends_with_it": "end with it",
    "begins_it": "it starts with",
    "finishes_it": "it ends with",
    "edits": "nearest by edits",
}


def look_up(tokenizer: Tokenizer, query: str) -> dict[str, Any]:
    """An id or a string looked up: is it one token, which entries spell it, what is nearest.

    Args:
        tokenizer: whose vocabulary.
        query: digits are an id where there is one, and a string besides; in quotes, a string only.

    Raises:
        TokenizerError: if the tokenizer's vocabulary is open.
    """
    quoted = len(query) > 1 and query[0] == query[-1] == '"'
    text = query[1:-1] if quoted else query
    matches: list[dict[str, Any]] = []
    nothing = ""
    if query.strip().isdecimal() and not quoted:
        try:
            matches = [_entry(row) for row in lookup(tokenizer, int(query)).matches]
        except TokenizerError as problem:
            nothing = str(problem)
    found = lookup(tokenizer, text)
    ids = {match["id"] for match in matches}
    matches += [_entry(row) for row in found.matches if row["id"] not in ids]
    return {
        "tokenizer": tokenizer.name,
        "query": parts_json(text.encode()),
        "one": found.one_token,
        "encoded": [_entry(row) for row in found.encoded],
        "matches": matches,
        "nearest": [_entry(row) for row in found.nearest],
        "nothing": nothing,
    }


def about_token(
    tokenizer: Tokenizer, number: int, others: Sequence[Tokenizer] = ()
) -> dict[str, Any]:
    """The page of a token: its entry, neighbours, how its own text is cut, who else has it.

    Raises:
        TokenizerError: if the id is not in the vocabulary.
    """
    page = token_page(tokenizer, number, others)
    cut = page["decomposition"]
    return {
        "tokenizer": tokenizer.name,
        "entry": _entry(page["entry"]),
        "neighbours": [
            {"kind": words, "entries": [_entry(row) for row in page["neighbours"].get(kind, [])]}
            for kind, words in _KINDS.items()
        ],
        "cut": None if cut is None else [piece_json(piece) for piece in cut["pieces"]],
        "itself": None if cut is None else cut["ids"] == [number],
        "others": [
            {
                "tokenizer": row["tokenizer"],
                "has": row["has"],
                "ids": row["ids"],
                "cut": [piece_json(piece) for piece in row["encoded_pieces"] or []],
            }
            for row in page["others"]
        ],
    }

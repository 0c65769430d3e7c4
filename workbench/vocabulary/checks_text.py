"""Health checks on texts: what goes in must come out, the same each time, with its bytes named."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import regex

from workbench.tokenizers import Tokenizer
from workbench.vocabulary.findings import Finding, Subject, shown
from workbench.vocabulary.probes import PROBES, SPACE_PROBES

_SPACES = regex.compile(r"\s+")
_CONTROL_LIKE = regex.compile(r"</?[\w|｜:▁-]{1,40}>|\[/?[A-Z_]{2,20}\]")


def round_trip(subject: Subject) -> Finding:
    """Texts come back from their ids, white space apart (it has a check of its own)."""
    tok = subject.tokenizer
    lost: list[str] = []
    changed: list[str] = []
    for text in PROBES:
        back = tok.decode(tok.encode(text))
        if _squeezed(back) == _squeezed(text):
            continue
        # A normalizer that says so may fold case, accents and compatibility characters.
        folded = _folded(back) == _folded(text)
        (changed if folded else lost).append(_evidence(text, back))
    if lost:
        return Finding.failed(
            f"{len(lost)} of {len(PROBES)} texts come back changed: {lost[0]}",
            "Use byte-level entries or byte fallback, so that no character is without a token; "
            "if the loss is wanted, say so where the tokenizer is described.",
            severity="warning" if tok.unk_id is not None else "error",
        )
    if changed:
        return Finding.failed(
            f"{len(changed)} of {len(PROBES)} texts come back folded: {changed[0]}",
            "The normalizer folds case, accents or compatibility characters: wanted for search, "
            "harmful for generation.",
            severity="warning",
        )
    return Finding.ok(f"{len(PROBES)} texts in many scripts, signs and emoji come back unchanged")


def white_space_lost(subject: Subject) -> Finding:
    """Spaces, tabs and line ends come back."""
    tok = subject.tokenizer
    lost = [
        _evidence(text, tok.decode(tok.encode(text)))
        for text in SPACE_PROBES
        if _only_spaces(tok.decode(tok.encode(text))) != _only_spaces(text)
    ]
    if lost:
        return Finding.failed(
            f"{len(lost)} of {len(SPACE_PROBES)} texts lose white space: {lost[0]}",
            "Keep white space in the pre-tokenizer (byte-level or Metaspace, without "
            "remove_extra_whitespaces): code and Markdown mean something by it.",
            severity="warning",
        )
    return Finding.ok(f"{len(SPACE_PROBES)} texts keep their white space")


def unknown_tokens(subject: Subject) -> Finding:
    """No ordinary text becomes the unknown token."""
    tok = subject.tokenizer
    if tok.unk_id is None:
        return Finding.ok("there is no unknown token")
    unknown = [text for text in PROBES if tok.unk_id in tok.encode(text)]
    if unknown:
        return Finding.failed(
            f"{len(unknown)} of {len(PROBES)} texts hold unknown tokens: "
            f"{tok.unk_id} in tok.encode({shown(unknown[0])})",
            "Add byte fallback or byte-level entries, or train on text in these scripts.",
            severity="warning",
        )
    return Finding.ok(f"the unknown token ({tok.piece(tok.unk_id)}) is not needed on {len(PROBES)}")


def special_tokens_as_text(subject: Subject) -> Finding:
    """Special tokens typed by a user stay text unless they are parsed, and are read if they are."""
    tok = subject.tokenizer
    special = sorted(tok.special_ids - ({tok.unk_id} if tok.unk_id is not None else set()))
    for number in special:
        piece = tok.piece(number)
        if not piece.strip():
            continue
        for text in (f"a {piece} b", piece):
            if number in tok.encode(text):
                return Finding.failed(
                    f"typed by a user it becomes the real one: {number} in "
                    f"tok.encode({shown(text)}), which is {piece!r}",
                    "Take the spelling out of the ordinary vocabulary and its merges, so that only "
                    "a parser that is told to can produce the id.",
                )
        if number not in tok.encode(f"a {piece} b", parse_special=True):
            return Finding.failed(
                f"it is not read where it should be: {number} not in "
                f"tok.encode({shown(f'a {piece} b')}, parse_special=True)",
                "Add it to added_tokens with special: true, normalized: false, and no other "
                "special token that takes a part of it.",
            )
    if not special:
        return Finding.ok("there are no special tokens")
    return Finding.ok(f"{len(special)} special tokens are text when typed, and read when parsed")


def control_tokens_marked(subject: Subject) -> Finding:
    """Added tokens that look like control tokens are marked special."""
    tok = subject.tokenizer
    open_ones = [
        entry
        for entry in tok.definition["added_tokens"]
        if not entry.get("special") and _CONTROL_LIKE.fullmatch(entry["content"])
    ]
    if open_ones:
        content, number = open_ones[0]["content"], open_ones[0]["id"]
        return Finding.failed(
            f"{len(open_ones)} control-like added tokens are not special, so any user can type "
            f"them: {number} in tok.encode({shown(content)})",
            "Set special: true on them, or strip them from what users write.",
            severity="warning",
        )
    return Finding.ok("every added token that looks like a control token is special")


def determinism(subject: Subject) -> Finding:
    """The same text gives the same ids: again, in a batch, and from several threads."""
    tok = subject.tokenizer
    texts = [*PROBES, *SPACE_PROBES]
    first = [tok.encode(text) for text in texts]
    with ThreadPoolExecutor(max_workers=4) as pool:
        rounds = list(pool.map(lambda _: [tok.encode(text) for text in texts], range(4)))
    rounds.append(tok.encode_batch(texts))
    for again in rounds:
        for text, one, other in zip(texts, first, again, strict=True):
            if one != other:
                return Finding.failed(
                    f"tok.encode({shown(text)}) gave {one[:8]} and then {other[:8]}",
                    "Switch dropout off, and share nothing mutable between threads.",
                )
    return Finding.ok(f"{len(texts)} texts give the same ids in 4 threads and in a batch")


def normalizer_idempotent(subject: Subject) -> Finding:
    """Normalizing twice changes nothing more than normalizing once."""
    normalize = _normalizer(subject.tokenizer)
    if normalize is None:
        return Finding.ok("there is no normalizer")
    for text in (*PROBES, *SPACE_PROBES):
        once = normalize(text)
        twice = normalize(once)
        if twice != once:
            return Finding.failed(
                f"normalize({shown(text)}) is {shown(once)}, and normalized again {shown(twice)}",
                "Order the steps so that the last one leaves nothing for the first (for example "
                "NFKC after lower-casing), or replace what re-creates its own pattern.",
                severity="warning",
            )
    return Finding.ok("normalizing twice is normalizing once")


def _normalizer(tok: Tokenizer) -> Any:
    """The normalizer as a function on text, its ▁ and its leading space taken off again."""
    if tok.library == "sentencepiece":
        raw = tok.backend.normalize
    elif tok.library == "tokenizers" and tok.backend.normalizer is not None:
        raw = tok.backend.normalizer.normalize_str
    else:
        return None
    return lambda text: raw(text).replace("▁", " ").lstrip(" ")


def offsets(subject: Subject) -> Finding:
    """The library's own offsets name every character, and in order."""
    tok = subject.tokenizer
    if tok.library != "tokenizers":
        return Finding.not_applicable(
            f"{tok.library} reports no character offsets; the workbench makes its own"
        )
    for text in PROBES:
        encoding = tok.backend.encode(text, add_special_tokens=False)
        problem = _offset_problem(text, encoding.offsets)
        if problem:
            return Finding.failed(
                f"tokenizer.encode({shown(text)}).offsets: {problem}",
                "Map ids to text through bytes (workbench.segment does) instead of these offsets; "
                "a normalizer that composes characters loses their places.",
                severity="warning",
            )
    return Finding.ok(f"the library's offsets name every character of {len(PROBES)} texts")


def _offset_problem(text: str, spans: Sequence[tuple[int, int]]) -> str | None:
    covered = [False] * len(text)
    before = 0
    for start, end in spans:
        if not 0 <= start <= end <= len(text):
            return f"({start}, {end}) lies outside the {len(text)} characters"
        if start < before:
            return f"({start}, {end}) begins before its predecessor"
        before = start
        covered[start:end] = [True] * (end - start)
    for place, character in enumerate(text):
        if not covered[place] and not character.isspace() and character.isprintable():
            return f"character {place}, {unicodedata.name(character, 'unnamed')}, is in no token"
    return None


def _evidence(text: str, back: str) -> str:
    return f"tok.decode(tok.encode({shown(text)})) is {shown(back)}"


def _squeezed(text: str) -> str:
    return _SPACES.sub("", text)


def _only_spaces(text: str) -> str:
    return regex.sub(r"\S", "x", text)


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return regex.sub(r"[\s\p{M}\p{Cf}\p{Cc}]", "", decomposed)

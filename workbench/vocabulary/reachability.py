"""Which entries a text can produce, and why the others cannot.

An entry is *reachable* when some text makes the tokenizer use it. Encoding its own text is not
enough: SentencePiece puts a space before every text, so half of its entries would wrongly look
dead. Each is therefore tried alone and then in contexts (after a line end, after a letter, …), and
only what no context produces is *unreachable*. Entries that are no whole UTF-8 are *undecodable*:
no text spells them alone.

Source: Land and Bartolo 2024 (arXiv 2405.05417), with the contexts added.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from workbench.derivation import engine_for
from workbench.tokenizers import Tokenizer, TokenizerError
from workbench.vocabulary.entries import Entries, entries_of

#: A large vocabulary takes a second or two to try, and audit and health check both ask.
_KEPT = 6
_known: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()

KINDS = ("reachable", "special", "undecodable", "unreachable")

# (before, after): tried in turn, each on what the ones before did not produce.
CONTEXTS: tuple[tuple[str, str], ...] = (
    ("", ""), ("\n", ""), ("a", ""), ("", "a"), (" ", ""), ("\n", "a"), ("a", "a"), (".", ""),
    ("1", ""), ("", "\n"), ("", "1"), ("(", ")"), ("x", " "), ("-", "-"), ("é", ""), ("的", ""),
)  # fmt: skip


def reachability(tokenizer: Tokenizer, ids: Sequence[int] | None = None) -> list[tuple[str, str]]:
    """Kind and reason for every entry, in the order of ``tokenizer.ids()``.

    Args:
        tokenizer: any with a closed vocabulary.
        ids: ask about these only, in their order.

    Returns:
        ``(kind, why)``; ``why`` is empty for reachable entries.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> kinds = reachability(tok)
        >>> kinds[tok.id_of("▁the")], kinds[tok.id_of("<0x41>")][0]
        (('reachable', ''), 'unreachable')
    """
    entries = entries_of(tokenizer)
    if ids is not None:
        return _examine(tokenizer, entries, [entries.place[number] for number in ids])
    key = tokenizer.fingerprint
    if key not in _known:
        _known[key] = _examine(tokenizer, entries, range(len(entries)))
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return list(_known[key])


def _examine(
    tokenizer: Tokenizer, entries: Entries, places: Sequence[int]
) -> list[tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    waiting: list[int] = []
    for place in places:
        text = entries.texts[place]
        if tokenizer.is_special(entries.ids[place]):
            found[place] = ("special", "read only where special tokens are parsed")
        elif text is None:
            found[place] = ("undecodable", "part of a character: no text spells it alone")
        elif not text:
            found[place] = ("unreachable", "it stands for no bytes at all")
        else:
            found[place] = ("reachable", "")
            waiting.append(place)
    waiting = _try(tokenizer, entries, waiting, CONTEXTS)
    if waiting and tokenizer.algorithm == "WordPiece":
        letters = [t for t in entries.texts if t and len(t) == 1 and t.isalpha()]
        waiting = _try(tokenizer, entries, waiting, [(letter, "") for letter in letters[:120]])
    for place in waiting:
        found[place] = ("unreachable", _why(tokenizer, entries, place))
    return [found[place] for place in places]


def _try(
    tokenizer: Tokenizer,
    entries: Entries,
    waiting: list[int],
    contexts: Sequence[tuple[str, str]],
) -> list[int]:
    """The entries that none of the contexts produces."""
    for before, after in contexts:
        if not waiting:
            break
        texts = [f"{before}{entries.texts[place]}{after}" for place in waiting]
        if tokenizer.library == "tiktoken":
            # Its batches spend ten times as long in threads as in encoding such short texts.
            encoded = [tokenizer.encode(text) for text in texts]
        else:
            encoded = tokenizer.encode_batch(texts)
        waiting = [
            place
            for place, ids in zip(waiting, encoded, strict=True)
            if entries.ids[place] not in ids
        ]
    return waiting


def _why(tokenizer: Tokenizer, entries: Entries, place: int) -> str:
    """The reason in a few words, found by following the entry's own text."""
    text = entries.texts[place] or ""
    number = entries.ids[place]
    twins = [other for other in entries.by_bytes.get(entries.data[place], []) if other != number]
    if twins:
        other = tokenizer.piece(twins[0])
        return f"the same bytes have another entry, {other!r} ({twins[0]}), that is always taken"
    ids = tokenizer.encode(text)
    instead = " ".join(tokenizer.piece(other) for other in ids[:6]) + (" …" if len(ids) > 6 else "")
    try:
        parts = engine_for(tokenizer).units(text, parse_special=False)
    except TokenizerError:
        return f"its text gives {instead}"
    if any(part.added is not None for part in parts):
        return f"an added token is cut out of its text first: {instead}"
    units = [part.text for part in parts]
    piece = entries.pieces[place]
    if not units:
        return "the normalizer or the pre-tokenizer drops it"
    bare = piece.removeprefix("##")
    if len(units) > 1 and "".join(units).lstrip("▁ Ġ") in {bare, bare.lstrip("▁ Ġ"), text}:
        return f"the pre-tokenizer cuts it: {' | '.join(units[:6])}"
    if "".join(units).lstrip("▁ Ġ") not in {bare.lstrip("▁ Ġ"), text.lstrip(), text}:
        return f"the normalizer or the pre-tokenizer turns it into {''.join(units)!r:.60}"
    return f"its text gives {instead}"

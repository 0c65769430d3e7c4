"""What each entry of a BPE vocabulary is made of: its two merge parents, and all its ancestors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

from workbench.tokenizers import Tokenizer

T = TypeVar("T", str, bytes)

#: The merges of a large vocabulary take seconds to find and are asked for again and again.
_KEPT = 4
_known: OrderedDict[str, dict[int, tuple[Parents, ...]]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Parents:
    """The merge that makes an entry: ids of the two parts, and its rank (smaller is earlier)."""

    left: int
    right: int
    rank: int


def last_pair(parts: Sequence[T], rank_of: Callable[[T], int | None]) -> tuple[T, T] | None:
    """The two parts that, merged last, make the whole; None where merging does not lead there.

    Args:
        parts: the starting symbols.
        rank_of: rank of a merged symbol, None where it is no entry.

    Example:
        >>> ranks = {"ab": 0, "abc": 1}
        >>> last_pair("abc", ranks.get), last_pair("cab", ranks.get)
        (('ab', 'c'), None)
    """
    symbols = list(parts)
    ranks = [rank_of(symbols[i] + symbols[i + 1]) for i in range(len(symbols) - 1)]
    while len(symbols) > 2:
        best, place = None, -1
        for index, rank in enumerate(ranks):
            if rank is not None and (best is None or rank < best):
                best, place = rank, index
        if best is None:
            return None
        symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
        del ranks[place]
        if place > 0:
            ranks[place - 1] = rank_of(symbols[place - 1] + symbols[place])
        if place < len(ranks):
            ranks[place] = rank_of(symbols[place] + symbols[place + 1])
    if len(symbols) == 2 and ranks[0] is not None:
        return symbols[0], symbols[1]
    return None


def merge_parents(tokenizer: Tokenizer) -> dict[int, Parents]:
    """The merge that makes each entry, by id; starting symbols and special tokens have none.

    Entries that merging alone never reaches (a library may still take them whole) are absent.
    Where several may make one, this is the first of :func:`merge_options`.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> parents = merge_parents(tok)[tok.id_of("▁straw")]
        >>> tok.piece(parents.left), tok.piece(parents.right)
        ('▁st', 'raw')
    """
    return {number: options[0] for number, options in merge_options(tokenizer).items()}


def merge_options(tokenizer: Tokenizer) -> dict[int, tuple[Parents, ...]]:
    """Every merge that some text may make an entry with, by id.

    Merging goes the same way inside every text, so most entries have one. An entry has several
    where it can start from different symbols (a list of merges with a prefix of inner characters
    or a suffix of last ones), and all that spell it where symbols stand in for characters without
    an entry (bytes, the unknown token) and take part in merges.

    Args:
        tokenizer: any; one without merges has none.

    Returns:
        One merge or more by id, in the order of ranks.

    Example:
        >>> import workbench as wb
        >>> options = merge_options(wb.load_tokenizer("mistral-v1"))
        >>> {len(several) for several in options.values()}
        {1}
    """
    if tokenizer.algorithm != "BPE":
        return {}
    key = tokenizer.fingerprint
    if key not in _known:
        _known[key] = _merge_options(tokenizer)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return _known[key]


def _merge_options(tokenizer: Tokenizer) -> dict[int, tuple[Parents, ...]]:
    model = tokenizer.definition["model"]
    if tokenizer.library == "tokenizers":
        return _from_merge_list(model)
    if tokenizer.library == "tiktoken":
        return _from_ranks({bytes.fromhex(data): rank for rank, data in model["ranks"]})
    if tokenizer.library == "sentencepiece":
        return _from_scores(model["pieces"])
    return {}


def _from_ranks(ranks: Mapping[bytes, int]) -> dict[int, tuple[Parents, ...]]:
    found: dict[int, tuple[Parents, ...]] = {}
    lookup = ranks.get
    for data, rank in ranks.items():
        if len(data) < 2:
            continue
        pair = last_pair([data[i : i + 1] for i in range(len(data))], lookup)
        if pair:
            found[rank] = (Parents(ranks[pair[0]], ranks[pair[1]], rank),)
    return found


def _from_scores(pieces: Sequence[Sequence[Any]]) -> dict[int, tuple[Parents, ...]]:
    mergeable = {piece: number for number, (piece, _, kind) in enumerate(pieces) if kind in {1, 5}}
    distinct = sorted({pieces[number][1] for number in mergeable.values()}, reverse=True)
    place = {score: rank for rank, score in enumerate(distinct)}
    ranks = {piece: place[pieces[number][1]] for piece, number in mergeable.items()}
    found: dict[int, tuple[Parents, ...]] = {}
    for piece, number in mergeable.items():
        pair = last_pair(piece, ranks.get) if len(piece) > 1 else None
        if pair and pair[0] in mergeable and pair[1] in mergeable:
            made_of = Parents(mergeable[pair[0]], mergeable[pair[1]], ranks[piece])
            found[number] = (made_of,)
    return found


def _from_merge_list(model: Mapping[str, Any]) -> dict[int, tuple[Parents, ...]]:
    vocab: dict[str, int] = model["vocab"]
    skipped = len(model.get("continuing_subword_prefix") or "")
    merges: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, merge in enumerate(model["merges"]):
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        made = vocab.get(left + right[skipped:])
        if made is not None and left in vocab and right in vocab:
            # A later duplicate replaces an earlier one, as in the library's map.
            merges[vocab[left], vocab[right]] = (rank, made)
    makers: dict[int, list[Parents]] = {}
    for (first, second), (rank, made) in sorted(merges.items(), key=lambda item: item[1]):
        makers.setdefault(made, []).append(Parents(first, second, rank))
    ambiguous = {made for made, options in makers.items() if len(options) > 1}
    undecided = ambiguous and _made_of_stand_ins(model, merges)
    spelled = {number: piece for piece, number in vocab.items() if number in ambiguous}
    found: dict[int, tuple[Parents, ...]] = {}
    for made, options in makers.items():
        found[made] = tuple(options)
        if made in ambiguous and made not in undecided:
            pairs = _last_merges(model, merges, spelled[made])
            fired = tuple(option for option in options if (option.left, option.right) in pairs)
            # No start leads to an entry that only a library's shortcut gives: one serves to show.
            found[made] = fired or tuple(options[:1])
    return found


def _made_of_stand_ins(
    model: Mapping[str, Any], merges: Mapping[tuple[int, int], tuple[int, int]]
) -> set[int]:
    """Entries that may hold a symbol which stands for a character without an entry.

    Their spelling does not tell the symbols that they start from.
    """
    vocab: dict[str, int] = model["vocab"]
    names = [model.get("unk_token")]
    if model.get("byte_fallback"):
        names += [f"<0x{byte:02X}>" for byte in range(256)]
    symbols = {vocab[name] for name in names if name in vocab}
    found: set[int] = set()
    while True:
        parts = symbols | found
        grown = {made for pair, (_, made) in merges.items() if not parts.isdisjoint(pair)}
        if grown <= found:
            return found
        found |= grown


def _last_merges(
    model: Mapping[str, Any], merges: Mapping[tuple[int, int], tuple[int, int]], piece: str
) -> set[tuple[int, int]]:
    """The pairs that merging an entry's characters ends with, one for each way to start.

    A text decides the way: its inner characters begin with the prefix, its last one ends with the
    suffix, and the characters of prefix and suffix may be text themselves.
    """
    from workbench.derivation.bpe import run_merges

    vocab: dict[str, int] = model["vocab"]
    prefix: str = model.get("continuing_subword_prefix") or ""
    suffix: str = model.get("end_of_word_suffix") or ""
    pairs: set[tuple[int, int]] = set()
    for head, tail in product({"", prefix}, {"", suffix}):
        body = piece.removeprefix(head).removesuffix(tail)
        if not body or head + body + tail != piece:
            continue
        starting = [prefix + character for character in body]
        starting[0] = head + body[0]
        starting[-1] += tail
        if any(symbol not in vocab for symbol in starting):
            continue
        symbols = [vocab[symbol] for symbol in starting]
        run = run_merges(symbols, lambda left, right: merges.get((left, right)))
        if run.symbols == [vocab[piece]] and run.steps:
            made_of = dict(enumerate(symbols)) | {step.node: step.merged for step in run.steps}
            pairs.add((made_of[run.steps[-1].left], made_of[run.steps[-1].right]))
    return pairs


def ancestors(
    ids: Iterable[int], parents: Mapping[int, Parents] | Mapping[int, Sequence[Parents]]
) -> set[int]:
    """The ids, and everything they are merged from, down to the starting symbols.

    Args:
        ids: any.
        parents: of :func:`merge_parents`, or all of :func:`merge_options`.

    Example:
        >>> sorted(ancestors([9], {9: Parents(7, 8, 1), 7: Parents(1, 2, 0)}))
        [1, 2, 7, 8, 9]
    """
    closed: set[int] = set()
    waiting = list(ids)
    while waiting:
        number = waiting.pop()
        if number in closed:
            continue
        closed.add(number)
        made = parents.get(number, ())
        for pair in (made,) if isinstance(made, Parents) else made:
            waiting += [pair.left, pair.right]
    return closed

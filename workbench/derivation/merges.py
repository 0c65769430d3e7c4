"""What each entry of a BPE vocabulary is made of: its two merge parents, and all its ancestors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.tokenizers import Tokenizer

T = TypeVar("T", str, bytes)

#: The merges of a large vocabulary take seconds to find and are asked for again and again.
_KEPT = 4
_known: OrderedDict[str, dict[int, Parents]] = OrderedDict()


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

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> parents = merge_parents(tok)[tok.id_of("▁straw")]
        >>> tok.piece(parents.left), tok.piece(parents.right)
        ('▁st', 'raw')
    """
    if tokenizer.algorithm != "BPE":
        return {}
    key = tokenizer.fingerprint
    if key not in _known:
        _known[key] = _merge_parents(tokenizer)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return _known[key]


def _merge_parents(tokenizer: Tokenizer) -> dict[int, Parents]:
    model = tokenizer.definition["model"]
    if tokenizer.library == "tokenizers":
        return _from_merge_list(model)
    if tokenizer.library == "tiktoken":
        return _from_ranks({bytes.fromhex(data): rank for rank, data in model["ranks"]})
    if tokenizer.library == "sentencepiece":
        return _from_scores(model["pieces"])
    return {}


def _from_ranks(ranks: Mapping[bytes, int]) -> dict[int, Parents]:
    found: dict[int, Parents] = {}
    lookup = ranks.get
    for data, rank in ranks.items():
        if len(data) < 2:
            continue
        pair = last_pair([data[i : i + 1] for i in range(len(data))], lookup)
        if pair:
            found[rank] = Parents(ranks[pair[0]], ranks[pair[1]], rank)
    return found


def _from_scores(pieces: Sequence[Sequence[Any]]) -> dict[int, Parents]:
    mergeable = {piece: number for number, (piece, _, kind) in enumerate(pieces) if kind in {1, 5}}
    distinct = sorted({pieces[number][1] for number in mergeable.values()}, reverse=True)
    place = {score: rank for rank, score in enumerate(distinct)}
    ranks = {piece: place[pieces[number][1]] for piece, number in mergeable.items()}
    found: dict[int, Parents] = {}
    for piece, number in mergeable.items():
        pair = last_pair(piece, ranks.get) if len(piece) > 1 else None
        if pair and pair[0] in mergeable and pair[1] in mergeable:
            found[number] = Parents(mergeable[pair[0]], mergeable[pair[1]], ranks[piece])
    return found


def _from_merge_list(model: Mapping[str, Any]) -> dict[int, Parents]:
    vocab: dict[str, int] = model["vocab"]
    prefix = model.get("continuing_subword_prefix") or ""
    makers: dict[int, list[Parents]] = {}
    for rank, merge in enumerate(model["merges"]):
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        made = vocab.get(left + right[len(prefix) :])
        if made is not None and left in vocab and right in vocab:
            makers.setdefault(made, []).append(Parents(vocab[left], vocab[right], rank))
    found: dict[int, Parents] = {}
    ambiguous: list[int] = []
    for made, options in makers.items():
        found[made] = options[0]
        if len(options) > 1:
            ambiguous.append(made)
    if ambiguous and not prefix and not model.get("end_of_word_suffix"):
        _decide(model, makers, ambiguous, found)
    return found


def _decide(
    model: Mapping[str, Any],
    makers: Mapping[int, list[Parents]],
    ambiguous: list[int],
    found: dict[int, Parents],
) -> None:
    """Of several merges that spell one entry, keep the one that the merging of it ends with."""
    from workbench.derivation.bpe import run_merges
    from workbench.derivation.models import MergeListModel

    replay = MergeListModel(model)
    spelled = {number: piece for piece, number in model["vocab"].items()}
    for made in ambiguous:
        starting = [model["vocab"].get(character) for character in spelled[made]]
        if any(number is None for number in starting):
            continue
        symbols = [number for number in starting if number is not None]
        run = run_merges(symbols, replay.pair)
        if run.symbols == [made] and run.steps:
            last = run.steps[-1]
            made_of = dict(enumerate(symbols))
            made_of |= {step.node: step.merged for step in run.steps}
            pair = (made_of[last.left], made_of[last.right])
            found[made] = next(
                option for option in makers[made] if (option.left, option.right) == pair
            )


def ancestors(ids: Iterable[int], parents: Mapping[int, Parents]) -> set[int]:
    """The ids, and everything they are merged from, down to the starting symbols.

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
        made = parents.get(number)
        if made:
            waiting += [made.left, made.right]
    return closed

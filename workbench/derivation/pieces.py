"""SentencePiece: BPE by scores and Unigram, over the whole normalized text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import regex

from workbench.derivation.added_tokens import AddedToken, AddedTokenFinder
from workbench.derivation.bpe import run_merges
from workbench.derivation.engines import Engine, Prepared, Unit, counted
from workbench.derivation.records import Explanation, LatticePath, Node, Part, Stage, Step
from workbench.derivation.unigram import UNKNOWN_PENALTY, Lattice

#: Types of pieces in the model file.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class PieceTable:
    """The pieces of a model by id, and whether unknown characters fall back to bytes."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]
    byte_fallback: bool

    @property
    def unknown_id(self) -> int:
        """The id of the one piece of type unknown."""
        return self.types.index(UNKNOWN)


class _PieceEngine(Engine):
    """What both kinds of SentencePiece model share."""

    def __init__(
        self, table: PieceTable, normalize: Callable[[str], str], special: Mapping[str, int]
    ) -> None:
        super().__init__()
        self._table = table
        self._normalize = normalize
        self._special = AddedTokenFinder(
            AddedToken(number, text, special=True) for text, number in special.items()
        )
        self._unknown = table.unknown_id
        # Only these can be found in a text; control, unknown and byte pieces are out of its reach.
        self._reachable = {
            piece: number
            for number, piece in enumerate(table.pieces)
            if table.types[number] in (NORMAL, USER_DEFINED, UNUSED)
        }
        self._bytes = {
            int(piece[3:5], 16): number
            for number, piece in enumerate(table.pieces)
            if table.types[number] == BYTE
        }
        users = sorted(
            (p for n, p in enumerate(table.pieces) if table.types[n] == USER_DEFINED and p),
            key=len,
            reverse=True,
        )
        self._users = regex.compile("|".join(map(regex.escape, users))) if users else None

    def units(self, text: str, *, parse_special: bool) -> list[Unit]:
        """The normalized text, whole: this library does not cut before its model.

        It never reads special tokens in a text; where they are parsed, the text is cut at them
        first and each stretch is normalized alone.
        """
        found: list[Unit] = []
        for start, end, added in self._special.split(text, parse_special=parse_special):
            stretch = text[start:end] if added is not None else self._normalize(text[start:end])
            if stretch:
                found.append(Unit(stretch, None, None, added))
        return found

    def prepare(self, text: str, *, parse_special: bool) -> Prepared:
        """Source and normalized text."""
        units = self.units(text, parse_special=parse_special)
        whole = len(text.encode())
        normalized = "".join(unit.text for unit in units)
        parts = tuple(Part(unit.text, None, None) for unit in units)
        note = (
            "Unchanged."
            if normalized == text
            else "Spaces are written ▁ and the model's own rules are applied."
        )
        return Prepared(
            (
                Stage("source", (Part(text, 0, whole),), "The text as typed."),
                Stage("normalized", parts, note),
                Stage("pre-tokens", parts, "Not cut: the model is given the whole text."),
            ),
            tuple(units),
        )

    def _finish(self, pieces: list[tuple[str, int]]) -> list[tuple[str, list[int]]]:
        """Pieces with the ids they are written as: bytes for unknown ones, or one run's unknown."""
        done: list[tuple[str, list[int]]] = []
        after_unknown = False
        for text, number in pieces:
            unknown = number == self._unknown
            if unknown and self._table.byte_fallback:
                done.append((text, [self._bytes[byte] for byte in text.encode()]))
            elif unknown and after_unknown:
                done[-1] = (done[-1][0] + text, done[-1][1])
            else:
                done.append((text, [number]))
            after_unknown = unknown
        return done

    cuts_words_afterwards = True


class ScoredMergeEngine(_PieceEngine):
    """SentencePiece BPE: the pair whose piece has the highest score merges first."""

    def __init__(
        self, table: PieceTable, normalize: Callable[[str], str], special: Mapping[str, int]
    ) -> None:
        super().__init__(table, normalize, special)
        # A rank is the place among the distinct scores, highest first: equal scores tie, and the
        # leftmost pair then wins, as in the library.
        distinct = sorted({table.scores[n] for n in self._reachable.values()}, reverse=True)
        place = {score: rank for rank, score in enumerate(distinct)}
        self._ranks = {
            piece: place[table.scores[number]] for piece, number in self._reachable.items()
        }

    def _lookup(self, left: str, right: str) -> tuple[int, str] | None:
        merged = left + right
        rank = self._ranks.get(merged)
        return None if rank is None else (rank, merged)

    def _symbols(self, text: str) -> tuple[list[str], list[bool]]:
        symbols: list[str] = []
        frozen: list[bool] = []
        done = 0
        for match in self._users.finditer(text) if self._users else ():
            symbols.extend(text[done : match.start()])
            frozen.extend([False] * (match.start() - done))
            symbols.append(match.group())
            frozen.append(True)
            done = match.end()
        symbols.extend(text[done:])
        frozen.extend([False] * (len(text) - done))
        return symbols, frozen

    def _resegment(self, piece: str, made_of: dict[str, tuple[str, str]]) -> list[tuple[str, int]]:
        """A piece marked unused is taken apart again, by the merge that made it."""
        number = self._reachable.get(piece, self._unknown)
        if self._table.types[number] != UNUSED or piece not in made_of:
            return [(piece, number)]
        left, right = made_of[piece]
        return self._resegment(left, made_of) + self._resegment(right, made_of)

    def _run(self, text: str, *, record: bool) -> tuple[Explanation, list[int]]:
        symbols, frozen = self._symbols(text)
        unused: dict[str, tuple[str, str]] = {}

        def lookup(left: str, right: str) -> tuple[int, str] | None:
            found = self._lookup(left, right)
            if found and self._table.types[self._reachable[found[1]]] == UNUSED:
                unused[found[1]] = (left, right)
            return found

        run = run_merges(symbols, lookup, frozen=frozen if any(frozen) else None, record=record)
        pieces = [part for symbol in run.symbols for part in self._resegment(symbol, unused)]
        finished = self._finish(pieces)
        ids = [number for _, numbers in finished for number in numbers]
        if not record:
            return Explanation("merges", "", tuple(ids)), ids
        nodes = [
            Node(number, symbol, self._reachable.get(symbol))
            for number, symbol in enumerate(symbols)
        ]
        spelled: dict[int, str] = dict(enumerate(symbols))
        steps: list[Step] = []
        for merge in run.steps:
            spelled[merge.node] = merge.merged
            number = self._reachable[merge.merged]
            score = self._table.scores[number]
            nodes.append(
                Node(merge.node, merge.merged, number, merge.left, merge.right, merge.rank, score)
            )
            steps.append(
                Step(
                    "merge",
                    merge.position,
                    merge.merged,
                    number,
                    left=spelled[merge.left],
                    right=spelled[merge.right],
                    rank=merge.rank,
                    score=score,
                    node=merge.node,
                )
            )
        merges = counted(len(steps), "merge")
        note = f"{counted(len(symbols), 'symbol')}, {merges} in the order of scores."
        roots = self._roots(run.symbols, run.nodes, ids)
        if len(roots) == len(ids) and len(ids) != len(run.symbols):
            note += " What no piece covers is written as bytes."
        return (
            Explanation(
                "merges", note, tuple(ids), tuple(symbols), tuple(steps), tuple(nodes), roots
            ),
            ids,
        )

    def _roots(self, symbols: list[str], nodes: list[int], ids: list[int]) -> tuple[int, ...]:
        """The node each id comes from; bytes of one character share its node."""
        roots: list[int] = []
        for symbol, node in zip(symbols, nodes, strict=True):
            known = symbol in self._reachable
            size = 1 if known or not self._table.byte_fallback else len(symbol.encode())
            roots.extend([node] * size)
        # Runs of unknown characters are one token, and unused pieces fall apart: the nodes then
        # do not line up with the ids, and no tree is promised.
        return tuple(roots) if len(roots) == len(ids) else ()

    def replay(self, unit: str) -> list[int]:
        """See :meth:`Engine.replay`."""
        return self._run(unit, record=False)[1]

    def explain(self, unit: str) -> Explanation:
        """See :meth:`Engine.explain`."""
        return self._run(unit, record=True)[0]


class PieceLatticeEngine(_PieceEngine):
    """SentencePiece Unigram: the path with the highest sum of scores."""

    def __init__(
        self, table: PieceTable, normalize: Callable[[str], str], special: Mapping[str, int]
    ) -> None:
        super().__init__(table, normalize, special)
        normal = [s for s, t in zip(table.scores, table.types, strict=True) if t == NORMAL]
        highest = max(normal, default=0.0)
        scores = {
            piece: (
                len(piece.encode()) * highest - 0.1
                if table.types[number] == USER_DEFINED
                else table.scores[number]
            )
            for piece, number in self._reachable.items()
            if table.types[number] != UNUSED
        }
        self._lattice = Lattice(
            scores,
            unknown_score=min(normal, default=0.0) - UNKNOWN_PENALTY,
            single_precision=True,
        )

    def replay(self, unit: str) -> list[int]:
        """See :meth:`Engine.replay`."""
        paths = self._lattice.best(unit)
        if not paths:
            return []
        pieces = [(p.text, self._id(p.text, known=p.known)) for p in paths[0].pieces]
        return [number for _, numbers in self._finish(pieces) for number in numbers]

    def _id(self, text: str, *, known: bool) -> int:
        return self._reachable[text] if known else self._unknown

    def explain(self, unit: str) -> Explanation:
        """See :meth:`Engine.explain`."""
        paths = self._lattice.best(unit, 2)
        ids = tuple(self.replay(unit))
        records = tuple(
            LatticePath(
                tuple(p.text for p in path.pieces),
                tuple(self._id(p.text, known=p.known) for p in path.pieces),
                tuple(p.score for p in path.pieces),
                path.score,
            )
            for path in paths
        )
        return lattice_explanation(unit, ids, records)


def lattice_explanation(
    unit: str, ids: tuple[int, ...], paths: tuple[LatticePath, ...]
) -> Explanation:
    """The explanation of a Unigram unit: its best path as steps, the runner-up beside it."""
    if not paths:
        return Explanation("lattice", "Nothing to cut.", ids)
    steps: list[Step] = []
    position = 0
    best = paths[0]
    for piece, number, score in zip(best.pieces, best.ids, best.scores, strict=True):
        steps.append(Step("piece", position, piece, number, score=score))
        position += len(piece)
    if len(paths) > 1:
        lead = best.score - paths[1].score
        note = f"The best path leads the runner-up by {lead:.3f} (natural logarithm)."
    else:
        note = "There is only one way through."
    return Explanation("lattice", note, ids, tuple(unit), tuple(steps), paths=paths)

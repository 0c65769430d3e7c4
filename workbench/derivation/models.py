"""The models of ``tokenizers``: BPE, Unigram, WordPiece and WordLevel, from their JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from workbench.derivation.bpe import MergeRun, run_merges
from workbench.derivation.engines import counted
from workbench.derivation.pieces import lattice_explanation
from workbench.derivation.records import Explanation, LatticePath, Node, Step
from workbench.derivation.unigram import UNKNOWN_PENALTY, Lattice, Path
from workbench.derivation.wordpiece import greedy_matches


class Model(ABC):
    """A model of ``tokenizers``: one pre-token in, ids out."""

    @abstractmethod
    def replay(self, word: str) -> list[int]:
        """The ids of a pre-token."""

    @abstractmethod
    def explain(self, word: str) -> Explanation:
        """The ids with the steps that lead to them."""


def model_from(definition: Mapping[str, Any]) -> Model:
    """The replayable model of a ``tokenizer.json``.

    Raises:
        ValueError: a type that this project does not replay, named.
    """
    kinds: dict[str, Callable[[Mapping[str, Any]], Model]] = {
        "BPE": MergeListModel,
        "Unigram": UnigramModel,
        "WordPiece": WordPieceModel,
        "WordLevel": WordLevelModel,
    }
    kind = definition.get("type")
    if kind is None:  # files of before 2020 do not say; only BPE has merges
        kind = "BPE" if "merges" in definition else "WordPiece"
    if kind not in kinds:
        raise ValueError(
            f"a model of type {kind!r} cannot be derived: expected one of {', '.join(kinds)}"
        )
    return kinds[kind](definition)


def _byte_name(byte: int) -> str:
    return f"<0x{byte:02X}>"


class MergeListModel(Model):
    """BPE with a list of merges over ids."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._vocab: dict[str, int] = definition["vocab"]
        self._piece = {number: piece for piece, number in self._vocab.items()}
        self._prefix: str = definition.get("continuing_subword_prefix") or ""
        self._suffix: str = definition.get("end_of_word_suffix") or ""
        self._unknown: str | None = definition.get("unk_token")
        self._fuse = bool(definition.get("fuse_unk"))
        self._fallback = bool(definition.get("byte_fallback"))
        self._ignore_merges = bool(definition.get("ignore_merges"))
        self._merges: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, merge in enumerate(definition["merges"]):
            left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
            merged = left + right[len(self._prefix) :]
            # A later duplicate replaces an earlier one, as in the library's map.
            pair = (self._vocab[left], self._vocab[right])
            self._merges[pair] = (rank, self._vocab[merged])

    def pair(self, left: int, right: int) -> tuple[int, int] | None:
        """Rank and result of a pair of ids, None where they do not merge."""
        return self._merges.get((left, right))

    def _start(self, word: str) -> tuple[list[int], list[str]]:
        """Starting ids, and the text of each.

        Characters without an entry fall back to bytes or are unknown, or vanish where the model
        has no unknown token, as in the library.
        """
        ids: list[int] = []
        texts: list[str] = []
        pending: tuple[int, str] | None = None
        for index, character in enumerate(word):
            spelled = character if index == 0 else self._prefix + character
            if index == len(word) - 1:
                spelled += self._suffix
            number = self._vocab.get(spelled)
            if number is not None:
                if pending:
                    ids.append(pending[0])
                    texts.append(pending[1])
                    pending = None
                ids.append(number)
                texts.append(spelled)
                continue
            if self._fallback:
                names = [_byte_name(byte) for byte in spelled.encode()]
                if all(name in self._vocab for name in names):
                    ids.extend(self._vocab[name] for name in names)
                    texts.extend(names)
                    continue
            if self._unknown is not None:
                number = self._vocab[self._unknown]
                if pending and self._fuse:
                    pending = (number, pending[1] + character)
                else:
                    if pending:
                        ids.append(pending[0])
                        texts.append(pending[1])
                    pending = (number, character)
        if pending:
            ids.append(pending[0])
            texts.append(pending[1])
        return ids, texts

    def _run(self, word: str, *, record: bool) -> tuple[MergeRun[int], list[int], list[str]]:
        ids, texts = self._start(word)
        return run_merges(ids, self.pair, record=record), ids, texts

    def replay(self, word: str) -> list[int]:
        """See :meth:`Model.replay`."""
        if self._ignore_merges and word in self._vocab:
            return [self._vocab[word]]
        return self._run(word, record=False)[0].symbols

    def explain(self, word: str) -> Explanation:
        """See :meth:`Model.explain`."""
        run, starting, texts = self._run(word, record=True)
        nodes = [
            Node(number, texts[number], identifier) for number, identifier in enumerate(starting)
        ]
        spelled = dict(enumerate(texts))
        steps: list[Step] = []
        for merge in run.steps:
            piece = self._piece[merge.merged]
            spelled[merge.node] = piece
            nodes.append(Node(merge.node, piece, merge.merged, merge.left, merge.right, merge.rank))
            steps.append(
                Step(
                    "merge",
                    merge.position,
                    piece,
                    merge.merged,
                    left=spelled[merge.left],
                    right=spelled[merge.right],
                    rank=merge.rank,
                    node=merge.node,
                )
            )
        made = (tuple(texts), tuple(steps), tuple(nodes), tuple(run.nodes))
        whole = self._vocab.get(word) if self._ignore_merges else None
        if whole is None:
            merges = counted(len(steps), "merge")
            note = f"{counted(len(starting), 'symbol')}, {merges} in the order of ranks."
            return Explanation("merges", note, tuple(run.symbols), *made)
        if run.symbols == [whole]:
            note = "The whole stretch is an entry and is taken at once; its merges are shown."
            return Explanation("whole entry", note, (whole,), *made)
        note = (
            "The whole stretch is an entry and is taken at once (ignore_merges); "
            f"merging alone would have ended with {len(run.symbols)} tokens."
        )
        lookup = Step("lookup", 0, word, whole, note=note)
        return Explanation("whole entry", note, (whole,), tuple(texts), (lookup,))


class UnigramModel(Model):
    """Unigram: the path with the highest sum of log-probabilities."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        entries: list[tuple[str, float]] = [(p, float(s)) for p, s in definition["vocab"]]
        self._ids = {piece: number for number, (piece, _) in enumerate(entries)}
        self._unknown: int | None = definition.get("unk_id")
        self._fallback = bool(definition.get("byte_fallback"))
        lowest = min((score for _, score in entries), default=0.0)
        self._lattice = Lattice(
            {piece: entries[number][1] for piece, number in self._ids.items()},
            unknown_score=lowest - UNKNOWN_PENALTY,
        )

    def _fused(self, path: Path) -> list[str]:
        """The pieces of a path, neighbouring unknown ones joined (the library always does)."""
        found: list[str] = []
        joining = False
        for piece in path.pieces:
            unknown = not piece.known or self._ids[piece.text] == self._unknown
            if unknown and joining:
                found[-1] += piece.text
            else:
                found.append(piece.text)
            joining = unknown
        return found

    def replay(self, word: str) -> list[int]:
        """See :meth:`Model.replay`."""
        return self._ids_of(self._lattice.best(word))

    def _ids_of(self, paths: list[Path]) -> list[int]:
        ids: list[int] = []
        for piece in self._fused(paths[0]) if paths else ():
            number = self._ids.get(piece)
            if number is None and self._fallback:
                names = [_byte_name(byte) for byte in piece.encode()]
                if all(name in self._ids for name in names):
                    ids.extend(self._ids[name] for name in names)
                    continue
            if number is None:
                number = self._unknown
            if number is None:
                raise ValueError(
                    f"{piece!r} is not covered and the model has no unknown token (unk_id): "
                    "the library cannot encode it either"
                )
            ids.append(number)
        return ids

    def explain(self, word: str) -> Explanation:
        """See :meth:`Model.explain`."""
        paths = self._lattice.best(word, 2)
        records = tuple(
            LatticePath(
                tuple(p.text for p in path.pieces),
                tuple(self._ids[p.text] if p.known else self._unknown for p in path.pieces),
                tuple(p.score for p in path.pieces),
                path.score,
            )
            for path in paths
        )
        return lattice_explanation(word, tuple(self._ids_of(paths)), records)


class WordPieceModel(Model):
    """WordPiece: the longest match, then the next, all or nothing."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._vocab: dict[str, int] = definition["vocab"]
        self._unknown: str = definition.get("unk_token", "[UNK]")
        self._prefix: str = definition.get("continuing_subword_prefix", "##")
        self._limit: int = definition.get("max_input_chars_per_word", 100)

    def replay(self, word: str) -> list[int]:
        """See :meth:`Model.replay`."""
        matches = greedy_matches(
            word, self._vocab, prefix=self._prefix, max_characters=self._limit, keep_tried=0
        )
        if matches is None or any(match.piece is None for match in matches):
            return [self._vocab[self._unknown]]
        return [self._vocab[match.piece] for match in matches if match.piece is not None]

    def explain(self, word: str) -> Explanation:
        """See :meth:`Model.explain`."""
        ids = tuple(self.replay(word))
        matches = greedy_matches(word, self._vocab, prefix=self._prefix, max_characters=self._limit)
        if matches is None:
            note = (
                f"{len(word)} characters are more than the {self._limit} the model tries: "
                f"the whole word is {self._unknown}."
            )
            step = Step("lookup", 0, self._unknown, ids[0], note=note)
            return Explanation("greedy", note, ids, tuple(word), (step,))
        steps: list[Step] = []
        for match in matches:
            tried = ", ".join(match.tried)
            if match.piece is None:
                note = f"Nothing fits at character {match.start}: the whole word is unknown."
                steps.append(
                    Step(
                        "lookup", match.start, self._unknown, ids[0], note=f"{note} Tried: {tried}"
                    )
                )
            else:
                number = self._vocab[match.piece]
                said = f"Longer ones that are no entry: {tried}" if tried else ""
                steps.append(Step("match", match.start, match.piece, number, note=said))
        whole = "Longest entry first, from the left."
        if matches and matches[-1].piece is None:
            whole = f"A part of the word has no entry, so the whole word is {self._unknown}."
        return Explanation("greedy", whole, ids, tuple(word), tuple(steps))


class WordLevelModel(Model):
    """WordLevel: a pre-token is an entry, or it is unknown."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._vocab: dict[str, int] = definition["vocab"]
        self._unknown: str = definition.get("unk_token", "<unk>")

    def replay(self, word: str) -> list[int]:
        """See :meth:`Model.replay`."""
        number = self._vocab.get(word, self._vocab.get(self._unknown))
        if number is None:
            raise ValueError(
                f"{word!r} is no entry and {self._unknown!r} is none either: "
                "the library cannot encode it"
            )
        return [number]

    def explain(self, word: str) -> Explanation:
        """See :meth:`Model.explain`."""
        ids = self.replay(word)
        known = word in self._vocab
        note = "The pre-token is an entry." if known else "Not an entry: unknown."
        step = Step("lookup", 0, word if known else self._unknown, ids[0], note=note)
        return Explanation("lookup", note, tuple(ids), (word,), (step,))

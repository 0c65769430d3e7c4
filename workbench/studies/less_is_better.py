"""Less-is-Better: a lexicon that keeps what shortens the text (Yang, Frank and Van den Bosch 2020).

The method, as implemented here from its description: texts are cut by greedy longest match over a
ranked lexicon. While reading, adjacent pairs are sampled and put at the tail of the lexicon, on
probation. Where an entry is used, once a document, the text is cut once more without it: an entry
that saves tokens moves towards the head, one that costs tokens moves to the tail, and at once out
of the lexicon if it is on probation. The tail is culled to the size asked for. Nothing stops an
entry at a space. This is not the authors' program; figures are comparable, not equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.studies.arguments import text_list
from workbench.tokenizers import Alignment, Tokenizer
from workbench.tokenizers.base import check_ids, identity_alignment, utf8

LONGEST = 24
"""Bytes of the longest entry that is tried."""


class LexiconTokenizer(Tokenizer):
    """Greedy longest match, from left to right, over a lexicon of bytes.

    Args:
        name: How it is called in tables.
        entries: Bytes by id; every single byte must be among them, so that every text is spelt.

    Raises:
        ValueError: When a single byte is missing or an entry stands twice.

    >>> tok = LexiconTokenizer("greedy", [*(bytes([b]) for b in range(256)), b"ab", b"abc"])
    >>> tok.encode("abcab")
    [257, 256]
    """

    algorithm = "greedy"
    library = "workbench"

    def __init__(self, name: str, entries: Sequence[bytes]) -> None:
        super().__init__(name, source="learnt here", licence=None)
        self._entries = list(entries)
        self._ids = {entry: number for number, entry in enumerate(self._entries)}
        if len(self._ids) != len(self._entries):
            raise ValueError("An entry stands in the lexicon twice.")
        if missing := [b for b in range(256) if bytes([b]) not in self._ids]:
            raise ValueError(
                f"The lexicon lacks {len(missing)} single bytes, the first of them 0x"
                f"{missing[0]:02X}: texts that hold them could not be spelt."
            )
        self._reach = _reach(self._entries)

    @property
    def vocab_size(self) -> int:
        """Number of entries."""
        return len(self._entries)

    @property
    def backend(self) -> Any:
        """None: no library runs it."""
        return None

    @property
    def definition(self) -> dict[str, Any]:
        """The entries in hexadecimal, by id."""
        model = {"type": "greedy longest match", "vocab": [entry.hex() for entry in self._entries]}
        return {"normalizer": None, "pre_tokenizer": None, "model": model, "added_tokens": []}

    def _cut(self, data: bytes) -> list[int]:
        out, at = [], 0
        while at < len(data):
            for length in range(self._reach.get(data[at : at + 2], 1), 0, -1):
                found = self._ids.get(data[at : at + length])
                if found is not None:
                    out.append(found)
                    at += length
                    break
        return out

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - no specials
        return self._cut(text.encode())

    def _add_special(self, ids: list[int]) -> list[int]:
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are not UTF-8 become U+FFFD."""
        data = b"".join(self._entries[i] for i in check_ids(self, ids))
        return data.decode("utf-8", errors="replace")

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:  # noqa: ARG002 - no specials
        """Which bytes of the text each token came from."""
        source = utf8(text)
        ids = np.array(self._cut(source), dtype=np.int64)
        lengths = np.array([len(self._entries[i]) for i in ids], dtype=np.int64)
        return identity_alignment(ids, lengths, source, np.zeros(len(ids), dtype=bool))

    def _piece(self, token_id: int) -> str | None:
        if not 0 <= token_id < len(self._entries):
            return None
        entry = self._entries[token_id]
        try:
            return entry.decode()
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in entry)

    def _bytes(self, token_id: int) -> bytes:
        return self._entries[token_id]

    def id_of(self, piece: str) -> int | None:
        """The id of an entry, or None; entries that are no text are asked for by their bytes."""
        return self._ids.get(piece.encode())

    def ids(self) -> list[int]:
        """0 to V − 1."""
        return list(range(len(self._entries)))


def _reach(entries: Iterable[bytes]) -> dict[bytes, int]:
    """Bytes of the longest entry by its first two bytes: where greedy matching may begin."""
    reach: dict[bytes, int] = {}
    for entry in entries:
        key = entry[:2]
        if len(entry) > reach.get(key, 1):
            reach[key] = len(entry)
    return reach


class _Lexicon:
    """A ranked lexicon while it is learnt: rank 1 is the tail, towards 0 the head."""

    def __init__(self) -> None:
        self.rank: dict[bytes, float] = {}
        self.probation: set[bytes] = set()
        self.reach: dict[bytes, int] = {}

    def match(self, data: bytes, at: int, without: bytes = b"") -> int:
        """Bytes of the longest entry that stands at a place, 1 where none does."""
        for length in range(self.reach.get(data[at : at + 2], 1), 1, -1):
            piece = data[at : at + length]
            if piece in self.rank and piece != without and len(piece) == length:
                return length
        return 1

    def cut(self, data: bytes) -> list[bytes]:
        out, at = [], 0
        while at < len(data):
            length = self.match(data, at)
            out.append(data[at : at + length])
            at += length
        return out

    def saved(self, data: bytes, start: int, entry: bytes, cuts: dict[int, int]) -> int:
        """Tokens saved by an entry at a place: those of the cut without it, less those with it.

        Greedy cuts fall into step again soon after a change; only the part until then is cut.
        ``cuts`` holds the number of tokens up to each cut.
        """
        at, spent = start, 0
        while at < len(data):
            at += self.match(data, at, entry)
            spent += 1
            if at in cuts:
                break
        return spent - (cuts[at] - cuts[start])

    def add(self, entry: bytes) -> None:
        self.rank[entry] = 1.0
        self.probation.add(entry)
        key = entry[:2]
        self.reach[key] = max(self.reach.get(key, 1), len(entry))

    def remove(self, entry: bytes) -> None:
        del self.rank[entry]
        self.probation.discard(entry)

    def cull(self, size: int) -> None:
        """Drop the tail; among equals the youngest go first."""
        if len(self.rank) > size:
            order = sorted(enumerate(self.rank.items()), key=lambda row: (row[1][1], row[0]))
            for _, (entry, _) in order[size:]:
                self.remove(entry)


def less_is_better(
    texts: Sequence[str],
    size: int,
    *,
    passes: int = 6,
    sample: float = 0.25,
    step: float = 0.1,
    seed: int = 0,
    name: str = "Less-is-Better",
) -> LexiconTokenizer:
    """Learn a lexicon of a given size.

    Args:
        texts: What to read; each is cut on its own, so sentences or paragraphs are best.
        size: Entries in all, the 256 bytes included.
        passes: How often the texts are read. The last one adds nothing.
        sample: Probability that an adjacent pair is put on probation, in [0, 1].
        step: Share of its rank that an entry moves by, in (0, 1).
        seed: Of the order of texts and of the sampling.
        name: Of the tokenizer.

    Returns:
        The tokenizer; ids 0 to 255 are the bytes, then the lexicon from head to tail.

    Raises:
        ValueError: When the size cannot hold the bytes, another number is out of its range, or the
            texts are one string.

    >>> tok = less_is_better(["so it is, so it was"] * 20, 258)
    >>> len(tok.encode("so it is, so it was")) < 19
    True
    """
    if size < 256:
        raise ValueError(f"A lexicon of {size} cannot hold the 256 bytes.")
    if passes < 1 or not 0 <= sample <= 1 or not 0 < step < 1:
        raise ValueError(
            f"Texts are read at least once, sample lies in [0, 1] and step in (0, 1); given were "
            f"passes={passes}, sample={sample}, step={step}."
        )
    texts = text_list(texts)
    room = size - 256
    rng = np.random.default_rng(seed)
    lexicon = _Lexicon()
    documents = [text.encode() for text in texts if text]
    for number in range(passes):
        last = number == passes - 1
        for document in rng.permutation(len(documents)).tolist():
            _read(lexicon, documents[document], rng, 0.0 if last else sample, step)
            if len(lexicon.rank) > 2 * room + 1000:
                lexicon.cull(room + room // 2 + 500)
        lexicon.cull(room)
        lexicon.reach = _reach(lexicon.rank)
    ranked = sorted(lexicon.rank, key=lambda entry: (lexicon.rank[entry], entry))
    return LexiconTokenizer(name, [*(bytes([b]) for b in range(256)), *ranked])


def _read(
    lexicon: _Lexicon, data: bytes, rng: np.random.Generator, sample: float, step: float
) -> None:
    pieces = lexicon.cut(data)
    cuts, at = {0: 0}, 0
    for count, piece in enumerate(pieces, start=1):
        at += len(piece)
        cuts[at] = count
    starts = list(cuts)[:-1]
    seen: set[bytes] = set()
    for start, piece in zip(starts, pieces, strict=True):
        if len(piece) == 1 or piece in seen or piece not in lexicon.rank:
            continue
        seen.add(piece)
        saved = lexicon.saved(data, start, piece, cuts)
        if saved > 0:
            lexicon.rank[piece] *= (1 - step) ** saved
            lexicon.probation.discard(piece)
        elif saved < 0:
            if piece in lexicon.probation:
                lexicon.remove(piece)
            else:
                lexicon.rank[piece] = min(1.0, lexicon.rank[piece] / (1 - step))
    if sample <= 0 or len(pieces) < 2:
        return
    draws = rng.random(len(pieces) - 1)
    for number in np.flatnonzero(draws < sample).tolist():
        entry = pieces[number] + pieces[number + 1]
        if len(entry) <= LONGEST and entry not in lexicon.rank:
            lexicon.add(entry)

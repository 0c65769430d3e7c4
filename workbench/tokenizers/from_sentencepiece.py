"""Tokenizers that `sentencepiece` runs: any `.model` file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench.tokenizers.base import (
    Alignment,
    Int64s,
    Tokenizer,
    TokenizerError,
    check_ids,
    utf8,
)
from workbench.tokenizers.spans import byte_offsets, byte_spans, gaps, token_spans

_TYPES = {1: "Unigram", 2: "BPE", 3: "WordLevel", 4: "characters"}
_SPACE = "▁"


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model, BPE or Unigram, with or without byte fallback."""

    library = "sentencepiece"

    def __init__(self, name: str, data: bytes, *, source: str, licence: str | None = None) -> None:
        super().__init__(name, source=source, licence=licence)
        import sentencepiece

        self._data = data
        try:
            self._live = sentencepiece.SentencePieceProcessor(model_proto=data)
            size = int(self._live.vocab_size())
        except (RuntimeError, OSError) as error:
            raise TokenizerError(f"{source} is not a SentencePiece model: {error}") from None
        if size == 0:
            raise TokenizerError(f"{source} is not a SentencePiece model: it has no entries")
        self.algorithm = _TYPES.get(self._proto.trainer_spec.model_type, "Unigram")
        self._pieces: list[str] = [p.piece for p in self._proto.pieces]
        self._ids = {piece: i for i, piece in enumerate(self._pieces)}
        self._byte_of = {
            i: int(self._pieces[i][3:5], 16) for i in range(size) if self._live.is_byte(i)
        }
        self.unk_id = int(self._live.unk_id())
        control = {i for i in range(size) if self._live.is_control(i)}
        self.special_ids = frozenset(control | {self.unk_id})
        self._lengths = np.array(
            [1 if i in self._byte_of else len(p.encode()) for i, p in enumerate(self._pieces)],
            dtype=np.int64,
        )

    @cached_property
    def _proto(self) -> Any:
        from sentencepiece import sentencepiece_model_pb2

        model: Any = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
        model.ParseFromString(self._data)
        return model

    @property
    def vocab_size(self) -> int:
        """Entries of the model."""
        return len(self._pieces)

    @property
    def backend(self) -> Any:
        """The live `SentencePieceProcessor`."""
        return self._live

    @property
    def model_proto(self) -> bytes:
        """The model file."""
        return self._data

    @property
    def scores(self) -> list[float]:
        """Score of each entry: a log-probability (Unigram) or the negative rank (BPE)."""
        return [p.score for p in self._proto.pieces]

    @property
    def user_defined_ids(self) -> frozenset[int]:
        """Entries that are cut out of the text before anything else."""
        return frozenset(i for i, p in enumerate(self._proto.pieces) if p.type == 4)

    @cached_property
    def definition(self) -> dict[str, Any]:
        """Normalizer, model type, and every entry with its score and type."""
        rules = self._proto.normalizer_spec
        trained = self._proto.trainer_spec
        return {
            "normalizer": {
                "type": "SentencePiece",
                "add_dummy_prefix": rules.add_dummy_prefix,
                "remove_extra_whitespaces": rules.remove_extra_whitespaces,
                "escape_whitespaces": rules.escape_whitespaces,
                "charsmap": rules.precompiled_charsmap.hex(),
            },
            "pre_tokenizer": None,
            "model": {
                "type": self.algorithm,
                "by": "score",
                "byte_fallback": trained.byte_fallback,
                "whitespace_as_suffix": trained.treat_whitespace_as_suffix,
                "pieces": [[p.piece, p.score, p.type] for p in self._proto.pieces],
            },
            "added_tokens": [],
        }

    @cached_property
    def _special_pattern(self) -> re.Pattern[str]:
        pieces = sorted((self._pieces[i] for i in self.special_ids), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, pieces)))

    def _stretches(self, text: str, *, parse_special: bool) -> list[tuple[int, int, int | None]]:
        """Cut a text at special tokens: `(start, end, id)`, the id None for ordinary text."""
        if not parse_special:
            return [(0, len(text), None)] if text else []
        out: list[tuple[int, int, int | None]] = []
        at = 0
        for match in self._special_pattern.finditer(text):
            if match.start() > at:
                out.append((at, match.start(), None))
            out.append((*match.span(), self._ids[match.group()]))
            at = match.end()
        return [*out, (at, len(text), None)] if at < len(text) else out

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        ids: list[int] = []
        for start, end, token_id in self._stretches(text, parse_special=parse_special):
            ids += [token_id] if token_id is not None else self._live.encode(text[start:end])
        return ids

    def _encode_batch(self, texts: list[str], *, parse_special: bool) -> list[list[int]]:
        if parse_special:
            return super()._encode_batch(texts, parse_special=True)
        rows: list[list[int]] = self._live.encode(texts)
        return rows

    def _add_special(self, ids: list[int]) -> list[int]:
        # SentencePiece files do not say what to add; BOS where there is one is what the models
        # that ship them do.
        bos = int(self._live.bos_id())
        return [bos, *ids] if bos >= 0 else ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids as SentencePiece decodes them."""
        text: str = self._live.decode(check_ids(self, ids))
        return text

    def _piece(self, token_id: int) -> str | None:
        return self._pieces[token_id] if token_id < len(self._pieces) else None

    def _bytes(self, token_id: int) -> bytes:
        if token_id in self._byte_of:
            return bytes([self._byte_of[token_id]])
        piece = self._pieces[token_id]
        return (piece if token_id in self.special_ids else piece.replace(_SPACE, " ")).encode()

    def id_of(self, piece: str) -> int | None:
        """Return the id of an entry spelled as the vocabulary spells it, or None."""
        return self._ids.get(piece)

    def ids(self) -> list[int]:
        """Return all ids in order."""
        return list(range(len(self._pieces)))

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from."""
        source = utf8(text)
        offsets = byte_offsets(text)
        parts: list[Alignment] = []
        for start, end, token_id in self._stretches(text, parse_special=parse_special):
            piece = text[start:end]
            shift = int(offsets[start])
            if token_id is None:
                part = self._align_plain(piece)
            else:
                size = len(piece.encode())
                zero, one = np.zeros(1, dtype=np.int64), np.full(1, size, dtype=np.int64)
                ids = np.array([token_id], dtype=np.int64)
                part = Alignment(ids, piece.encode(), zero, one, zero, one, np.ones(1, dtype=bool))
            parts.append(_shifted(part, shift, sum(len(p.normalized) for p in parts)))
        return _joined(parts, source)

    def _align_plain(self, text: str) -> Alignment:
        ids = np.asarray(self._live.encode(text), dtype=np.int64)
        lengths = self._lengths[ids]
        unknown = ids == self.unk_id
        if bool(unknown.any()):
            surfaces = self._live.encode(text, out_type=str)
            lengths = lengths.copy()
            for i in np.flatnonzero(unknown):
                lengths[i] = len(surfaces[i].encode())
        normalized, char_start, char_end = self._normalize(text)
        norm_end = np.cumsum(lengths, dtype=np.int64)
        if len(norm_end) and int(norm_end[-1]) != len(normalized):
            raise TokenizerError(
                f"{self.name!r}: {len(ids)} tokens cover {int(norm_end[-1])} bytes of the "
                f"{len(normalized)} of SentencePiece's normalized text: please report it with "
                "the text"
            )
        norm_start = norm_end - lengths
        rules = self._proto.normalizer_spec
        start, end = byte_spans(
            text,
            normalized,
            char_start,
            char_end,
            inserts_prefix=rules.add_dummy_prefix,
            normalize=self._normalize_stretch,
        )
        byte_start, byte_end = token_spans(norm_start, norm_end, start, end)
        bare = gaps(len(text.encode()), byte_start, byte_end)
        reasons = tuple(
            (a, b, f"{_kind(text.encode()[a:b])} dropped by the normalizer") for a, b in bare
        )
        special = np.zeros(len(ids), dtype=bool)
        return Alignment(
            ids, normalized, norm_start, norm_end, byte_start, byte_end, special, reasons
        )

    def _normalize(self, text: str) -> tuple[bytes, Int64s, Int64s]:
        """Return the normalized bytes, and for each the source characters it came from."""
        made, starts = self._live.Normalize(text, with_offsets=True)
        at = np.asarray(starts, dtype=np.int64)
        widths = np.diff(byte_offsets(made))
        first = at[: len(made)]
        # A character ends one after it began: what follows was composed into it or dropped.
        last = np.minimum(first + 1, len(text))
        return made.encode(), np.repeat(first, widths), np.repeat(last, widths)

    def _normalize_stretch(self, text: str) -> bytes:
        made: str = self._live.normalize(text)
        if self._proto.normalizer_spec.add_dummy_prefix and made.startswith(_SPACE):
            made = made[1:]
        return made.encode()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.name, self._data, self.source, self.licence))


def _rebuild(name: str, data: bytes, source: str, licence: str | None) -> SentencePieceTokenizer:
    return SentencePieceTokenizer(name, data, source=source, licence=licence)


def read_model_file(path: Path, name: str, licence: str | None = None) -> SentencePieceTokenizer:
    """Load a SentencePiece `.model` file.

    Args:
        path: The file.
        name: Name to give the tokenizer.
        licence: Its licence, where known.

    Returns:
        The tokenizer.

    Raises:
        TokenizerError: If the file is no SentencePiece model.
    """
    return SentencePieceTokenizer(name, path.read_bytes(), source=path.name, licence=licence)


def _kind(data: bytes) -> str:
    return "white space" if data.decode("utf-8", "replace").isspace() else "character"


def _shifted(part: Alignment, source_by: int, norm_by: int) -> Alignment:
    return Alignment(
        part.ids,
        part.normalized,
        part.norm_start + norm_by,
        part.norm_end + norm_by,
        part.byte_start + source_by,
        part.byte_end + source_by,
        part.special,
        tuple((a + source_by, b + source_by, why) for a, b, why in part.unused_reason),
    )


def _joined(parts: list[Alignment], source: bytes) -> Alignment:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Alignment(none, b"", none, none, none, none, np.zeros(0, dtype=bool))
    columns = [
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("ids", "norm_start", "norm_end", "byte_start", "byte_end", "special")
    ]
    ids, norm_start, norm_end, byte_start, byte_end, special = columns
    normalized = b"".join(p.normalized for p in parts)
    reasons = tuple(r for p in parts for r in p.unused_reason)
    assert all(b <= len(source) for _, b, _ in reasons)
    return Alignment(ids, normalized, norm_start, norm_end, byte_start, byte_end, special, reasons)

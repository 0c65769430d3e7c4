"""Tokenizers that Hugging Face's `tokenizers` runs: any `tokenizer.json`.

Boundaries come from a probe: a tokenizer with the same normalizer, pre-tokenizer and added tokens,
whose model knows nothing but single bytes. What it returns is the text as the real model saw it,
byte by byte, each with the source characters it came from. The real tokens are then laid over
those bytes. That is exact where the library's own offsets are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import tokenizers as hf

from workbench.tokenizers.base import (
    Alignment,
    Int64s,
    Tokenizer,
    TokenizerError,
    check_ids,
    identity_alignment,
    utf8,
)
from workbench.tokenizers.probe import FALLBACK, Probe, Seen, flatten, from_alphabet
from workbench.tokenizers.spans import byte_offsets, byte_spans, gaps, token_spans


class HuggingFaceTokenizer(Tokenizer):
    """A `tokenizer.json`: normalizer, pre-tokenizer, model and added tokens."""

    library = "tokenizers"

    def __init__(
        self,
        name: str,
        text: str,
        *,
        source: str,
        licence: str | None = None,
        chat_template: str | None = None,
    ) -> None:
        super().__init__(name, source=source, licence=licence, chat_template=chat_template)
        try:
            self._spec: dict[str, Any] = json.loads(text)
            self._spec["padding"] = self._spec["truncation"] = None
            model = self._spec["model"]
            if model.get("dropout"):
                # Dropout is for training; with it the same text has other ids each time.
                model["dropout"] = None
            self._live = hf.Tokenizer.from_str(json.dumps(self._spec))
            # The library's own spelling of the definition, so that two sources agree.
            self._spec = json.loads(self._live.to_str())
        except Exception as error:  # noqa: BLE001 - the library raises no narrower class
            raise TokenizerError(
                f"{source} is not a tokenizer.json that the tokenizers library reads: {error}"
            ) from None
        model = self._spec["model"]
        self.algorithm = str(model.get("type", "BPE"))
        self._live.encode_special_tokens = True
        self._added: list[dict[str, Any]] = self._spec["added_tokens"]
        self._added_by_id = {int(t["id"]): str(t["content"]) for t in self._added}
        self.special_ids = frozenset(int(t["id"]) for t in self._added if t["special"])
        self.unk_id = self._find_unk(model)

    def _find_unk(self, model: dict[str, Any]) -> int | None:
        if model.get("unk_id") is not None:
            return int(model["unk_id"])
        unk = model.get("unk_token")
        return self._live.token_to_id(unk) if unk is not None else None

    # --- definition --------------------------------------------------------------------------

    @property
    def vocab_size(self) -> int:
        """Entries of the vocabulary, added tokens included."""
        return self._live.get_vocab_size(with_added_tokens=True)

    @property
    def backend(self) -> hf.Tokenizer:
        """The live `tokenizers.Tokenizer`, set to read special tokens as text."""
        return self._live

    @property
    def spec(self) -> dict[str, Any]:
        """The `tokenizer.json` as the library writes it, padding and truncation removed."""
        return self._spec

    @cached_property
    def definition(self) -> dict[str, Any]:
        """Canonical normalizer, pre-tokenizer, model and added tokens."""
        model = dict(self._spec["model"])
        model.pop("dropout", None)
        added = sorted(self._added, key=lambda token: int(token["id"]))
        return {
            "normalizer": _without_empty(self._spec["normalizer"], "normalizers"),
            "pre_tokenizer": _without_empty(self._spec["pre_tokenizer"], "pretokenizers"),
            "model": model,
            "added_tokens": added,
        }

    @cached_property
    def _steps(self) -> list[dict[str, Any]]:
        return [
            *flatten(self._spec["normalizer"], "normalizers"),
            *flatten(self._spec["pre_tokenizer"], "pretokenizers"),
        ]

    @cached_property
    def _byte_level(self) -> bool:
        return any(step["type"] == "ByteLevel" for step in self._steps)

    @cached_property
    def _inserts_prefix(self) -> bool:
        return any(
            step["type"] == "Prepend"
            or (step["type"] == "ByteLevel" and step.get("add_prefix_space"))
            or (step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never")
            for step in self._steps
        )

    @cached_property
    def _marks_space(self) -> bool:
        decoder = flatten(self._spec["decoder"], "decoders")
        return any(
            step["type"] == "Metaspace" or (step["type"] == "Replace" and step["content"] == "▁")
            for step in self._steps
        ) or any(
            step["type"] == "Metaspace"
            or (step["type"] == "Replace" and step["pattern"].get("String") == "▁")
            for step in decoder
        )

    @cached_property
    def _affixes(self) -> tuple[str, str]:
        model = self._spec["model"]
        return (
            model.get("continuing_subword_prefix") or "",
            model.get("end_of_word_suffix") or "",
        )

    # --- text to ids and back ----------------------------------------------------------------

    @cached_property
    def _parsing(self) -> hf.Tokenizer:
        """A twin that reads special tokens; the switch is state, so one object cannot do both."""
        twin = hf.Tokenizer.from_str(json.dumps(self._spec))
        twin.encode_special_tokens = False
        return twin

    def _runner(self, *, parse_special: bool) -> hf.Tokenizer:
        return self._parsing if parse_special else self._live

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        runner = self._runner(parse_special=parse_special)
        return runner.encode(text, add_special_tokens=False).ids

    def _encode_batch(self, texts: list[str], *, parse_special: bool) -> list[list[int]]:
        runner = self._runner(parse_special=parse_special)
        return [e.ids for e in runner.encode_batch_fast(texts, add_special_tokens=False)]

    def _add_special(self, ids: list[int]) -> list[int]:
        around = self._live.encode("", add_special_tokens=True)
        if not self._live.num_special_tokens_to_add(is_pair=False):
            return ids
        # The template's tokens stand around the text in the order of an encoding with one.
        probe = self._live.encode("a", add_special_tokens=True)
        inside = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        if not inside:
            return [*around.ids, *ids]
        return [*probe.ids[: inside[0]], *ids, *probe.ids[inside[-1] + 1 :]]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids as the library decodes them, special tokens included."""
        return self._live.decode(check_ids(self, ids), skip_special_tokens=False)

    # --- entries -----------------------------------------------------------------------------

    def _piece(self, token_id: int) -> str | None:
        piece: str | None = self._live.id_to_token(token_id)
        return piece

    def _bytes(self, token_id: int) -> bytes:
        if token_id in self._added_by_id:
            return self._added_by_id[token_id].encode()
        piece = self._piece(token_id)
        assert piece is not None
        if self._byte_level:
            return from_alphabet(piece)
        if self._spec["model"].get("byte_fallback") and piece in FALLBACK:
            return bytes([FALLBACK[piece]])
        prefix, suffix = self._affixes
        if prefix and piece.startswith(prefix):
            piece = piece[len(prefix) :]
        if suffix and piece.endswith(suffix):
            piece = piece[: -len(suffix)]
        return (piece.replace("▁", " ") if self._marks_space else piece).encode()

    def id_of(self, piece: str) -> int | None:
        """Return the id of an entry spelled as the vocabulary spells it, or None."""
        token_id: int | None = self._live.token_to_id(piece)
        return token_id

    def ids(self) -> list[int]:
        """Return all declared ids in order; holes are absent."""
        return sorted(self._live.get_vocab(with_added_tokens=True).values())

    # --- alignment ---------------------------------------------------------------------------

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from."""
        source = utf8(text)
        runner = self._runner(parse_special=parse_special)
        encoding = runner.encode(text, add_special_tokens=False)
        ids = np.asarray(encoding.ids, dtype=np.int64)
        special = np.isin(ids, list(self.special_ids)) & parse_special
        unchanged = self._byte_level and not self._inserts_prefix and self._unchanged(text)
        if unchanged:
            lengths = self._seen_lengths(ids)
            if int(lengths.sum()) == len(source):
                joined = b"".join(map(self._bytes, ids.tolist()))
                if joined == source:
                    return identity_alignment(ids, lengths, source, special)
        seen = self._see(text, parse_special=parse_special, pre_tokenize=True)
        norm_start, norm_end = self._lay(encoding, ids, seen)
        start, end = self._source_spans(text, seen)
        byte_start, byte_end = token_spans(norm_start, norm_end, start, end)
        normalized, moved = self._with_dropped(text, seen, parse_special=parse_special)
        if moved is not None:
            whole = norm_end > norm_start
            last = moved[np.maximum(norm_end - 1, 0)] + 1 if len(moved) else norm_end
            first = moved[np.minimum(norm_start, len(moved) - 1)] if len(moved) else norm_start
            norm_start, norm_end = first, np.where(whole, last, first)
        drops = self._reasons(text, gaps(len(source), byte_start, byte_end))
        return Alignment(
            ids, normalized, norm_start, norm_end, byte_start, byte_end, special, tuple(drops)
        )

    def _unchanged(self, text: str) -> bool:
        normalizer = self._live.normalizer
        return normalizer is None or normalizer.normalize_str(text) == text

    @cached_property
    def _length_table(self) -> Int64s:
        """Bytes of what the model saw that each entry covers; -1 where the id has no entry."""
        vocabulary = self._live.get_vocab(with_added_tokens=True)
        table = np.full(max(vocabulary.values(), default=-1) + 1, -1, dtype=np.int64)
        fallback = bool(self._spec["model"].get("byte_fallback"))
        for piece, i in vocabulary.items():
            if i in self._added_by_id:
                table[i] = len(piece.encode())
            elif self._byte_level:
                table[i] = len(from_alphabet(piece))
            elif fallback and piece in FALLBACK:
                table[i] = 1
            else:
                table[i] = len(piece.encode())
        return table

    def _seen_lengths(self, ids: Int64s) -> Int64s:
        return self._length_table[ids]

    @cached_property
    def _probes(self) -> dict[tuple[bool, bool], Probe]:
        return {}

    def _see(self, text: str, *, parse_special: bool, pre_tokenize: bool) -> Seen:
        key = (parse_special, pre_tokenize)
        if key not in self._probes:
            self._probes[key] = Probe(
                self._spec, parse_special=parse_special, pre_tokenize=pre_tokenize
            )
        return self._probes[key].see(text)

    def _lay(self, encoding: Any, ids: Int64s, seen: Seen) -> tuple[Int64s, Int64s]:
        """Return each token's span in the bytes that the model saw."""
        plain = not seen.blocks and not any(self._affixes)
        unknown = ids == self.unk_id if self.unk_id is not None else np.zeros(len(ids), dtype=bool)
        if plain and not bool(unknown.any()):
            lengths = self._seen_lengths(ids)
        else:
            lengths = self._lengths_by_word(encoding, ids, unknown, seen)
        ends = np.cumsum(lengths, dtype=np.int64)
        if len(ends) and int(ends[-1]) != len(seen.data):
            raise TokenizerError(
                f"{self.name!r}: {len(ids)} tokens cover {int(ends[-1])} bytes of the "
                f"{len(seen.data)} that the model saw; this tokenizer does something to its text "
                "that the workbench does not know: please report it with the text"
            )
        return ends - lengths, ends

    def _lengths_by_word(self, encoding: Any, ids: Int64s, unknown: Any, seen: Seen) -> Int64s:
        lengths = self._seen_lengths(ids).copy()
        words = np.asarray(encoding.word_ids, dtype=np.int64)
        prefix, suffix = (len(affix.encode()) for affix in self._affixes)
        starts = np.concatenate([[True], words[1:] != words[:-1]]) if len(words) else words
        ends = np.concatenate([starts[1:], [True]]) if len(words) else words
        if prefix:
            inner = ~starts.astype(bool)
            has = np.array([self._has_prefix(int(i)) for i in ids], dtype=bool)
            lengths[inner & has] -= prefix
        if suffix:
            has = np.array([self._has_suffix(int(i)) for i in ids], dtype=bool)
            lengths[ends.astype(bool) & has] -= suffix
        for word in {int(w) for w in words[unknown]} | set(seen.blocks):
            members = np.arange(*np.searchsorted(words, [word, word + 1]))
            if word in seen.blocks:
                lengths[members] = seen.blocks[word]
                continue
            at, end = np.searchsorted(seen.words, [word, word + 1])
            self._fill_unknown(ids, lengths, unknown, members, seen.data[at:end])
        return lengths

    def _fill_unknown(
        self, ids: Int64s, lengths: Int64s, unknown: Any, members: Any, data: bytes
    ) -> None:
        """Set the lengths of the unknown tokens of one word, in place."""
        at = 0
        for place, i in enumerate(members):
            if not unknown[i]:
                at += int(lengths[i])
                continue
            later = members[place + 1 :]
            if not bool(unknown[later].any()):
                lengths[i] = len(data) - at - int(lengths[later].sum())
            elif len(later) and unknown[later[0]]:
                lengths[i] = _character_width(data, at)  # not fused: one character each
            else:
                following = int(later[0])
                piece = self._piece(int(ids[following])) or ""
                known = piece.encode()[-int(lengths[following]) :]
                found = data.find(known, at + _character_width(data, at))
                lengths[i] = max(found - at, _character_width(data, at))
            at += int(lengths[i])

    def _has_prefix(self, token_id: int) -> bool:
        return (self._piece(token_id) or "").startswith(self._affixes[0])

    def _has_suffix(self, token_id: int) -> bool:
        return (self._piece(token_id) or "").endswith(self._affixes[1])

    def _source_spans(self, text: str, seen: Seen) -> tuple[Int64s, Int64s]:
        return byte_spans(
            text,
            seen.data,
            seen.char_start,
            seen.char_end,
            inserts_prefix=self._inserts_prefix,
            normalize=self._normalizer_bytes,
        )

    @property
    def _normalizer_bytes(self) -> Callable[[str], bytes] | None:
        normalizer = self._live.normalizer
        if normalizer is None:
            return None
        steps = flatten(self._spec["normalizer"], "normalizers")
        byte_level = any(step["type"] == "ByteLevel" for step in steps)
        as_bytes = from_alphabet if byte_level else str.encode
        return lambda text: as_bytes(normalizer.normalize_str(text))

    def _with_dropped(
        self, text: str, seen: Seen, *, parse_special: bool
    ) -> tuple[bytes, Int64s | None]:
        """Return the normalized text with what the pre-tokenizer dropped still in it.

        The second value says where each byte of `seen` stands in it; None where nothing moved.
        """
        if self._spec["pre_tokenizer"] is None:
            return seen.data, None
        whole = self._see(text, parse_special=parse_special, pre_tokenize=False)
        if len(whole.data) <= len(seen.data):
            return seen.data, None
        place = np.zeros(len(seen.data), dtype=np.int64)
        at = 0
        for i, byte in enumerate(seen.data):
            while at < len(whole.data) and (
                whole.data[at] != byte or whole.char_start[at] != seen.char_start[i]
            ):
                at += 1
            if at == len(whole.data):
                return seen.data, None  # it changes text as well as dropping some
            place[i] = at
            at += 1
        return whole.data, place

    def _reasons(self, text: str, bare: list[tuple[int, int]]) -> list[tuple[int, int, str]]:
        if not bare:
            return []
        offsets = byte_offsets(text)
        whole = self._see(text, parse_special=False, pre_tokenize=False)
        kept = np.zeros(len(text) + 1, dtype=bool)
        for first, last in zip(whole.char_start, whole.char_end, strict=True):
            kept[first:last] = True
        out: list[tuple[int, int, str]] = []
        for start, end in bare:
            first, last = np.searchsorted(offsets, [start, end])
            for i in range(int(first), int(last)):
                by = "pre-tokenizer" if kept[i] else "normalizer"
                what = "white space" if text[i].isspace() else "character"
                reason = f"{what} dropped by the {by}"
                lo, hi = int(offsets[i]), int(offsets[i + 1])
                if out and out[-1][1] == lo and out[-1][2] == reason:
                    out[-1] = (out[-1][0], hi, reason)
                else:
                    out.append((lo, hi, reason))
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        text = json.dumps(self._spec)
        return (_rebuild, (self.name, text, self.source, self.licence, self.chat_template))


def _rebuild(
    name: str, text: str, source: str, licence: str | None, template: str | None
) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(name, text, source=source, licence=licence, chat_template=template)


def _character_width(data: bytes, at: int) -> int:
    lead = data[at] if at < len(data) else 0
    return 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)


def _without_empty(component: dict[str, Any] | None, key: str) -> Any:
    steps = flatten(component, key)
    return None if not steps else steps[0] if len(steps) == 1 else steps

"""``tokenizers``: added tokens, normalizer, pre-tokenizer, then a model.

The normalizer and the pre-tokenizer are the library's own, run on its own strings, which know
where in the source their characters came from. Only the model is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.derivation.added_tokens import AddedToken, AddedTokenFinder
from workbench.derivation.engines import Engine, Prepared, Unit, counted
from workbench.derivation.models import Model, model_from
from workbench.derivation.records import Explanation, Part, Stage


def _finders(
    added: list[dict[str, Any]], normalizer: Any
) -> tuple[AddedTokenFinder, AddedTokenFinder]:
    """The finders for the raw and for the normalized text."""
    raw: list[AddedToken] = []
    normalized: list[AddedToken] = []
    for entry in added:
        late = bool(entry.get("normalized", False))
        content = entry["content"]
        if late and normalizer is not None:
            content = normalizer.normalize_str(content)
        token = AddedToken(
            entry["id"],
            content,
            special=bool(entry.get("special", False)),
            single_word=bool(entry.get("single_word", False)),
            lstrip=bool(entry.get("lstrip", False)),
            rstrip=bool(entry.get("rstrip", False)),
        )
        (normalized if late else raw).append(token)
    return AddedTokenFinder(raw), AddedTokenFinder(normalized)


def _parts_of(component: Any) -> list[Any]:
    """The members of a sequence of normalizers or pre-tokenizers; one that is none is its own."""
    if component is None:
        return []
    if type(component).__name__ != "Sequence":
        return [component]
    members: list[Any] = []
    index = 0
    while True:  # the library gives a sequence items, but no length
        try:
            members.append(component[index])
        except IndexError:
            return members
        index += 1


class JsonEngine(Engine):
    """Replays a ``tokenizers.Tokenizer``.

    Args:
        normalizer: the library's normalizer, or None.
        pre_tokenizer: the library's pre-tokenizer, or None.
        definition: the ``tokenizer.json``, for the model and the added tokens.
    """

    def __init__(self, normalizer: Any, pre_tokenizer: Any, definition: Mapping[str, Any]) -> None:
        super().__init__()
        self._normalizer = normalizer
        self._pre_tokenizer = pre_tokenizer
        self.cuts_words_afterwards = pre_tokenizer is None
        self._model: Model = model_from(definition["model"])
        self._raw, self._late = _finders(definition.get("added_tokens") or [], normalizer)

    def replay(self, unit: str) -> list[int]:
        """See :meth:`Engine.replay`."""
        return self._model.replay(unit)

    def explain(self, unit: str) -> Explanation:
        """See :meth:`Engine.explain`."""
        return self._model.explain(unit)

    def units(self, text: str, *, parse_special: bool) -> list[Unit]:
        """What the model is given, and the added tokens between."""
        units: list[Unit] = []
        for string, added in self._chunks(text, parse_special=parse_special):
            if added is None and self._pre_tokenizer is not None:
                self._pre_tokenizer.pre_tokenize(string)
            units.extend(_units_of(string, added))
        return units

    def prepare(self, text: str, *, parse_special: bool) -> Prepared:
        """Every stage: source, normalized, each pre-tokenizer of a sequence, pre-tokens."""
        whole = Part(text, 0, len(text.encode()))
        chunks = self._chunks(text, parse_special=parse_special)
        normalized = [part for string, _ in chunks for part in _read(string)]
        stages = [
            Stage("source", (whole,), "The text as typed."),
            Stage("normalized", tuple(normalized), self._said(text, normalized)),
        ]
        members = _parts_of(self._pre_tokenizer)
        for number, member in enumerate(members, 1):
            for string, added in chunks:
                if added is None:
                    member.pre_tokenize(string)
            parts = tuple(part for string, _ in chunks for part in _read(string))
            kind = type(member).__name__
            last = number == len(members)
            name = "pre-tokens" if last else f"pre-tokens, {number} of {len(members)}"
            stages.append(
                Stage(name, parts, f"{kind} leaves {counted(len(parts), 'stretch', 'stretches')}.")
            )
        if not members:
            note = "Not cut: this tokenizer has no pre-tokenizer."
            stages.append(Stage("pre-tokens", tuple(normalized), note))
        units = tuple(unit for string, added in chunks for unit in _units_of(string, added))
        return Prepared(tuple(stages), units)

    def _said(self, text: str, normalized: list[Part]) -> str:
        if self._normalizer is None:
            return "Unchanged: this tokenizer has no normalizer."
        kinds = ", ".join(type(member).__name__ for member in _parts_of(self._normalizer))
        changed = "".join(part.text for part in normalized) != text
        return f"{'Changed' if changed else 'Left unchanged'} by {kinds or 'an empty sequence'}."

    def _chunks(self, text: str, *, parse_special: bool) -> list[tuple[Any, int | None]]:
        """The library's strings after the normalizer, cut at added tokens, with the token's id."""
        found: list[tuple[Any, int | None]] = []
        for start, end, added in self._raw.split(text, parse_special=parse_special):
            string = self._string(text, start, end, normalize=added is None)
            if added is not None:
                found.append((string, added))
                continue
            pieces = string.get_splits("normalized", "char")
            if not pieces:  # the normalizer left nothing
                continue
            cuts = self._late.split(pieces[0][0], parse_special=parse_special)
            if len(cuts) == 1:
                found.append((string, cuts[0][2]))
                continue
            for left, right, late in cuts:
                part = self._string(text, start, end, normalize=True)
                part.split(_slicer(left, right))
                found.append((part, late))
        return found

    def _string(self, text: str, start: int, end: int, *, normalize: bool) -> Any:
        from tokenizers import PreTokenizedString

        # A slice keeps its place in the source, which Metaspace's "first" looks at.
        string = PreTokenizedString(text)
        if (start, end) != (0, len(text)):
            string.split(_slicer(start, end))
        if normalize and self._normalizer is not None:
            string.normalize(self._normalizer.normalize)
        return string


def _slicer(start: int, end: int) -> Any:
    return lambda _, string: [string[start:end]]


def _read(string: Any) -> list[Part]:
    return [
        Part(text, start, end) for text, (start, end), _ in string.get_splits("original", "byte")
    ]


def _units_of(string: Any, added: int | None) -> list[Unit]:
    return [Unit(part.text, part.byte_start, part.byte_end, added) for part in _read(string)]

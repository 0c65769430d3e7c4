"""From a text to its ids, step by step: :func:`derive`, and :func:`replay` for the ids alone."""

from __future__ import annotations

from collections import OrderedDict

from workbench.derivation.engines import Engine, Prepared, Unit
from workbench.derivation.json_pipeline import JsonEngine
from workbench.derivation.pieces import PieceLatticeEngine, PieceTable, ScoredMergeEngine
from workbench.derivation.ranks import RankEngine
from workbench.derivation.records import (
    Derivation,
    Explanation,
    Part,
    PreToken,
    Stage,
    Step,
)
from workbench.tokenizers import Tokenizer, TokenizerError

#: Engines hold the tables of a vocabulary (some 30 MB for 130,000 entries): keep a few.
_KEPT = 12
_engines: OrderedDict[str, Engine] = OrderedDict()


class _BaselineEngine(Engine):
    """Bytes, characters and words: the text is cut by a rule, and each part has its id."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def units(self, text: str, *, parse_special: bool) -> list[Unit]:
        aligned = self._tokenizer.align(text, parse_special=parse_special)
        source = text.encode()
        spans = zip(aligned.byte_start.tolist(), aligned.byte_end.tolist(), strict=True)
        ids = aligned.ids.tolist()
        return [
            Unit(source[start:end].decode("utf-8", "backslashreplace"), start, end, number)
            for (start, end), number in zip(spans, ids, strict=True)
        ]

    def prepare(self, text: str, *, parse_special: bool) -> Prepared:
        units = self.units(text, parse_special=parse_special)
        whole = (Part(text, 0, len(text.encode())),)
        parts = tuple(Part(unit.text, unit.start, unit.end) for unit in units)
        return Prepared(
            (
                Stage("source", whole, "The text as typed."),
                Stage("normalized", whole, "Unchanged: a baseline has no normalizer."),
                Stage("pre-tokens", parts, f"Cut into {self._tokenizer.algorithm}."),
            ),
            tuple(units),
        )

    def replay(self, unit: str) -> list[int]:
        return self._tokenizer.encode(unit)

    def explain(self, unit: str) -> Explanation:
        ids = tuple(self.replay(unit))
        return Explanation("rule", "Cut by a rule, not by a model.", ids)

    def explain_units(self, unit: Unit) -> list[tuple[Unit, Explanation]]:
        assert unit.added is not None
        note = f"One of the {self._tokenizer.algorithm}: a rule, not a model."
        step = Step("lookup", 0, unit.text, unit.added, note=note)
        return [(unit, Explanation("rule", note, (unit.added,), steps=(step,)))]


def engine_for(tokenizer: Tokenizer) -> Engine:
    """The engine that replays a tokenizer, built once and kept.

    Raises:
        TokenizerError: a model that this project does not replay, named.
    """
    key = f"{tokenizer.fingerprint}:{tokenizer.name}"
    if key in _engines:
        _engines.move_to_end(key)
        return _engines[key]
    _engines[key] = _build(tokenizer)
    while len(_engines) > _KEPT:
        _engines.popitem(last=False)
    return _engines[key]


def _build(tokenizer: Tokenizer) -> Engine:
    library = tokenizer.library
    if library == "workbench":
        return _BaselineEngine(tokenizer)
    if library == "tiktoken":
        from workbench.tokenizers.from_tiktoken import TiktokenTokenizer

        assert isinstance(tokenizer, TiktokenTokenizer)
        special = {tokenizer.piece(number): number for number in tokenizer.special_ids}
        return RankEngine(tokenizer.ranks, tokenizer.pattern, special)
    definition = tokenizer.definition
    if library == "tokenizers":
        backend = tokenizer.backend
        try:
            return JsonEngine(backend.normalizer, backend.pre_tokenizer, definition)
        except ValueError as error:
            raise TokenizerError(f"{tokenizer.name}: {error}") from None
    model = definition["model"]
    kinds = {"BPE": ScoredMergeEngine, "Unigram": PieceLatticeEngine}
    if library != "sentencepiece" or model["type"] not in kinds:
        raise TokenizerError(
            f"{tokenizer.name}: a {model['type']} model of {library} cannot be derived; "
            "BPE and Unigram of sentencepiece, tiktoken, and every model of tokenizers can"
        )
    pieces, scores, types = zip(*model["pieces"], strict=True)
    table = PieceTable(pieces, scores, types, bool(model["byte_fallback"]))
    special = {tokenizer.piece(number): number for number in tokenizer.special_ids}
    return kinds[model["type"]](table, tokenizer.backend.normalize, special)


def replay(text: str, tokenizer: Tokenizer, *, parse_special: bool = False) -> list[int]:
    """The ids of a text by the replayed rules, without recording the steps.

    Args:
        text: the source.
        tokenizer: any tokenizer of :func:`workbench.load_tokenizer`.
        parse_special: read special tokens typed in the text as such.

    Returns:
        Token ids; the tests hold them to the library's own, text by text.

    Raises:
        TokenizerError: a model that cannot be replayed, or a text that is not Unicode.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> replay("strawberry", tok) == tok.encode("strawberry")
        True
    """
    _check(text)
    return engine_for(tokenizer).ids(text, parse_special=parse_special)


def derive(text: str, tokenizer: Tokenizer, *, parse_special: bool = False) -> Derivation:
    """How a tokenizer gets from a text to its ids.

    Args:
        text: the source.
        tokenizer: any tokenizer of :func:`workbench.load_tokenizer`.
        parse_special: read special tokens typed in the text as such.

    Returns:
        The stages, the pre-tokens with their merges, matches or paths, and whether the ids are
        the library's own (``exact``).

    Raises:
        TokenizerError: a model that cannot be replayed, or a text that is not Unicode.

    Example:
        >>> import workbench as wb
        >>> derivation = derive("strawberry", wb.load_tokenizer("mistral-v1"))
        >>> derivation.exact, [node["piece"] for node in derivation.tree(0)["children"]]
        (True, ['▁st', 'raw'])
    """
    _check(text)
    engine = engine_for(tokenizer)
    prepared = engine.prepare(text, parse_special=parse_special)
    aligned = tokenizer.align(text, parse_special=parse_special)
    library_ids = tuple(int(number) for number in aligned.ids)
    spans = list(zip(aligned.byte_start.tolist(), aligned.byte_end.tolist(), strict=True))
    explained = [pair for unit in prepared.units for pair in engine.explain_units(unit)]
    ids = tuple(number for _, explanation in explained for number in explanation.ids)
    exact = ids == library_ids

    pretokens: list[PreToken] = []
    done = 0
    for index, (unit, explanation) in enumerate(explained):
        start, end = unit.start, unit.end
        own = spans[done : done + len(explanation.ids)] if exact else []
        if own:  # the tokens' spans are exact where the library's own offsets are not
            start, end = min(s for s, _ in own), max(e for _, e in own)
        pretokens.append(PreToken(index, unit.text, start, end, done, explanation))
        done += len(explanation.ids)
    parts = tuple(
        Part(tokenizer.piece(number), start, end)
        for number, (start, end) in zip(library_ids, spans, strict=True)
    )
    note = (
        "The replayed rules give the library's ids."
        if exact
        else (
            "The replayed rules do NOT give the library's ids: believe the tokens, not the steps."
        )
    )
    return Derivation(
        text=text,
        tokenizer=tokenizer.name,
        algorithm=tokenizer.algorithm,
        library=tokenizer.library,
        stages=(*prepared.stages, Stage("tokens", parts, note)),
        pretokens=tuple(pretokens),
        ids=ids,
        exact=exact,
        token_spans=tuple(spans),
    )


def _check(text: str) -> None:
    if not isinstance(text, str):
        raise TokenizerError(f"a text is expected, not {type(text).__name__}: {text!r:.60}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"the text is not valid Unicode: a lone surrogate (U+{ord(text[error.start]):04X}) "
            f"stands at character {error.start}; replace it before tokenizing"
        ) from None

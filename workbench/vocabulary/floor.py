"""What every pruned vocabulary keeps, whatever it is for: special tokens, bytes, and their like."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.derivation.merges import ancestors, merge_options
from workbench.tokenizers import Tokenizer
from workbench.vocabulary.entries import entries_of
from workbench.vocabulary.trimming import ids_around


def always_kept(tokenizer: Tokenizer) -> dict[int, str]:
    """The entries that every pruning keeps, whatever its corpus uses: the floor of its size.

    Args:
        tokenizer: of ``tokenizers``, ``tiktoken`` or SentencePiece.

    Returns:
        The reason by id, as in :class:`workbench.vocabulary.Pruning`.

    Raises:
        TokenizerError: an open vocabulary, or a post-processor that names an id without an entry.

    Example:
        >>> import workbench as wb
        >>> reasons = always_kept(wb.load_tokenizer("mistral-v1"))
        >>> len(reasons), sorted(set(reasons.values()))
        (384, ['byte', 'special or added'])
    """
    reasons: dict[int, str] = {}
    entries = entries_of(tokenizer)
    note(reasons, _always(tokenizer), "special or added")
    bytewise = (n for n, data in zip(entries.ids, entries.data, strict=True) if len(data) == 1)
    note(reasons, bytewise, "byte")
    note(reasons, _byte_names(tokenizer), "byte")
    if tokenizer.algorithm == "Unigram":
        note(reasons, _lowest(tokenizer), "lowest score")
    note(reasons, ancestors(reasons, merge_options(tokenizer)), "part of another")
    return reasons


def note(reasons: dict[int, str], ids: Iterable[int], reason: str) -> None:
    """Write down why ids are kept; the first reason stands."""
    for number in ids:
        reasons.setdefault(int(number), reason)


def _always(tokenizer: Tokenizer) -> set[int]:
    always = set(tokenizer.special_ids)
    always |= {entry["id"] for entry in tokenizer.definition["added_tokens"]}
    if tokenizer.unk_id is not None:
        always.add(tokenizer.unk_id)
    if tokenizer.library == "sentencepiece":
        # Everything but ordinary pieces: control, unknown, user-defined, bytes.
        pieces = tokenizer.definition["model"]["pieces"]
        always |= {number for number, (_, _, kind) in enumerate(pieces) if kind not in {1, 5}}
    for number in ids_around(tokenizer):
        tokenizer.piece(number)  # refuses an unknown id
        always.add(number)
    return always


def _byte_names(tokenizer: Tokenizer) -> set[int]:
    found = {tokenizer.id_of(f"<0x{byte:02X}>") for byte in range(256)}
    return {number for number in found if number is not None}


def _lowest(tokenizer: Tokenizer) -> list[int]:
    """The entry whose score sets what an unknown character costs (Unigram)."""
    model = tokenizer.definition["model"]
    if tokenizer.library == "sentencepiece":
        scores = [(score, n) for n, (_, score, kind) in enumerate(model["pieces"]) if kind == 1]
    else:
        scores = [(score, n) for n, (_, score) in enumerate(model["vocab"])]
    return [min(scores)[1]] if scores else []

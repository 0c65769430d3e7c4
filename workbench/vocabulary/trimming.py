"""A tokenizer with fewer entries, written in the format of its own library.

The smaller one cuts every text as the larger did, as long as all tokens of that text were kept and
none is unknown: what is removed never took part in cutting it. For that the kept entries must be
closed over merge ancestors and hold what a post-processor puts around a text, which is the caller's
part (:func:`workbench.vocabulary.prune`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from workbench.tokenizers import Tokenizer, TokenizerError


def trimmed_file(tokenizer: Tokenizer, new_ids: Mapping[int, int]) -> tuple[str, bytes]:
    """The file of the smaller tokenizer.

    Args:
        tokenizer: the larger one.
        new_ids: old id to new id of what is kept, as :func:`number_anew` gives it.

    Returns:
        The file's suffix (``.json``, ``.model`` or ``.tiktoken``) and its bytes.

    Raises:
        TokenizerError: a model whose entries cannot be removed.
    """
    if tokenizer.library == "tokenizers":
        spec: dict[str, Any] = tokenizer.spec  # type: ignore[attr-defined]
        return ".json", json.dumps(_trim_json(spec, new_ids), ensure_ascii=False).encode()
    if tokenizer.library == "sentencepiece":
        return ".model", _trim_model(tokenizer, new_ids)
    if tokenizer.library == "tiktoken":
        return ".tiktoken", _trim_ranks(tokenizer, new_ids)
    raise TokenizerError(f"{tokenizer.name!r} is a rule, not a vocabulary: nothing can be removed")


def number_anew(tokenizer: Tokenizer, kept: set[int]) -> dict[int, int]:
    """New ids for kept entries, in the order of the old ones, without gaps.

    In a ``tokenizer.json`` the added tokens that the model does not know come last, since the
    library numbers them after its model.
    """
    later: set[int] = set()
    if tokenizer.library == "tokenizers":
        definition = tokenizer.definition
        known = _model_ids(definition["model"])
        later = {entry["id"] for entry in definition["added_tokens"]} - known
    elif tokenizer.library == "tiktoken":
        later = set(tokenizer.special_ids)
    order = sorted(kept - later) + sorted(kept & later)
    return {old: new for new, old in enumerate(order)}


def _model_ids(model: Mapping[str, Any]) -> set[int]:
    vocab = model["vocab"]
    return set(vocab.values()) if isinstance(vocab, dict) else set(range(len(vocab)))


def _trim_json(spec: Mapping[str, Any], new_ids: Mapping[int, int]) -> dict[str, Any]:
    model = dict(spec["model"])
    if isinstance(model["vocab"], dict):
        pairs = sorted(
            (new_ids[old], piece) for piece, old in model["vocab"].items() if old in new_ids
        )
        model["vocab"] = {piece: new for new, piece in pairs}
    else:
        model["vocab"] = [entry for old, entry in enumerate(model["vocab"]) if old in new_ids]
        if model.get("unk_id") is not None:
            model["unk_id"] = new_ids[model["unk_id"]]
    if "merges" in model:
        prefix = len(model.get("continuing_subword_prefix") or "")
        kept = model["vocab"]
        pairs_of = [m.split(" ", 1) if isinstance(m, str) else list(m) for m in model["merges"]]
        model["merges"] = [
            [left, right]
            for left, right in pairs_of
            if left in kept and right in kept and left + right[prefix:] in kept
        ]
    trimmed = dict(spec)
    trimmed["model"] = model
    trimmed["added_tokens"] = sorted(
        (
            {**entry, "id": new_ids[entry["id"]]}
            for entry in spec["added_tokens"]
            if entry["id"] in new_ids
        ),
        key=lambda entry: entry["id"],
    )
    trimmed["post_processor"] = _renumber(spec.get("post_processor"), new_ids.__getitem__)
    return trimmed


def ids_around(tokenizer: Tokenizer) -> set[int]:
    """The ids that a ``tokenizer.json`` has its post-processor put around a text.

    They need not be among the added tokens. The other libraries have no post-processor.
    """
    found: set[int] = set()

    def unchanged(number: int) -> int:
        found.add(number)
        return number

    if tokenizer.library == "tokenizers":
        spec: dict[str, Any] = tokenizer.spec  # type: ignore[attr-defined]
        _renumber(spec.get("post_processor"), unchanged)
    return found


def _renumber(processor: Any, new_id: Callable[[int], int]) -> Any:
    """The same post-processor with other ids."""
    if not isinstance(processor, dict):
        return processor
    done = dict(processor)
    if done.get("type") == "Sequence":
        done["processors"] = [_renumber(part, new_id) for part in done["processors"]]
    for name in ("sep", "cls"):
        if isinstance(done.get(name), list) and len(done[name]) == 2:
            done[name] = [done[name][0], new_id(done[name][1])]
    if isinstance(done.get("special_tokens"), dict):
        done["special_tokens"] = {
            name: {**token, "ids": [new_id(old) for old in token["ids"]]}
            for name, token in done["special_tokens"].items()
        }
    return done


def _trim_model(tokenizer: Tokenizer, new_ids: Mapping[int, int]) -> bytes:
    from sentencepiece import sentencepiece_model_pb2

    maker: Any = sentencepiece_model_pb2
    model = maker.ModelProto()
    model.ParseFromString(tokenizer.model_proto)  # type: ignore[attr-defined]
    pieces = [piece for old, piece in enumerate(model.pieces) if old in new_ids]
    kept = [piece.SerializeToString() for piece in pieces]
    del model.pieces[:]
    for data in kept:
        model.pieces.add().ParseFromString(data)
    trainer = model.trainer_spec
    trainer.vocab_size = len(kept)
    for name in ("unk_id", "bos_id", "eos_id", "pad_id"):
        old = getattr(trainer, name)
        if old >= 0:
            setattr(trainer, name, new_ids.get(old, -1))
    return bytes(model.SerializeToString())


def _trim_ranks(tokenizer: Tokenizer, new_ids: Mapping[int, int]) -> bytes:
    ranks: dict[bytes, int] = tokenizer.ranks  # type: ignore[attr-defined]
    rows = sorted((new_ids[rank], data) for data, rank in ranks.items() if rank in new_ids)
    return b"".join(b"%s %d\n" % (base64.b64encode(data), new) for new, data in rows)

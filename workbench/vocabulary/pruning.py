"""A smaller vocabulary for a known use: what a corpus needs, what that saves, what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.derivation.merges import ancestors, merge_options
from workbench.tokenizers import Tokenizer, TokenizerError, load_tokenizer
from workbench.vocabulary.entries import entries_of
from workbench.vocabulary.floor import always_kept, note
from workbench.vocabulary.trimming import number_anew, trimmed_file

Int64s = npt.NDArray[np.int64]
#: Bytes of one number of an embedding.
DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float8": 1, "int8": 1, "int4": 0.5}
#: Every HELD_OUT-th document is not counted, and tells what the pruned vocabulary covers.
HELD_OUT = 5


@dataclass(frozen=True, slots=True)
class Usage:
    """How often each id occurs in a corpus, and in the documents held out of it.

    Attributes:
        counts: occurrences by id in the counted documents, shape ``(highest id + 1,)``.
        held_out: ids of each held-out document.
        texts: the held-out documents.
        documents: how many were counted.
    """

    counts: Int64s
    held_out: tuple[Int64s, ...]
    texts: tuple[str, ...]
    documents: int


def count_usage(tokenizer: Tokenizer, corpus: Any, *, limit: int | None = None) -> Usage:
    """Count a tokenizer's ids on a corpus, every fifth document held out.

    Args:
        tokenizer: any with a closed vocabulary.
        corpus: a :class:`workbench.corpora.Corpus`, a polars frame with a column ``text``, or
            texts.
        limit: read this many documents at most.

    Raises:
        TokenizerError: fewer than two documents, or an open vocabulary.
    """
    texts = _texts(corpus, limit)
    if len(texts) < 2:
        raise TokenizerError(
            f"{len(texts)} document(s) given: at least 2 are needed, because every fifth is held "
            "out to measure what the pruned vocabulary covers"
        )
    highest = max(entries_of(tokenizer).ids)
    counts = np.zeros(highest + 1, dtype=np.int64)
    held: list[Int64s] = []
    held_texts: list[str] = []
    for start in range(0, len(texts), 4096):
        batch = texts[start : start + 4096]
        encoded = tokenizer.encode_batch(batch)
        for place, (text, ids) in enumerate(zip(batch, encoded, strict=True), start):
            row = np.asarray(ids, dtype=np.int64)
            if _is_held_out(place, len(texts)):
                held.append(row)
                held_texts.append(text)
            else:
                counts += np.bincount(row, minlength=highest + 1)
    return Usage(counts, tuple(held), tuple(held_texts), len(texts) - len(held))


def _is_held_out(place: int, documents: int) -> bool:
    step = min(HELD_OUT, documents)
    return place % step == step - 1


def _texts(corpus: Any, limit: int | None) -> list[str]:
    if hasattr(corpus, "batches"):
        corpus = corpus.head(limit) if limit else pl.concat(corpus.batches())
    if isinstance(corpus, pl.LazyFrame):
        lazy = corpus.select("text")
        corpus = (lazy.head(limit) if limit else lazy).collect()
    if isinstance(corpus, pl.DataFrame):
        found: list[str] = corpus["text"].to_list()
    elif isinstance(corpus, str):
        raise TokenizerError("a corpus is a list of texts, not one text: pass [text, text, …]")
    else:
        found = list(corpus)
    return found[:limit] if limit else found


class Pruning:
    """What pruning keeps, what it saves and what it costs; made by :func:`prune`.

    Attributes:
        tokenizer: the larger tokenizer.
        new_ids: old id to new id of every kept entry.
        reasons: for each kept id, why: ``used``, ``asked for``, ``special or added``, ``byte``,
            ``part of another`` (a merge ancestor) or ``lowest score`` (Unigram).
    """

    def __init__(self, tokenizer: Tokenizer, reasons: dict[int, str], usage: Usage) -> None:
        self.tokenizer = tokenizer
        self.reasons = reasons
        self.new_ids = number_anew(tokenizer, set(reasons))
        self._usage = usage

    @cached_property
    def trimmed(self) -> Tokenizer:
        """The smaller tokenizer, loaded from its own file."""
        with TemporaryDirectory() as folder:
            path = self.save(Path(folder) / "trimmed")
            return load_tokenizer(path, name=f"{self.tokenizer.name}-pruned", **self._options())

    def _options(self) -> dict[str, Any]:
        if self.tokenizer.library != "tiktoken":
            return {}
        tok = self.tokenizer
        special = {tok.piece(old): new for old, new in self.new_ids.items() if tok.is_special(old)}
        return {"pattern": tok.pattern, "special_tokens": special}  # type: ignore[attr-defined]

    def save(self, path: str | Path) -> Path:
        """Write the smaller tokenizer: ``tokenizer.json``, ``.model`` or ``.tiktoken``.

        Args:
            path: where; the suffix of the format is put in place of another.

        Returns:
            The path written. A ``.tiktoken`` file holds neither pattern nor special tokens: load
            it with ``load_tokenizer(path, pattern=…, special_tokens=…)``.
        """
        suffix, data = trimmed_file(self.tokenizer, self.new_ids)
        target = Path(path)
        target = target if target.suffix == suffix else target.with_name(target.name + suffix)
        target.write_bytes(data)
        return target

    def keeps(self, ids: Iterable[int]) -> bool:
        """Whether all these ids are kept and none is unknown: such a text is cut as before.

        An unknown token says nothing of the entries that were tried for it: WordPiece takes the
        longest piece and gives up where nothing follows, so a text that it could not cut may be
        cut once that piece is gone.

        Args:
            ids: what the larger tokenizer makes of a text.

        Example:
            >>> import workbench as wb
            >>> tok = wb.load_tokenizer("workbench-wordpiece")
            >>> pruning = prune(tok, ["the cat", "the mat"] * 5)
            >>> pruning.keeps(tok.encode("the cat")), pruning.keeps(tok.encode("the ☃"))
            (True, False)
        """
        unknown = self.tokenizer.unk_id
        return all(number in self.new_ids and number != unknown for number in ids)

    def embedding_bytes(
        self, width: int, dtype: str = "bfloat16", *, tied: bool = False
    ) -> dict[str, float]:
        """Memory of the embeddings before and after, in bytes.

        Args:
            width: numbers per entry (the model's hidden size).
            dtype: one of :data:`DTYPE_BYTES`.
            tied: input and output share one matrix; otherwise there are two.

        Returns:
            ``before``, ``after`` and ``saved``, in bytes.

        Example:
            >>> import workbench as wb
            >>> pruning = prune(wb.load_tokenizer("mistral-v1"), ["one text", "another"] * 5)
            >>> pruning.embedding_bytes(4096)["before"] / 2**20
            500.0
        """
        if dtype not in DTYPE_BYTES:
            raise TokenizerError(
                f"{dtype!r} is no known dtype: expected one of {list(DTYPE_BYTES)}"
            )
        per_entry = width * DTYPE_BYTES[dtype] * (1 if tied else 2)
        before = len(entries_of(self.tokenizer)) * per_entry
        after = len(self.new_ids) * per_entry
        return {"before": before, "after": after, "saved": before - after}

    def summary(self) -> pl.DataFrame:
        """One row per measure: ``measure, unit, value``; coverage is on held-out documents.

        Documents are unchanged as in :func:`pruning_coverage`.
        """
        held = self._usage.held_out
        tokens = sum(len(row) for row in held)
        values = pruning_coverage(self, self._usage)
        after = sum(len(ids) for ids in self.trimmed.encode_batch(list(self._usage.texts)))
        total = len(entries_of(self.tokenizer))
        rows = [
            ("entries before", "entries", total),
            ("entries kept", "entries", len(self.new_ids)),
            ("share kept", "share", len(self.new_ids) / total),
            ("documents counted", "documents", self._usage.documents),
            ("documents held out", "documents", len(held)),
            ("held-out tokens covered", "share", values["covered"]),
            ("held-out documents unchanged", "share", values["unchanged"]),
            ("held-out tokens after / before", "ratio", after / tokens if tokens else None),
        ]
        schema = {"measure": pl.String, "unit": pl.String, "value": pl.Float64}
        return pl.DataFrame(
            [(m, u, None if v is None else float(v)) for m, u, v in rows], schema, orient="row"
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per kept entry: ``id, new_id, piece, count, reason``."""
        tok = self.tokenizer
        rows = [
            (old, new, tok.piece(old), int(self._usage.counts[old]), self.reasons[old])
            for old, new in self.new_ids.items()
        ]
        schema = {
            "id": pl.Int64, "new_id": pl.Int64, "piece": pl.String, "count": pl.Int64,
            "reason": pl.String,
        }  # fmt: skip
        return pl.DataFrame(rows, schema, orient="row")

    def __repr__(self) -> str:
        return (
            f"Pruning({self.tokenizer.name!r}: {len(self.new_ids):,} of "
            f"{len(entries_of(self.tokenizer)):,} entries kept)"
        )


def prune(
    tokenizer: Tokenizer,
    corpus: Any,
    *,
    min_count: int = 1,
    keep: Sequence[int | str] = (),
    limit: int | None = None,
) -> Pruning:
    """Keep what a corpus uses, and all that is needed to make it.

    Kept are the entries that occur at least ``min_count`` times, the special and added tokens,
    single bytes, whatever ``keep`` names, and every merge ancestor of those. A text whose tokens
    are all kept, and none unknown, is then cut exactly as before (see :meth:`Pruning.keeps`).

    Args:
        tokenizer: of ``tokenizers``, ``tiktoken`` or SentencePiece.
        corpus: a corpus, a frame with a column ``text``, or texts; every fifth document is held
            out to measure coverage.
        min_count: occurrences an entry needs.
        keep: ids, or texts all of whose tokens are kept.
        limit: read this many documents at most.

    Raises:
        TokenizerError: a baseline, an unknown id, or too few documents.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("mistral-v1")
        >>> pruning = prune(tok, ["The cat sat.", "The mat."] * 5, keep=["strawberry"])
        >>> pruning.trimmed.decode(pruning.trimmed.encode("The cat"))
        'The cat'
    """
    _refuse_baselines(tokenizer)
    usage = count_usage(tokenizer, corpus, limit=limit)
    return _pruned(tokenizer, usage, min_count, keep)


def pruning_curve(
    tokenizer: Tokenizer,
    corpus: Any,
    *,
    min_counts: Sequence[int] = (1, 2, 3, 5, 10, 20, 50, 100),
    width: int = 4096,
    dtype: str = "bfloat16",
    limit: int | None = None,
) -> pl.DataFrame:
    """What pruning ever harder keeps, covers and saves.

    Returns:
        One row per ``min_count``: ``entries`` kept, ``share``, ``covered`` (share of held-out
        tokens that are kept), ``unchanged`` (share of held-out documents, as in
        :func:`pruning_coverage`), ``saved_mib`` of embeddings (input and output, at ``width`` and
        ``dtype``).
    """
    _refuse_baselines(tokenizer)
    usage = count_usage(tokenizer, corpus, limit=limit)
    total = len(entries_of(tokenizer))
    rows: list[dict[str, Any]] = []
    for min_count in min_counts:
        pruning = _pruned(tokenizer, usage, min_count, ())
        values = dict(pruning_coverage(pruning, usage))
        rows.append(
            {
                "min_count": min_count,
                "entries": len(pruning.new_ids),
                "share": len(pruning.new_ids) / total,
                **values,
                "saved_mib": pruning.embedding_bytes(width, dtype)["saved"] / 2**20,
            }
        )
    return pl.DataFrame(rows)


def pruning_coverage(pruning: Pruning, usage: Usage) -> dict[str, float | None]:
    """How much of the held-out documents is kept.

    Args:
        pruning: from :func:`prune`.
        usage: from :func:`count_usage`, of the same tokenizer.

    Returns:
        ``covered``, the share of held-out tokens that are kept, and ``unchanged``, the share of
        held-out documents that must be cut as before: all of their tokens are kept and none is
        unknown. None where nothing is held out.
    """
    kept = np.zeros(len(usage.counts), dtype=bool)
    kept[list(pruning.new_ids)] = True
    tokens = sum(len(row) for row in usage.held_out)
    covered = sum(int(kept[row].sum()) for row in usage.held_out)
    unchanged = sum(pruning.keeps(row.tolist()) for row in usage.held_out)
    return {
        "covered": covered / tokens if tokens else None,
        "unchanged": unchanged / len(usage.held_out) if usage.held_out else None,
    }


def _refuse_baselines(tokenizer: Tokenizer) -> None:
    if tokenizer.library == "workbench":
        raise TokenizerError(
            f"{tokenizer.name!r} is a rule, not a vocabulary: nothing can be removed from it"
        )


def _pruned(
    tokenizer: Tokenizer, usage: Usage, min_count: int, keep: Sequence[int | str]
) -> Pruning:
    if min_count < 1:
        raise TokenizerError(f"min_count is {min_count}: an entry is used once at least, or not")
    reasons: dict[int, str] = dict.fromkeys(
        np.flatnonzero(usage.counts >= min_count).tolist(), "used"
    )
    for wanted in keep:
        if isinstance(wanted, str):
            note(reasons, tokenizer.encode(wanted), "asked for")
        else:
            tokenizer.piece(wanted)  # refuses an unknown id
            note(reasons, [wanted], "asked for")
    for number, reason in always_kept(tokenizer).items():
        note(reasons, [number], reason)
    note(reasons, ancestors(reasons, merge_options(tokenizer)), "part of another")
    return Pruning(tokenizer, reasons, usage)

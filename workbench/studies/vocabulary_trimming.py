"""How much of a vocabulary does one language or domain need?

The claim (vocabulary trimming; Ushio, Zhou and Camacho-Collados 2023): keep the entries that a
language uses, drop the rest, and a multilingual model becomes small with nothing lost.

:func:`workbench.vocabulary.pruning.prune` does it, closed over merge ancestors: published code
filters the vocabulary but not the merges, and BPE then fails to load. Here are the share kept
against coverage of held-out text, with intervals, and the promise that a text whose tokens are all
kept is cut as before. That a model keeps its quality needs the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.corpora import Corpus
from workbench.corpora.languages import language_in
from workbench.studies.verdicts import Estimate, ratio_over_documents, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer
from workbench.vocabulary.pruning import Pruning, count_usage, prune

__all__ = ["PAPER", "SHOWN", "coverage", "documents_by", "same_where_kept", "smaller", "verdict"]

_SENTENCE_END = re.compile(r"(?<=[.!?।。])\s+|\n+")

PAPER = "Ushio, Zhou and Camacho-Collados 2023"

SHOWN = ("eng_Latn", "deu_Latn", "tur_Latn", "hin_Deva")
"""What the notebook trims to where the corpus has them."""


def documents_by(
    corpus: Corpus,
    by: str = "language",
    groups: Sequence[str] = (),
    *,
    most_characters: int = 60_000,
) -> dict[str, list[str]]:
    """Sentences of a corpus by language or domain.

    Args:
        corpus: Any.
        by: ``language`` or ``domain``.
        groups: Only these (languages however they are written); none keeps all.
        most_characters: Sentences of a group are taken until they hold so many, so that groups
            are of like size: more text needs more of a vocabulary.

    Returns:
        Sentences by group, in the order of the groups' names; one group, "(no language)" or
        "(no domain)", where the corpus names none at all. Neighbours of one document may fall on
        both sides of a split, which flatters coverage.

    Raises:
        ValueError: When ``by`` is neither, or a group has fewer than ten sentences.
        CorpusError: When there is no such language.
    """
    if by not in ("language", "domain"):
        raise ValueError(f"by is 'language' or 'domain', not {by!r}.")
    frame = pl.concat(corpus.batches()).select(pl.col(by).cast(pl.String), "text")
    if frame[by].is_null().all():
        groups, frame = (), frame.with_columns(pl.lit(f"(no {by})").alias(by))
    there = [str(name) for name in frame[by].drop_nulls().unique()]
    wanted = [language_in(corpus, one) for one in groups] if by == "language" else list(groups)
    names = wanted or sorted(there)
    out: dict[str, list[str]] = {}
    for name in names:
        sentences: list[str] = []
        size = 0
        for text in frame.filter(pl.col(by) == name)["text"]:
            for sentence in _SENTENCE_END.split(text):
                if sentence.strip() and size < most_characters:
                    sentences.append(sentence)
                    size += len(sentence)
        if len(sentences) < 10:
            remedy = "" if name in there else f" {corpus.name} has {', '.join(sorted(there))}."
            raise ValueError(
                f"The group {name!r} has {len(sentences)} sentences: ten are the least, because "
                f"every fifth is held out.{remedy}"
            )
        out[name] = sentences
    return out


def smaller(tokenizer: Tokenizer, texts: Sequence[str], min_count: int = 1) -> Pruning:
    """The vocabulary that some texts use; see :func:`workbench.vocabulary.pruning.prune`.

    Args:
        tokenizer: With a vocabulary.
        texts: Every fifth is held out.
        min_count: Occurrences an entry needs.

    Returns:
        What is kept, and the smaller tokenizer.

    Raises:
        TokenizerError: As :func:`workbench.vocabulary.pruning.prune`.
    """
    return prune(tokenizer, list(texts), min_count=min_count)


def coverage(
    tokenizers: Sequence[Tokenizer],
    groups: Mapping[str, Sequence[str]],
    min_counts: Sequence[int] = (1, 2, 4, 8),
    *,
    seed: int = 0,
) -> pl.DataFrame:
    """Share of the vocabulary kept against share of held-out tokens that it covers.

    Args:
        tokenizers: With vocabularies.
        groups: Documents by language or domain; every fifth is held out.
        min_counts: Occurrences an entry needs, harder and harder.
        seed: Of the bootstrap over held-out documents.

    Returns:
        ``tokenizer, group, min_count, entries, share_kept, covered, ci_low, ci_high`` (share of
        held-out tokens), ``length`` (tokens of the held-out texts after trimming over before),
        ``unchanged`` (share of held-out documents cut as before) and ``held_out`` (documents).

    Raises:
        TokenizerError: As :func:`workbench.vocabulary.pruning.prune`.
    """
    rows: list[dict[str, Any]] = []
    for tok in tokenizers:
        for group, texts in groups.items():
            usage = count_usage(tok, list(texts))
            held = list(usage.texts)
            tokens = [len(ids) for ids in usage.held_out]
            for min_count in min_counts:
                pruning = smaller(tok, texts, min_count)
                kept = np.zeros(len(usage.counts), dtype=bool)
                kept[list(pruning.new_ids)] = True
                inside = [int(kept[ids].sum()) for ids in usage.held_out]
                after = pruning.trimmed.encode_batch(held)
                share = ratio_over_documents(inside, tokens, seed=seed)
                rows.append(
                    {
                        "tokenizer": tok.name,
                        "group": group,
                        "min_count": min_count,
                        "entries": len(pruning.new_ids),
                        "share_kept": len(pruning.new_ids) / len(tok.ids()),
                        "covered": share.value,
                        "ci_low": share.low,
                        "ci_high": share.high,
                        "length": sum(map(len, after)) / sum(tokens),
                        "unchanged": sum(i == n for i, n in zip(inside, tokens, strict=True))
                        / len(tokens),
                        "held_out": len(held),
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def same_where_kept(pruning: Pruning, texts: Sequence[str]) -> pl.DataFrame:
    """Whether texts whose tokens are all kept are cut as before.

    Args:
        pruning: From :func:`smaller`.
        texts: Any.

    Returns:
        ``text`` (its number), ``kept`` (whether all its tokens are), ``same`` (whether the smaller
        tokenizer makes the same tokens, ids translated) and ``decoded`` (whether it decodes to
        what the larger one does). Where ``kept`` is true, ``same`` must be.
    """
    tok, less = pruning.tokenizer, pruning.trimmed
    before, after = tok.encode_batch(list(texts)), less.encode_batch(list(texts))
    rows = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        kept = pruning.keeps(old)
        same = kept and [pruning.new_ids[i] for i in old] == new
        rows.append((number, kept, same, less.decode(new) == tok.decode(old)))
    return pl.DataFrame(
        rows,
        schema={
            "text": pl.Int64,
            "kept": pl.Boolean,
            "same": pl.Boolean,
            "decoded": pl.Boolean,
        },
        orient="row",
    )


def verdict(table: pl.DataFrame, checks: pl.DataFrame) -> pl.DataFrame:
    """How small a vocabulary gets, what unseen text it covers, and whether it cuts as before.

    Args:
        table: From :func:`coverage`.
        checks: From :func:`same_where_kept`, of one or more trimmings.

    Returns:
        The rows of a verdict.
    """
    rows = []
    gentle = table.filter(pl.col("min_count") == table["min_count"].min())
    for row in gentle.to_dicts():
        covered = Estimate(row["covered"], row["ci_low"], row["ci_high"], row["held_out"])
        rows.append(
            verdict_row(
                "A language needs a small part of a large vocabulary, and loses nothing",
                PAPER,
                f"share of held-out tokens covered, {row['group']}, {row['tokenizer']}",
                covered,
                f"{row['share_kept']:.1%} of the entries is kept; texts "
                + (
                    "no longer"
                    if row["length"] <= 1
                    else f"{row['length'] - 1:.1%} longer: something is lost"
                ),
            )
        )
    kept = checks.filter(pl.col("kept"))
    if kept.height:
        same = int(kept["same"].sum()) / kept.height
        rows.append(
            verdict_row(
                "Where all tokens are kept, a text is cut as before",
                PAPER,
                f"share of {kept.height} such texts",
                same,
                "holds" if same == 1 else "does not hold",
            )
        )
    return verdict_frame(rows)

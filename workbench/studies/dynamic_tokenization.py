"""Dynamic tokenization: merge what is frequent in the batch (Feher, Vulić and Minixhofer 2024).

The method: cut a batch with an ordinary tokenizer; merge the most frequent adjacent pair of
tokens wherever it stands inside a word; repeat up to M times. Sequences become shorter, most so
in languages that the vocabulary cuts finely.

What is shown here is the shortening. That a model keeps its accuracy needs embeddings for the new
tokens, which the paper predicts with a hypernetwork for XLM-R and Mistral-7B: a reader needs both,
and nothing is claimed for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import polars as pl

from workbench.corpora import Corpus
from workbench.segmentation import Segmentation, segment
from workbench.studies.documents import documents_by_language
from workbench.studies.dynamic_tokenizer import DynamicTokenizer, Merge, learn_merges
from workbench.studies.verdicts import (
    Estimate,
    mean_over_seeds,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "PAPER",
    "README_BATCH",
    "SHOWN",
    "DynamicTokenizer",
    "Merge",
    "dynamic_tokenizer",
    "length_curve",
    "merge_story",
    "premiums",
    "readme_example",
    "verdict",
]

PAPER = "Feher, Vulić and Minixhofer 2024"

SHOWN = ("eng_Latn", "deu_Latn", "tur_Latn", "hin_Deva", "jpn_Jpan")
"""What the notebook shows of a corpus that has them: from coarsely to finely cut."""

README_BATCH = (
    "Ribonucleoprotein particles regulate mRNA stability.",
    "mRNA stability is modulated by ribonucleoprotein factors.",
)
"""The two sentences of the example in the README of the authors' code
(github.com/DariusFeher/dynamic-tokenization), cut there by Mistral-7B's first tokenizer."""


def dynamic_tokenizer(texts: Sequence[str], base: Tokenizer, merges: int = 10) -> DynamicTokenizer:
    """The tokenizer of one batch; see :func:`~.dynamic_tokenizer.learn_merges`.

    Args:
        texts: The batch.
        base: Any tokenizer with a closed vocabulary.
        merges: M.

    Returns:
        A tokenizer like any other; ``merge_frame()`` lists its merges, ``at(step)`` goes back.

    Raises:
        ValueError: When the number of merges is negative, or the vocabulary open.
    """
    return learn_merges(texts, base, merges)


def merge_story(
    text: str, tokenizer: DynamicTokenizer, steps: Sequence[int] | None = None
) -> list[Segmentation]:
    """A text after some of the merges, for the token view.

    Args:
        text: One text, usually of the batch.
        tokenizer: With its merges.
        steps: After how many merges each; by default the start and every merge that changes this
            text.

    Returns:
        One segmentation per step, each by a tokenizer named after the step.
    """
    if steps is not None:
        return [segment(text, tokenizer.at(step)) for step in steps]
    story = [segment(text, tokenizer.at(0))]
    for step in range(1, len(tokenizer.merges) + 1):
        after = segment(text, tokenizer.at(step))
        if len(after) < len(story[-1]):
            story.append(after)
    return story


def readme_example(base: Tokenizer | None = None) -> pl.DataFrame:
    """The authors' example: two sentences, ten merges.

    Their README counts 36 tokens before and 20 after; the 36 hold two begin tokens and a padding
    token, the 20 two begin and two end tokens. Text alone: 33 before, 16 after.

    Args:
        base: By default mistral-v1, the tokenizer of the example.

    Returns:
        ``step, left, right, merged, count, tokens`` (text alone), with a row for step 0, and
        ``as_counted`` (with the special tokens of the README: three before, four after).
    """
    base = load_tokenizer("mistral-v1") if base is None else base
    result = dynamic_tokenizer(README_BATCH, base, 10)
    start = sum(len(base.encode(text)) for text in README_BATCH)
    frame = result.merge_frame()
    zero = pl.DataFrame(
        [(0, None, None, None, None, start)], schema=dict(frame.schema), orient="row"
    )
    # Two begin tokens and one padding token before, two begin and two end tokens after.
    return pl.concat([zero, frame]).with_columns(
        as_counted=pl.col("tokens") + pl.when(pl.col("step") == 0).then(3).otherwise(4)
    )


def length_curve(
    corpus: Corpus | str,
    base: Tokenizer | Sequence[Tokenizer],
    merges: Sequence[int] = (0, 10, 20, 50, 100, 200),
    *,
    languages: Sequence[str] | None = None,
    batch_size: int = 10,
    batches: int | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Tokens after M merges over tokens before, by language.

    Args:
        corpus: As for :func:`~.documents.documents_by_language`: one that names no language is
            one group.
        base: Any tokenizer with a closed vocabulary, or several.
        merges: Values of M.
        languages: Which, in this order; all by default.
        batch_size: Documents that are merged together.
        batches: At most so many per language; all by default.
        seed: Of the bootstrap over batches.

    Returns:
        ``tokenizer, language, merges, tokens_before, tokens, ratio, ci_low, ci_high, batches,
        applied`` (merges that were left to make, mean over batches). The unit of the interval is
        the batch, since its documents share their merges.

    Raises:
        CorpusError: When a language is not in the corpus, or there is no document.
    """
    bases = [base] if isinstance(base, Tokenizer) else list(base)
    documents = documents_by_language(corpus, languages or ())
    rows = []
    most = max(merges, default=0)
    for tok, (language, texts) in itertools.product(bases, documents.items()):
        groups = [texts[i : i + batch_size] for i in range(0, len(texts), batch_size)][:batches]
        before: list[int] = []
        applied: list[int] = []
        after: dict[int, list[int]] = {m: [] for m in merges}
        for group in groups:
            start = sum(map(len, tok.encode_batch(group)))
            counts = [start, *(m.tokens for m in learn_merges(group, tok, most).merges)]
            before.append(start)
            applied.append(len(counts) - 1)
            for m in merges:
                after[m].append(counts[min(m, len(counts) - 1)])
        for m in merges:
            ratio = ratio_over_documents(after[m], before, seed=seed)
            rows.append(
                {
                    "tokenizer": tok.name,
                    "language": language,
                    "merges": m,
                    "tokens_before": sum(before),
                    "tokens": sum(after[m]),
                    "ratio": ratio.value,
                    "ci_low": ratio.low,
                    "ci_high": ratio.high,
                    "batches": len(groups),
                    "applied": float(np.mean([min(m, a) for a in applied])),
                }
            )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def premiums(curve: pl.DataFrame, reference: str) -> pl.DataFrame:
    """Tokens of each language over those of a reference language, before and after M merges.

    Args:
        curve: From :func:`length_curve` on a parallel corpus.
        reference: A language of the curve.

    Returns:
        ``tokenizer, language, merges, premium``; the same M on both sides.

    Raises:
        ValueError: When the reference is not in the curve.
    """
    of = curve.filter(pl.col("language") == reference).select(
        "tokenizer", "merges", pl.col("tokens").alias("reference_tokens")
    )
    if of.is_empty():
        raise ValueError(f"The curve has no language {reference!r} to compare with.")
    return (
        curve.join(of, on=["tokenizer", "merges"], maintain_order="left")
        .with_columns(premium=pl.col("tokens") / pl.col("reference_tokens"))
        .filter(pl.col("language") != reference)
        .select("tokenizer", "language", "merges", "premium")
    )


def verdict(curve: pl.DataFrame, reference: str | None = None) -> pl.DataFrame:
    """How much shorter sequences become, and whether the gap between languages narrows.

    Args:
        curve: From :func:`length_curve`.
        reference: A language to compare with, if the corpus is parallel.

    Returns:
        The rows of a verdict. Intervals are over languages; over batches where there is one.
    """
    example = readme_example()
    ends = (example["as_counted"][0], example["as_counted"][-1])
    rows = [
        verdict_row(
            "The authors' example goes from 36 to 20 tokens in ten merges",
            PAPER,
            "tokens after ten merges, counted as there",
            float(ends[1]),
            "reproduced" if ends == (36, 20) else f"not reproduced: {ends[0]} to {ends[1]}",
        )
    ]
    for (name, m), part in curve.group_by("tokenizer", "merges", maintain_order=True):
        if m == 0:
            continue
        if part.height == 1:  # one language: the batches are what varies
            saved = part.with_columns(-pl.col("ratio", "ci_low", "ci_high") + 1).row(0, named=True)
            estimate = Estimate(saved["ratio"], saved["ci_high"], saved["ci_low"], saved["batches"])
        else:
            estimate = mean_over_seeds(1 - part["ratio"].to_numpy())
        over = f"mean of {part.height} languages" if part.height > 1 else str(part["language"][0])
        rows.append(
            verdict_row(
                "Merging frequent pairs of the batch shortens sequences",
                PAPER,
                f"share of tokens saved, M = {m}, {over}, {name}",
                estimate,
                "nothing is left to merge"
                if part["applied"].sum() == 0
                else estimate.side(0, "the opposite", "holds"),
            )
        )
    if reference is None:
        return verdict_frame(rows)
    for (name,), table in premiums(curve, reference).group_by("tokenizer", maintain_order=True):
        steps = table["merges"].to_list()
        first, last = min(steps), max(steps)
        # Half the tokens of the reference are as far from it as twice as many.
        gaps = table.with_columns(pl.col("premium").log(2).abs())
        wide = gaps.pivot(on="merges", index="language", values="premium")
        estimate = mean_over_seeds(wide[str(last)].to_numpy() - wide[str(first)].to_numpy())
        rows.append(
            verdict_row(
                "Languages come closer to each other",
                PAPER,
                f"change of |log₂ premium| over {reference}, M = {first} to {last}, mean of "
                f"{wide.height} languages, {name}",
                estimate,
                estimate.side(0, "holds", "the opposite"),
            )
        )
    return verdict_frame(rows)

"""Dynamic tokenization: merge what is frequent in the batch (Feher, Vulić and Minixhofer 2024).

The method: cut a batch with an ordinary tokenizer; merge the most frequent adjacent pair of
tokens wherever it stands inside a word; repeat up to M times. Sequences become shorter, most so
in languages that the vocabulary cuts finely.

What is shown here is the shortening. That a model keeps its accuracy needs embeddings for the new
tokens, which the paper predicts with a hypernetwork for XLM-R and Mistral-7B: a reader needs both,
and nothing is claimed for it.

Documents of a batch share their merges, so batches are what is resampled, the same ones in every
language where languages have equally many. Languages are chosen, not drawn: an interval says
nothing of others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from workbench.corpora import Corpus
from workbench.metrics._base import FloatArray
from workbench.segmentation import Segmentation, segment
from workbench.studies.arguments import one_row_each, tokenizer_list
from workbench.studies.documents import documents_by_language
from workbench.studies.dynamic_example import (
    README_BATCH,
    README_TOKENS,
    readme_example,
    readme_tokens,
)
from workbench.studies.dynamic_tokenizer import DynamicTokenizer, Merge, learn_merges
from workbench.studies.verdicts import (
    Estimate,
    function_of_sums,
    judged,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "PAPER",
    "README_BATCH",
    "README_TOKENS",
    "SHOWN",
    "DynamicTokenizer",
    "Merge",
    "dynamic_tokenizer",
    "length_curve",
    "merge_story",
    "premiums",
    "readme_example",
    "readme_tokens",
    "verdict",
]

PAPER = "Feher, Vulić and Minixhofer 2024"
KEYS = ("tokenizer", "language", "merges")

SHOWN = ("eng_Latn", "deu_Latn", "tur_Latn", "hin_Deva", "jpn_Jpan")
"""What the notebook shows of a corpus that has them: from coarsely to finely cut."""


def dynamic_tokenizer(
    texts: Sequence[str], base: Tokenizer | str, merges: int = 10
) -> DynamicTokenizer:
    """The tokenizer of one batch; see :func:`~.dynamic_tokenizer.learn_merges`.

    Args:
        texts: The batch.
        base: Any tokenizer with a closed vocabulary, or the name of one.
        merges: M.

    Returns:
        A tokenizer like any other; ``merge_frame()`` lists its merges, ``at(step)`` goes back.

    Raises:
        ValueError: As :func:`~.dynamic_tokenizer.learn_merges`.

    >>> merged = dynamic_tokenizer(["no, no"], "bytes", 1)
    >>> len(merged.encode("no")), merged.name
    (1, 'bytes + 1 merges')
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

    Raises:
        ValueError: When there are not as many merges as a step asks for.

    >>> merged = dynamic_tokenizer(["no, no, yes"], "bytes", 3)
    >>> [len(cut) for cut in merge_story("no", merged)]
    [2, 1]
    """
    if steps is not None:
        return [segment(text, tokenizer.at(step)) for step in steps]
    story = [segment(text, tokenizer.at(0))]
    for step in range(1, len(tokenizer.merges) + 1):
        after = segment(text, tokenizer.at(step))
        if len(after) < len(story[-1]):
            story.append(after)
    return story


def length_curve(
    corpus: Corpus | str,
    base: Tokenizer | str | Sequence[Tokenizer | str],
    merges: Sequence[int] = (0, 10, 20, 50, 100, 200),
    *,
    languages: Sequence[str] | None = None,
    batch_size: int = 5,
    batches: int | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Tokens after M merges over tokens before, by language.

    Args:
        corpus: As for :func:`~.documents.documents_by_language`: one that names no language is
            one group.
        base: Any tokenizer with a closed vocabulary, or several, or their names.
        merges: Values of M, each once.
        languages: Which, in this order; all by default.
        batch_size: Documents that are merged together.
        batches: At most so many per language; all by default.
        seed: Of the bootstrap over batches.

    Returns:
        ``tokenizer, language, merges, tokens_before, tokens, ratio, ci_low, ci_high, batches,
        applied`` (merges that were left to make, mean over batches), ``tokens_per_character``
        (before merging: how finely the language is cut), ``batch_before`` and ``batch_tokens``
        (tokens of each batch before and after). The interval of a ratio is over batches.

    Raises:
        ValueError: When a number is out of range, M is given twice or not at all, a vocabulary is
            open, or two tokenizers share a name.
        CorpusError: When a language is not in the corpus, or there is no document.

    >>> curve = length_curve("parallel", "bytes", [0, 3], languages=["eng_Latn"], batch_size=10)
    >>> curve["ratio"].round(2).to_list()
    [1.0, 0.93]
    """
    if not merges or min(merges) < 0 or len(set(merges)) < len(merges):
        raise ValueError(
            f"The values of M are one or more numbers from 0 on, each once, not {list(merges)}."
        )
    if batch_size < 1 or (batches is not None and batches < 1):
        raise ValueError(
            f"A batch has a document at least, and there is a batch at least: not {batch_size} "
            f"documents in {batches} batches."
        )
    bases = tokenizer_list(base)
    documents = documents_by_language(corpus, languages or ())
    rows = []
    for tok, (language, texts) in itertools.product(bases, documents.items()):
        groups = [texts[i : i + batch_size] for i in range(0, len(texts), batch_size)][:batches]
        before: list[int] = []
        applied: list[int] = []
        after: dict[int, list[int]] = {m: [] for m in merges}
        for group in groups:
            start = sum(map(len, tok.encode_batch(group)))
            counts = [start, *(m.tokens for m in learn_merges(group, tok, max(merges)).merges)]
            before.append(start)
            applied.append(len(counts) - 1)
            for m in merges:
                after[m].append(counts[min(m, len(counts) - 1)])
        characters = sum(map(len, itertools.chain.from_iterable(groups)))
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
                    "tokens_per_character": sum(before) / characters,
                    "batch_before": before,
                    "batch_tokens": after[m],
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
        ValueError: When the reference is not in the curve, or two tokenizers share a name.

    >>> rows = {"tokenizer": "t", "language": ["en", "hi"], "merges": 0, "tokens": [10, 25]}
    >>> premiums(pl.DataFrame(rows), "en").row(0)
    ('t', 'hi', 0, 2.5)
    """
    one_row_each(curve, KEYS)
    _need_language(curve, reference)
    of = curve.filter(pl.col("language") == reference).select(
        "tokenizer", "merges", pl.col("tokens").alias("reference_tokens")
    )
    return (
        curve.join(of, on=["tokenizer", "merges"], maintain_order="left")
        .with_columns(premium=pl.col("tokens") / pl.col("reference_tokens"))
        .filter(pl.col("language") != reference)
        .select("tokenizer", "language", "merges", "premium")
    )


def _need_language(curve: pl.DataFrame, reference: str) -> None:
    if reference not in curve["language"]:
        raise ValueError(f"The curve has no language {reference!r} to compare with.")


def _saved(sums: FloatArray) -> FloatArray:
    """Share of tokens saved by language, from sums of shape ``(..., languages, 2)``."""
    return np.asarray(1 - sums[..., 1] / sums[..., 0])


def _mean_saved(sums: FloatArray) -> FloatArray:
    return np.asarray(_saved(sums).mean(axis=-1))


def _closer(sums: FloatArray) -> FloatArray:
    """By how much languages are farther from the first one after merging than before.

    Half the tokens of the first are as far from it as twice as many.
    """
    gaps = np.abs(np.log2(sums[..., 1:, :] / sums[..., :1, :]))
    return np.asarray((gaps[..., 1] - gaps[..., 0]).mean(axis=-1))


def _agreement(fineness: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Kendall's τ of how finely languages are cut with what they save."""
    order = np.sign(fineness[:, None] - fineness)
    pairs = len(fineness) * (len(fineness) - 1)

    def tau(sums: FloatArray) -> FloatArray:
        saved = _saved(sums)
        agree = order * np.sign(saved[..., :, None] - saved[..., None, :])
        return np.asarray(agree.sum(axis=(-2, -1)) / pairs)

    return tau


def _over_batches(
    value: Callable[[FloatArray], FloatArray], part: pl.DataFrame, seed: int
) -> Estimate:
    """A function of the tokens of each language, with an interval over batches.

    Args:
        value: From sums of shape ``(..., languages, 2)``, tokens before and after.
        part: The rows of one tokenizer and M, one a language.
        seed: Of the resampling.

    Returns:
        The estimate; its ``n`` is the fewest batches of a language, and one batch has no interval.
    """
    counts = [
        np.array(both, dtype=np.float64).T
        for both in part.select("batch_before", "batch_tokens").rows()
    ]
    fewest = min(map(len, counts))
    if all(len(batches) == fewest for batches in counts):
        units = np.stack(counts, axis=1)
    else:  # nothing to draw jointly: a batch of one language has no tokens in the others
        units = np.zeros((sum(map(len, counts)), len(counts), 2))
        places = itertools.accumulate(map(len, counts), initial=0)
        for number, (place, batches) in enumerate(zip(places, counts, strict=False)):
            units[place : place + len(batches), number] = batches
    found = function_of_sums(value, units, seed=seed)
    assert found is not None, "a batch with text in it has tokens"
    if fewest == 1:
        return Estimate(found.value, None, None, 1)
    return Estimate(found.value, found.low, found.high, fewest)


def verdict(curve: pl.DataFrame, reference: str | None = None, seed: int = 0) -> pl.DataFrame:
    """How much shorter sequences become, where most, and whether the gap of languages narrows.

    Args:
        curve: From :func:`length_curve`.
        reference: A language to compare with, if the corpus is parallel.
        seed: Of the bootstrap over batches.

    Returns:
        The rows of a verdict, for every tokenizer and M of the curve but 0. The languages are
        those of the curve, and the intervals are over its batches.

    Raises:
        ValueError: As :func:`premiums`.

    >>> curve = length_curve("parallel", "bytes", [5], languages=["eng_Latn"])
    >>> verdict(curve)["verdict"].to_list()
    ['reproduced', 'holds']
    """
    one_row_each(curve, KEYS)
    if reference is not None:
        _need_language(curve, reference)
    saved, finest, closer = [], [], []
    asked = curve.filter(pl.col("merges") > 0)
    for (name, m), part in asked.group_by("tokenizer", "merges", maintain_order=True):
        several = part.height > 1
        over = f"mean of {part.height} languages" if several else str(part["language"][0])
        found = _over_batches(_mean_saved, part, seed)
        behind = f"over {found.n} batch{'' if found.n == 1 else 'es'}, {name}"
        saved.append(
            verdict_row(
                "Merging frequent pairs of the batch shortens sequences",
                PAPER,
                f"share of tokens saved, M = {m}, {over}, {behind}",
                found,
                "nothing is left to merge"
                if part["applied"].sum() == 0
                else judged(found, 0, "the opposite", "holds", of="batches"),
            )
        )
        if not several:
            continue
        tau = _over_batches(_agreement(part["tokens_per_character"].to_numpy()), part, seed)
        finest.append(
            verdict_row(
                "Languages that the vocabulary cuts finely save most",
                PAPER,
                f"Kendall's τ of tokens per character before with the share saved, M = {m}, "
                f"{part.height} languages, {behind}",
                tau,
                judged(tau, 0, "the opposite", "holds", of="batches"),
            )
        )
        if reference is None:
            continue
        first = part.sort(pl.col("language") != reference, maintain_order=True)
        change = _over_batches(_closer, first, seed)
        ran = first["applied"][0]
        still = f"; {reference} ran out at {ran:.3g} merges a batch" if ran < m else ""
        closer.append(
            verdict_row(
                "Languages come closer to each other",
                PAPER,
                f"change of |log₂ premium| over {reference}, M = 0 to {m}, mean of "
                f"{part.height - 1} languages, {behind}",
                change,
                judged(change, 0, "holds", "the opposite", of="batches") + still,
            )
        )
    return verdict_frame([_example_row(), *saved, *finest, *closer])


def _example_row() -> dict[str, object]:
    tokens = readme_tokens()
    equal = (tokens["after"] == tokens["published"]).sum()
    example = readme_example()
    ends = (example["as_counted"][0], example["as_counted"][-1])
    same = ends == (36, 20) and equal == tokens.height
    return verdict_row(
        "The authors' example goes from 36 to 20 tokens in ten merges, special tokens counted",
        PAPER,
        f"tokens of its text that are the published ones, of {sum(map(len, README_TOKENS))}",
        float(equal),
        "reproduced" if same else f"not reproduced: {ends[0]} to {ends[1]}",
    )

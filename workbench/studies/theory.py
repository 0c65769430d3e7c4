"""Why tokens help a model without context (Rajaraman, Jiao and Ramchandran 2024).

The claim: on a k-th order Markov source, a unigram model over characters is stuck at the entropy
of one character, while a unigram model over the tokens of a good dictionary comes close to the
entropy rate of the source as the dictionary grows: tokens carry the context that the model lacks.

The experiment: sample a switching source (closed-form entropy), build a dictionary by LZW or BPE
on one sample, count its tokens, and take −Σ log2 q(token) / characters on a fresh sample. Several
seeds give an interval. A model of that kind then reads texts: bits per byte on held-out
paragraphs, of any tokenizer and any corpus, beside bytes alone and bytes with a memory. Nothing
here is a transformer: the paper's second half (transformers learn unigram models over tokens, and
struggle with the bare source) needs training and is the laboratory's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.studies.documents import Split
from workbench.studies.markov import (
    LETTERS,
    SwitchingSource,
    at_least_one,
    bpe_dictionary,
    bpe_encode,
    greedy_encode,
    lzw_dictionary,
    smaller_bpe,
)
from workbench.studies.token_ngram import TokenNgram
from workbench.studies.verdicts import (
    Estimate,
    in_columns,
    mean_over_seeds,
    ratio_difference,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["BASELINES", "PAPER", "CrossEntropyRow", "SwitchingSource", "cross_entropies",
           "dictionary_curve", "text_cross_entropies", "text_verdict", "token_bits",
           "unigram_cross_entropy", "verdict"]  # fmt: skip

PAPER = "Rajaraman, Jiao and Ramchandran 2024"
Method = Literal["characters", "LZW", "BPE"]
CrossEntropyRow = dict[str, str | int | float]

_MEMORY = 4
BASELINES = ("bytes, no context", f"bytes, {_MEMORY} before")
"""What tokens are measured against on a text: a model of bytes that sees nothing, and one that
sees the bytes before."""


def unigram_cross_entropy(
    counted: Sequence[str], scored: Sequence[str], vocabulary: Sequence[str]
) -> float:
    """Bits per character of some tokens under a unigram model counted on others.

    q(t) = (count(t) + ½) / (tokens + V/2): the Krichevsky-Trofimov estimate, so that an entry that
    was never counted costs much but not infinitely much.

    Args:
        counted: Tokens to estimate q on.
        scored: Tokens to score; their lengths are the characters.
        vocabulary: All V entries.

    Returns:
        −Σ log2 q(token) / Σ characters.

    Raises:
        ValueError: When there is nothing to score, not even a letter, or a token is not in the
            vocabulary.

    >>> unigram_cross_entropy(["A", "B"], ["A", "B"], ["A", "B"])
    1.0
    """
    if not scored:
        raise ValueError("Nothing to score: the held-out sample has no token.")
    counts = Counter(counted)
    known = set(vocabulary)
    strangers = [token for token in (*counts, *set(scored)) if token not in known]
    if strangers:
        raise ValueError(f"The token {strangers[0]!r} is not in the vocabulary.")
    denominator = len(counted) + 0.5 * len(known)
    bits = {entry: -float(np.log2((counts[entry] + 0.5) / denominator)) for entry in known}
    occurrences = Counter(scored)
    characters = sum(len(token) * n for token, n in occurrences.items())
    if not characters:
        raise ValueError("Nothing to score: the held-out tokens are all empty.")
    return sum(bits[token] * n for token, n in occurrences.items()) / characters


def cross_entropies(
    source: SwitchingSource,
    sizes: Sequence[int],
    *,
    methods: Sequence[Method] = ("LZW", "BPE"),
    length: int = 100_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Cross-entropy of unigram models over tokens, for one draw of the source.

    Args:
        source: What to sample.
        sizes: Dictionary sizes.
        methods: "LZW" or "BPE"; the character model is always there, with size 2.
        length: Characters to learn from, and as many to score.
        seed: Of the two samples.

    Returns:
        ``method, size, tokens_per_character, bits_per_character, seed``; ``size`` is the number of
        entries asked for.

    Raises:
        ValueError: For an unknown method, a length below 1, or a size below 2.

    >>> runs = cross_entropies(SwitchingSource(0.1), [16], length=20_000)
    >>> runs.select("method", pl.col("bits_per_character").round(1)).rows()
    [('characters', 1.0), ('LZW', 0.6), ('BPE', 0.6)]
    """
    at_least_one(length=length)
    learn, held_out = source.sample(length, 2 * seed), source.sample(length, 2 * seed + 1)
    rows: list[CrossEntropyRow] = [
        {
            "method": "characters",
            "size": 2,
            "tokens_per_character": 1.0,
            "bits_per_character": unigram_cross_entropy(list(learn), list(held_out), LETTERS),
        }
    ]
    for method in methods:
        # A sample may lack a letter that the other has.
        learnt = (
            bpe_dictionary(learn, max(sizes), LETTERS) if method == "BPE" and sizes else ([], [])
        )
        for size in sizes:
            if method == "LZW":
                entries = lzw_dictionary(learn, size, LETTERS)
                counted, scored = greedy_encode(learn, entries), greedy_encode(held_out, entries)
            elif method == "BPE":
                entries, merges = smaller_bpe(*learnt, size)
                counted = bpe_encode(learn, entries, merges)
                scored = bpe_encode(held_out, entries, merges)
            else:
                raise ValueError(f"{method!r} is no method here: use 'LZW' or 'BPE'.")
            rows.append(
                {
                    "method": method,
                    "size": size,
                    "tokens_per_character": len(scored) / length,
                    "bits_per_character": unigram_cross_entropy(counted, scored, entries),
                }
            )
    return pl.DataFrame(rows).with_columns(seed=pl.lit(seed, dtype=pl.Int64))


def dictionary_curve(
    source: SwitchingSource,
    sizes: Sequence[int] = (4, 8, 16, 32, 64, 128),
    *,
    methods: Sequence[Method] = ("LZW", "BPE"),
    length: int = 100_000,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> pl.DataFrame:
    """Mean cross-entropy over seeds, with Student t intervals.

    Args:
        source: What to sample.
        sizes: Dictionary sizes.
        methods: As in :func:`cross_entropies`.
        length: Characters per sample.
        seeds: One independent pair of samples each.

    Returns:
        ``method, size, bits_per_character, ci_low, ci_high, entropy_rate, seeds, falling``: in how
        many of the seeds the bits have not risen with the size so far.

    Raises:
        ValueError: When there is no seed, or as :func:`cross_entropies`.

    >>> curve = dictionary_curve(SwitchingSource(0.1), [4, 16], length=20_000, seeds=[0, 1])
    >>> curve.filter(method="BPE").select("size", "falling").rows()
    [(4, 2), (16, 2)]
    """
    if not seeds:
        raise ValueError("No seeds were given: at least one sample is needed.")
    runs = pl.concat(
        [cross_entropies(source, sizes, methods=methods, length=length, seed=s) for s in seeds]
    )
    step = pl.col("bits_per_character").diff().fill_null(0)
    still = (step <= 0).cast(pl.Int64).cum_min().over("method", "seed", order_by="size")
    runs = runs.with_columns(falling=still)
    rows = []
    for (method, size), part in runs.group_by("method", "size", maintain_order=True):
        estimate = mean_over_seeds(part["bits_per_character"].to_numpy())
        rows.append(
            {
                "method": method,
                "size": size,
                "bits_per_character": estimate.value,
                "ci_low": estimate.low,
                "ci_high": estimate.high,
                "entropy_rate": source.entropy_rate,
                "seeds": estimate.n,
                "falling": part["falling"].sum(),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def verdict(
    switch: float = 0.1,
    order: int = 1,
    sizes: Sequence[int] = (4, 8, 16, 32, 64, 128),
    length: int = 100_000,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    curve: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Whether tokens bring a context-free model towards the source's entropy.

    Args:
        switch: p of the source.
        order: k of the source.
        sizes: Dictionary sizes; the largest one decides.
        length: Characters per sample.
        seeds: Independent draws.
        curve: The result of :func:`dictionary_curve` for the same source, to save its time.

    Returns:
        The rows of a verdict.
    """
    source = SwitchingSource(switch, order)
    if curve is None:
        curve = dictionary_curve(source, sizes, length=length, seeds=seeds)
    rows = []
    for method in ("characters", "LZW", "BPE"):
        part = curve.filter(pl.col("method") == method).sort("size")
        if part.is_empty():
            continue
        last = part.row(-1, named=True)
        estimate = Estimate(
            last["bits_per_character"], last["ci_low"], last["ci_high"], last["seeds"]
        )
        rate = source.entropy_rate
        if method == "characters":
            text = f"{_near_one(estimate)} one bit; the source has {rate:.3f}"
            claim = "A unigram model over characters cannot see the source's memory"
        else:
            text = _way(estimate, rate) if rate < 1 else "the source has no memory to find"
            if part.height > 1:
                text += f"; falls with every size in {last['falling']} of {estimate.n} seeds"
            claim = f"A unigram model over {method} tokens tends to the source's entropy"
        rows.append(
            verdict_row(
                claim,
                PAPER,
                f"bits per character, {last['size']} entries, k={order}, p={switch}",
                estimate,
                text,
            )
        )
    return verdict_frame(rows)


def _near_one(bits: Estimate) -> str:
    """Whether the interval lies within a hundredth of one bit, or outside, or neither."""
    if bits.low is None or bits.high is None:
        return "not shown to stay at"
    if bits.low > 0.99 and bits.high < 1.01:
        return "stays at"
    outside = bits.high < 0.99 or bits.low > 1.01
    return "does not stay at" if outside else "not shown to stay at"


def _way(bits: Estimate, rate: float) -> str:
    """How far from one bit to the source: it holds if all of the interval is past half the way."""
    half = bits.side((1 + rate) / 2, "holds", "in part", "in part")
    text = bits.side(1, half, "the opposite")
    share = f"{(1 - bits.value) / (1 - rate):.0%}"
    if bits.low is not None and bits.high is not None:
        share += f" [{(1 - bits.high) / (1 - rate):.0%}, {(1 - bits.low) / (1 - rate):.0%}]"
    return f"{text}: {share} of the way from one bit to {rate:.3f}"


def token_bits(tok: Tokenizer, split: Split, order: int = 1) -> tuple[NDArray[np.float64], int]:
    """Bits that an n-gram model over a tokenizer's tokens spends on each held-out paragraph.

    The model is :class:`~.token_ngram.TokenNgram` (Witten-Bell, down to the uniform distribution
    over the vocabulary), counted on the training paragraphs. The Krichevsky-Trofimov estimate of
    :func:`unigram_cross_entropy` would give half a count to each of 131,072 entries, which is more
    than a small corpus holds. An entry that an *open* vocabulary never counted pays for its bytes
    too, each and an end at log2(257) bits: to name a word one must spell it.

    Args:
        tok: Any tokenizer.
        split: Paragraphs to count on, and to score.
        order: Tokens of the n-gram; 1 sees no context.

    Returns:
        Bits, shape ``(paragraphs,)``, and how many of the scored tokens were never counted.
        Only the tokenizer's own cut is scored, so the bits bound the cost of the text from above.

    Raises:
        ValueError: When there is nothing to count on or to score.
    """
    learnt, scored = tok.encode_batch(list(split.train)), tok.encode_batch(list(split.held_out))
    return _priced(tok, learnt, scored, order)


def _priced(
    tok: Tokenizer, learnt: Sequence[Sequence[int]], scored: Sequence[Sequence[int]], order: int
) -> tuple[NDArray[np.float64], int]:
    if not learnt or not scored:
        raise ValueError("A text needs paragraphs to count on and others to score.")
    ids = None if tok.vocab_size is None else tok.ids()
    model = TokenNgram(order, ids).fit(learnt)
    counted = {token for row in learnt for token in row}
    price: dict[tuple[tuple[int, ...], int], float] = {}
    bits = np.zeros(len(scored))
    unseen = 0
    for number, tokens in enumerate(scored):
        for end, token in enumerate(tokens):
            before = tuple(tokens[max(0, end - order + 1) : end])
            if (before, token) not in price:
                cost = -model.log_probability(token, before) / np.log(2)
                if ids is None and token not in counted:
                    cost += (len(tok.token_bytes(token)) + 1) * np.log2(257)
                price[before, token] = float(cost)
            bits[number] += price[before, token]
            unseen += token not in counted
    return bits, unseen


def text_cross_entropies(
    tokenizers: Sequence[Tokenizer], split: Split, *, seed: int = 0
) -> pl.DataFrame:
    """Bits per byte of held-out text under unigram models over tokens, and of bytes without them.

    Args:
        tokenizers: Any. Of one that changes the text (lower case, unknown words) the bits are
            those of what it keeps: see ``kept``.
        split: Paragraphs to count on, and to score; see
            :func:`workbench.studies.documents.split_corpus`.
        seed: Of the bootstrap, the same for all.

    Returns:
        One row per model, :data:`BASELINES` first: ``model, entries`` (null for an open
        vocabulary), ``bytes_per_token, unseen`` (share of the scored tokens that were never
        counted), ``kept`` (share of the paragraphs that decode to themselves), ``bits_per_byte,
        ci_low, ci_high``, and against bytes without context, paired,
        ``saved, saved_low, saved_high`` (bits per byte; null for that row), ``paragraphs``
        and ``resampled``, what the intervals resample.

    Raises:
        ValueError: As :func:`token_bits`.

    Example:
        >>> from workbench.studies.documents import split_corpus
        >>> table = text_cross_entropies([load_tokenizer("workbench-bpe")], split_corpus("parallel",
        ...     language="eng_Latn"))
        >>> table["model"].to_list()
        ['bytes, no context', 'bytes, 4 before', 'workbench-bpe']
    """
    spelled = load_tokenizer("bytes")
    models = [(BASELINES[0], spelled, 1), (BASELINES[1], spelled, _MEMORY + 1)]
    models += [(tok.name, tok, 1) for tok in tokenizers]
    sizes = split.by_unit([len(paragraph.encode()) for paragraph in split.held_out])
    base: NDArray[np.float64] | None = None
    rows = []
    for name, tok, order in models:
        encoded = tok.encode_batch(list(split.held_out))
        bits, unseen = _priced(tok, tok.encode_batch(list(split.train)), encoded, order)
        bits = split.by_unit(bits)
        tokens = sum(map(len, encoded))
        same = [tok.decode(ids) == p for ids, p in zip(encoded, split.held_out, strict=True)]
        found = ratio_over_documents(bits, sizes, seed=seed)
        saved = None if base is None else ratio_difference((base, sizes), (bits, sizes), seed=seed)
        base = bits if base is None else base
        rows.append(
            {
                "model": name,
                "entries": tok.vocab_size,
                "bytes_per_token": float(sizes.sum()) / tokens if tokens else None,
                "unseen": unseen / tokens if tokens else None,
                "kept": sum(same) / len(same),
                **in_columns(found, "bits_per_byte", "ci_low", "ci_high"),
                **in_columns(saved, "saved", "saved_low", "saved_high"),
                "paragraphs": len(split.held_out),
                "resampled": split.resampled,
            }
        )
    kinds = ("ci_low", "ci_high", "saved", "saved_low", "saved_high", "bytes_per_token", "unseen")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(kinds, pl.Float64))


def text_verdict(table: pl.DataFrame) -> pl.DataFrame:
    """Whether tokens stand in for context on a text too.

    Args:
        table: From :func:`text_cross_entropies`.

    Returns:
        The rows of a verdict, one per tokenizer.
    """
    remembered = table.filter(pl.col("model") == BASELINES[1])["saved"].item()
    rows = []
    for row in table.filter(~pl.col("model").is_in(BASELINES)).to_dicts():
        saved = Estimate(row["saved"], row["saved_low"], row["saved_high"], row["paragraphs"])
        text = saved.side(0, below="the opposite", above="holds")
        if row["kept"] < 1:
            text = f"cannot be said: {1 - row['kept']:.0%} of the paragraphs decode to another text"
        elif remembered > 0:
            text += f"; {_MEMORY} bytes of memory save {remembered:.2f}"
        rows.append(
            verdict_row(
                "On a text too, a model without context does better over tokens",
                PAPER,
                f"bits per byte saved over bytes, held out, {row['model']}",
                saved,
                text,
            )
        )
    return verdict_frame(rows)

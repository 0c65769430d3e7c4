"""Tokenization bias at the end of a prompt, measured, and removed (Phan and others 2024).

The claim: a model of tokens, prompted with text that ends where a token would not, puts its
probability in the wrong place, even if it is a perfect model; summing over cover encodings gives
the unbiased next byte; token healing is one step of that sum.

The machinery is in :mod:`workbench.studies.cover_encodings`. Here are a worked example with a
closed form, the bias of learned models on a source whose truth is known, and the bias on texts of
a corpus by the place of the cut, for any tokenizer, with an n-gram model over its tokens. A
Hugging Face causal model can take the n-gram's place: :func:`load_huggingface`. How large the bias
is in a large model cannot be read off an n-gram.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.corpora import Corpus
from workbench.intervals import FEWEST
from workbench.segmentation import segment
from workbench.studies.cover_encodings import (
    ByteModel,
    Floats,
    LogProbabilities,
    leading_bytes,
)
from workbench.studies.documents import Split
from workbench.studies.huggingface_model import HuggingFaceModel, load_huggingface
from workbench.studies.markov import (
    LETTERS,
    SwitchingSource,
    at_least_one,
    bpe_dictionary,
    bpe_encoder,
    smaller_bpe,
)
from workbench.studies.prefix_tree import PrefixTree
from workbench.studies.token_chain import markov_token_model
from workbench.studies.token_ngram import TokenNgram
from workbench.studies.token_scores import fit_ngram
from workbench.studies.verdicts import (
    Estimate,
    mean_over_seeds,
    ratio_difference,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "PAPER",
    "ByteModel",
    "HuggingFaceModel",
    "PrefixTree",
    "TokenNgram",
    "bias_by_place",
    "chain_table",
    "cut_bias",
    "leading_bytes",
    "learned_bias",
    "load_huggingface",
    "markov_token_model",
    "verdict",
]

PAPER = "Phan, Havasi, Muckley and Ullrich 2024"
METHODS = ("naive", "healing", "exact")
BETWEEN, INSIDE = "between tokens", "inside a token"
_BPE_LETTERS = 50_000
_NOTHING = 1e-9
_CLOSE = 0.05
"""A mean error or distance below which a reading is called close."""


def chain_table(stay: float = 0.6, back: float = 0.3) -> pl.DataFrame:
    """P(next letter is A) after "A" in the A, B, AA chain: the truth beside three readings.

    Args:
        stay: P(A | A), the true answer.
        back: P(A | B).

    Returns:
        ``reading, p_a``: true, naive, healing, exact.

    >>> chain_table()["p_a"].round(2).to_list()
    [0.6, 0.0, 0.6, 0.6]
    """
    model, vocabulary, encode = markov_token_model(stay, back)
    byte_model = ByteModel(model, vocabulary, encode=encode, context=1)
    rows = [("true", stay)]
    rows += [
        (method, float(np.exp(byte_model.next_byte(b"A", method)[ord("A")])))  # type: ignore[arg-type]
        for method in METHODS
    ]
    return pl.DataFrame(rows, schema={"reading": pl.String, "p_a": pl.Float64}, orient="row")


def learned_bias(
    source: SwitchingSource,
    sizes: Sequence[int] = (4, 8, 16),
    *,
    documents: int = 3000,
    length: int = 400,
    longest: int = 40,
    prompts: int = 1000,
    seeds: Sequence[int] = (0, 1, 2, 3, 4, 5),
) -> pl.DataFrame:
    """Error of three readings of learned models, against a source whose truth is known.

    A BPE dictionary and a token bigram model are learnt on documents of the source; prompts are
    beginnings of fresh documents, cut anywhere.

    Args:
        source: Its true next-letter probability is the oracle.
        sizes: Dictionary sizes.
        documents: How many to learn from.
        length: Letters per document, much longer than the entries: a document's last token is cut
            off by its end, which the model learns too.
        longest: Longest prompt in letters.
        prompts: Prompts per seed.
        seeds: Independent draws.

    Returns:
        ``size, method, error, ci_low, ci_high, seeds``; the error is the mean over prompts of
        |P(A) − true P(A)|, its interval over seeds.

    Raises:
        ValueError: When there is nothing to learn from, to ask or to repeat, or the longest prompt
            is shorter than the memory of the source.

    >>> errors = learned_bias(SwitchingSource(0.3), [4], documents=100, prompts=50, seeds=[0])
    >>> [row["method"] for row in errors.iter_rows(named=True) if row["error"] > 0.1]
    ['naive']
    """
    at_least_one(documents=documents, length=length, longest=longest, prompts=prompts)
    if not sizes or not seeds:
        raise ValueError("Give at least one size of the dictionary and one seed.")
    if longest < source.order:
        raise ValueError(
            f"The source remembers {source.order} letters, and the longest prompt has {longest}: "
            f"its true probability cannot be told. Ask for longer prompts."
        )
    runs: dict[tuple[int, str], list[float]] = {}
    for seed in seeds:
        text = source.sample(documents * length, 2 * seed)
        learn = [text[i : i + length] for i in range(0, len(text), length)]
        fresh = source.sample(prompts * longest, 2 * seed + 1)
        cuts = np.random.default_rng(seed).integers(source.order, longest + 1, prompts).tolist()
        asked = [fresh[i * longest : i * longest + cut] for i, cut in enumerate(cuts)]
        # A few dozen merges are settled long before the bigram is.
        largest = bpe_dictionary(text[:_BPE_LETTERS], max(sizes), LETTERS)
        for size in sizes:
            entries, merges = smaller_bpe(*largest, size)
            encode = bpe_encoder(entries, merges)
            ngram = TokenNgram(2, range(len(entries))).fit(map(encode, learn))
            vocabulary = {i: entry.encode() for i, entry in enumerate(entries)}
            model = ByteModel(ngram, vocabulary, encode=lambda b, e=encode: e(b.decode()))  # type: ignore[misc]
            for method in METHODS:
                errors = [
                    abs(
                        float(np.exp(model.next_byte(prompt, method)[ord("A")]))  # type: ignore[arg-type]
                        - source.probability("A", prompt)
                    )
                    for prompt in asked
                ]
                runs.setdefault((size, method), []).append(float(np.mean(errors)))
    rows = []
    for (size, method), values in runs.items():
        estimate = mean_over_seeds(values)
        rows.append((size, method, estimate.value, estimate.low, estimate.high, estimate.n))
    return pl.DataFrame(
        rows,
        schema={
            "size": pl.Int64,
            "method": pl.String,
            "error": pl.Float64,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "seeds": pl.Int64,
        },
        orient="row",
    )


def cut_bias(
    texts: Sequence[str],
    tok: Tokenizer,
    corpus: Corpus | str | Iterable[str] = "parallel",
    n: int = 2,
    *,
    cuts_per_text: int = 6,
    longest: int = 60,
    seed: int = 0,
    model: LogProbabilities | None = None,
) -> pl.DataFrame:
    """How far the naive and the healed next byte are from the exact one, by place of the cut.

    Args:
        texts: Documents to cut; prompts are their beginnings.
        tok: A tokenizer with a closed vocabulary whose tokens join to the text. Prompts that it
            changes, by a normaliser or an unknown token, are left out and counted.
        corpus: What the token n-gram is counted on. Leave the texts out of it.
        n: Tokens per n-gram.
        cuts_per_text: Prompts per document, at random places between characters: a tokenizer
            encodes text, and half a character is none.
        longest: Longest prompt in bytes.
        seed: Of the cuts.
        model: Another model over the same tokens, in the n-gram's place.

    Returns:
        One row per cut: ``tokenizer, doc, cut, place`` ("between tokens" or "inside a token", by
        the tokenization of the whole text), ``bytes_into_token, tv_naive, tv_healing`` (total
        variation distance from the exact next-byte distribution, in [0, 1]), and
        ``bits_naive, bits_healing, bits_exact`` (surprisal of the byte that follows; infinite
        where a reading excludes it), and ``left_out``, the number of prompts that the tokenizer
        changes, the same in every row.

    Raises:
        ValueError: When there is no text or no prompt that the tokenizer keeps, or as
            :meth:`ByteModel.for_tokenizer`.

    >>> from workbench.tokenizers import load_tokenizer
    >>> cuts = cut_bias(["a b"], load_tokenizer("bytes"), ["a b c"], cuts_per_text=2)
    >>> cuts.select("cut", "place", pl.col("tv_naive").round(6)).rows()
    [(1, 'between tokens', 0.0), (2, 'between tokens', 0.0)]
    """
    if not texts:
        raise ValueError("There is no text to cut.")
    at_least_one(cuts_per_text=cuts_per_text, longest=longest)
    byte_model = ByteModel.for_tokenizer(model or fit_ngram(tok, corpus, n), tok)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    left_out = 0
    for doc, text in enumerate(texts):
        data = text.encode()
        bounds = [0, *segment(text, tok).boundaries.tolist()]
        inside = [at for at in range(1, min(longest + 1, len(data))) if data[at] & 0xC0 != 0x80]
        cuts = rng.permutation(inside)[:cuts_per_text]
        for cut in sorted(cuts.tolist()):
            if not byte_model.spells(data[:cut]):
                left_out += 1
                continue
            into = cut - max(b for b in bounds if b <= cut)
            logs = {m: byte_model.next_byte(data[:cut], m) for m in METHODS}  # type: ignore[arg-type]
            row: dict[str, Any] = {
                "tokenizer": tok.name,
                "doc": doc,
                "cut": cut,
                "place": INSIDE if into else BETWEEN,
                "bytes_into_token": into,
            }
            exact = np.exp(logs["exact"])
            for method in METHODS:
                if method != "exact":
                    row[f"tv_{method}"] = 0.5 * float(np.abs(np.exp(logs[method]) - exact).sum())
                row[f"bits_{method}"] = float(-logs[method][data[cut]] / np.log(2))
            rows.append(row)
    if left_out and not rows:
        raise ValueError(
            f"{tok.name!r} changes all of the {left_out} prompts, by a normaliser or an unknown "
            f"token: there is no next byte to ask for. Take texts that it keeps."
        )
    if not rows:
        raise ValueError("No text has two characters, so there is no place to cut.")
    return pl.DataFrame(rows).with_columns(left_out=pl.lit(left_out, dtype=pl.Int64))


def bias_by_place(cuts: pl.DataFrame, deepest: int = 8) -> pl.DataFrame:
    """Mean distance from exact by how far into its token a prompt ends.

    Args:
        cuts: From :func:`cut_bias`, of one or more tokenizers.
        deepest: Cuts that lie more bytes inside a token are left out.

    Returns:
        ``tokenizer, reading`` (naive, healing), ``bytes_into_token, distance`` (mean total
        variation), ``cuts``. Places with fewer than eight cuts are left out: so few say little.
    """
    long = cuts.filter(pl.col("bytes_into_token") <= deepest).unpivot(
        ["tv_naive", "tv_healing"],
        index=["tokenizer", "bytes_into_token"],
        variable_name="reading",
        value_name="distance",
    )
    places = long.group_by("tokenizer", "reading", "bytes_into_token", maintain_order=True)
    return (
        places.agg(pl.col("distance").mean(), cuts=pl.len())
        .filter(pl.col("cuts") >= FEWEST)
        .with_columns(pl.col("reading").str.replace("tv_", ""))
        .sort("tokenizer", "reading", "bytes_into_token", descending=[False, True, False])
    )


def verdict(
    cuts: pl.DataFrame | None = None,
    learned: pl.DataFrame | None = None,
    seed: int = 0,
    *,
    split: Split | None = None,
) -> pl.DataFrame:
    """Whether the bias is there, where it sits, and what removes it.

    Args:
        cuts: From :func:`cut_bias`, of one or more tokenizers; its rows are left out when not
            given.
        learned: From :func:`learned_bias`; computed with its defaults, p = 0.3, when not given.
        seed: Of the bootstrap over documents.
        split: What the cut texts are the held-out paragraphs of, to resample its documents; each
            text counts as a document when not given.

    Returns:
        The rows of a verdict.
    """
    chain = dict(chain_table().iter_rows())
    rows = [
        verdict_row(
            "A perfect token model is biased at the end of a prompt",
            PAPER,
            f"P(A | 'A') in the A, B, AA chain, {reading}; the truth is 0.60",
            chain[reading],
            "biased" if abs(chain[reading] - chain["true"]) > _NOTHING else "exact",
        )
        for reading in METHODS
    ]
    if learned is None:
        learned = learned_bias(SwitchingSource(0.3))
    largest = learned.filter(pl.col("size") == learned["size"].max())
    for row in largest.iter_rows(named=True):
        error = Estimate(row["error"], row["ci_low"], row["ci_high"], row["seeds"])
        rows.append(
            verdict_row(
                "Cover encodings remove the bias of learned models",
                PAPER,
                f"mean error of P(A), {row['method']}, BPE with {row['size']} entries and a bigram",
                error,
                error.side(_CLOSE, "close to the truth", "biased"),
            )
        )
    if cuts is not None:
        for (name,), part in cuts.group_by("tokenizer", maintain_order=True):
            rows += _cut_rows(str(name), part, split, seed)
    return verdict_frame(rows)


def _cut_rows(
    name: str, cuts: pl.DataFrame, split: Split | None, seed: int
) -> list[dict[str, Any]]:
    texts = range(len(split.held_out)) if split else cuts["doc"].unique().sort().to_list()

    def by_unit(place: str, *columns: str) -> list[Floats]:
        """Sums over what is resampled: documents, or texts where they are few."""
        part = cuts.filter(pl.col("place") == place).with_columns(cuts=pl.lit(1.0))
        sums = {row[0]: row[1:] for row in part.group_by("doc").agg(pl.col(columns).sum()).rows()}
        per_text = np.array([sums.get(text, (0.0,) * len(columns)) for text in texts])
        return [split.by_unit(one) if split else one for one in per_text.T]

    rows = []
    before: tuple[Floats, Floats] | None = None
    for place in (BETWEEN, INSIDE):
        if place not in cuts["place"]:
            continue
        naive, healing, count = by_unit(place, "tv_naive", "tv_healing", "cuts")
        there = count > 0
        biased = ratio_over_documents(naive[there], count[there], seed=seed)
        healed = ratio_over_documents(healing[there], count[there], seed=seed)
        if biased.value <= _NOTHING:
            texts_of = ("no bias", "there is no bias to remove")
        else:
            removed = _less(ratio_over_documents(healing[there], naive[there], seed=seed))
            found = biased.side(_CLOSE, "close to exact", "biased")
            if before is not None and (both := there & (before[1] > 0)).any():
                sides = (naive[both], count[both]), (before[0][both], before[1][both])
                found = _compared(ratio_difference(*sides, seed=seed))
            texts_of = (found, _removal(removed, healed))
        before = naive, count
        for method, estimate, text in zip(("naive", "healing"), (biased, healed), texts_of,
                                          strict=True):  # fmt: skip
            rows.append(
                verdict_row(
                    "The bias sits where the cut falls inside a token",
                    PAPER,
                    f"total variation from exact, {method}, cut {place}, {name}",
                    estimate,
                    text,
                )
            )
    return rows


def _less(share: Estimate) -> Estimate:
    """What a share leaves of one."""
    low, high = (None if end is None else 1 - end for end in (share.high, share.low))
    return Estimate(1 - share.value, low, high, share.n)


def _compared(apart: Estimate) -> str:
    """What the distance inside tokens, less that between them, says."""
    found = apart.side(
        0, "the opposite: smaller than", "holds: larger than", "not shown to be larger than"
    )
    return f"{found} between tokens (difference {apart})"


def _removal(removed: Estimate, left: Estimate) -> str:
    """How much healing removes, and what it leaves."""
    share = f"{removed.value:.0%}"
    if removed.low is not None and removed.high is not None:
        share += f" [{removed.low:.0%}, {removed.high:.0%}]"
    helps = removed.side(
        0, "adds to the naive bias", "removes naive bias", "not shown to remove naive bias"
    )
    rest = left.side(
        _CLOSE,
        "close to none is left",
        "the rest needs the whole sum",
        "whether a bias is left is not shown",
    )
    return f"{helps}: {share} of it; {rest}"

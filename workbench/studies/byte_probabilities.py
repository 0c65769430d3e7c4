"""Tokenization bias at the end of a prompt, measured, and removed (Phan and others 2024).

The claim: a model of tokens, prompted with text that ends where a token would not, puts its
probability in the wrong place, even if it is a perfect model; summing over cover encodings gives
the unbiased next byte; token healing is one step of that sum.

The machinery is in :mod:`workbench.studies.cover_encodings`. Here are the worked example with a
closed form, the bias of learned models on a source whose truth is known, and the bias on texts of
a corpus by the place of the cut, for any tokenizer, with an n-gram model over its tokens. A
Hugging Face causal model can take the n-gram's place: :func:`load_huggingface`. How large the bias
is in a large model cannot be read off an n-gram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.corpora import Corpus
from workbench.segmentation import segment
from workbench.studies.cover_encodings import (
    ByteModel,
    Floats,
    LogProbabilities,
    leading_bytes,
)
from workbench.studies.markov import SwitchingSource, bpe_dictionary, bpe_encoder, smaller_bpe
from workbench.studies.prefix_tree import PrefixTree
from workbench.studies.token_ngram import TokenNgram
from workbench.studies.token_scores import fit_ngram
from workbench.studies.verdicts import (
    Estimate,
    mean_over_seeds,
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
_BPE_LETTERS = 50_000
_NOTHING = 1e-9


def markov_token_model(
    stay: float, back: float, start: float = 0.5
) -> tuple[LogProbabilities, dict[int, bytes], Callable[[bytes], list[int]]]:
    """The exact token model of a two-letter Markov chain cut into A, B and AA.

    The chain goes from A to A with probability ``stay`` and from B to A with probability ``back``;
    the tokenizer takes AA wherever it can, from left to right. A token A is then always followed
    by B, which is why the naive reading is wrong (the example of Phan and others 2024).

    Args:
        stay: P(A | A), in [0, 1].
        back: P(A | B), in [0, 1].
        start: P(A) for the first letter.

    Returns:
        The model, the vocabulary (0: A, 1: B, 2: AA) and the tokenizer's encode.

    Raises:
        ValueError: When a probability is outside [0, 1].
    """
    for name, p in (("stay", stay), ("back", back), ("start", start)):
        if not 0 <= p <= 1:
            raise ValueError(f"{name} is a probability, not {p}.")

    def after(p_a: float) -> list[float]:
        return [p_a * (1 - stay), 1 - p_a, p_a * stay]

    table: dict[int | None, list[float]] = {
        None: after(start),
        0: [0.0, 1.0, 0.0],
        1: after(back),
        2: after(stay),
    }
    with np.errstate(divide="ignore"):
        logs: dict[int | None, Floats] = {k: np.log(np.array(row)) for k, row in table.items()}

    def model(prefix: Sequence[int]) -> Floats:
        return logs[prefix[-1] if len(prefix) else None]

    def encode(data: bytes) -> list[int]:
        out, at = [], 0
        while at < len(data):
            pair = data[at : at + 2] == b"AA"
            out.append(2 if pair else (0 if data[at : at + 1] == b"A" else 1))
            at += 2 if pair else 1
        return out

    return model, {0: b"A", 1: b"B", 2: b"AA"}, encode


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
    documents: int = 600,
    length: int = 400,
    longest: int = 40,
    prompts: int = 200,
    seeds: Sequence[int] = (0, 1, 2),
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
    """
    runs: dict[tuple[int, str], list[float]] = {}
    for seed in seeds:
        text = source.sample(documents * length, 2 * seed)
        learn = [text[i : i + length] for i in range(0, len(text), length)]
        fresh = source.sample(prompts * longest, 2 * seed + 1)
        cuts = np.random.default_rng(seed).integers(source.order, longest + 1, prompts).tolist()
        asked = [fresh[i * longest : i * longest + cut] for i, cut in enumerate(cuts)]
        # A few dozen merges are settled long before the bigram is.
        largest = bpe_dictionary(text[:_BPE_LETTERS], max(sizes))
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
        tok: A tokenizer with a closed vocabulary whose tokens join to the text.
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
        where a reading excludes it).

    Raises:
        ValueError: When there is no text, or as :meth:`ByteModel.for_tokenizer`.
    """
    if not texts:
        raise ValueError("There is no text to cut.")
    byte_model = ByteModel.for_tokenizer(model or fit_ngram(tok, corpus, n), tok)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for doc, text in enumerate(texts):
        data = text.encode()
        bounds = [0, *segment(text, tok).boundaries.tolist()]
        inside = [at for at in range(1, min(longest + 1, len(data))) if data[at] & 0xC0 != 0x80]
        cuts = rng.permutation(inside)[:cuts_per_text]
        for cut in sorted(cuts.tolist()):
            into = cut - max(b for b in bounds if b <= cut)
            logs = {m: byte_model.next_byte(data[:cut], m) for m in METHODS}  # type: ignore[arg-type]
            row: dict[str, Any] = {
                "tokenizer": tok.name,
                "doc": doc,
                "cut": cut,
                "place": "inside a token" if into else "between tokens",
                "bytes_into_token": into,
            }
            exact = np.exp(logs["exact"])
            for method in METHODS:
                if method != "exact":
                    row[f"tv_{method}"] = 0.5 * float(np.abs(np.exp(logs[method]) - exact).sum())
                row[f"bits_{method}"] = float(-logs[method][data[cut]] / np.log(2))
            rows.append(row)
    if not rows:
        raise ValueError("No text has two characters, so there is no place to cut.")
    return pl.DataFrame(rows)


class HuggingFaceModel:
    """A causal language model of ``transformers``, as a callable of token prefixes.

    Args:
        model: A causal language model (anything called with ``input_ids`` that returns
            ``logits``), in evaluation mode.
        begin: Id put before every prefix, since the empty prefix needs a context too. Taken from
            the model's configuration where it names one.

    Raises:
        ImportError: When PyTorch is not installed.
        ValueError: When no begin-of-text id is known.
    """

    def __init__(self, model: Any, begin: int | None = None) -> None:
        try:
            import torch
        except ImportError as missing:
            raise ImportError(
                "A Hugging Face model needs PyTorch: install the extra with "
                "pip install 'tokenizer-workbench[transformers]'."
            ) from missing
        self._torch = torch
        self._model = model
        if begin is None:
            begin = getattr(getattr(model, "config", None), "bos_token_id", None)
        if begin is None:
            raise ValueError(
                "The model names no begin-of-text token: pass `begin`, an id that stands before "
                "every text."
            )
        self.begin = int(begin)

    def __call__(self, prefix: Sequence[int]) -> Floats:
        """Natural log-probabilities of the next token, in double precision."""
        torch = self._torch
        device = next(self._model.parameters()).device
        ids = torch.tensor([[self.begin, *prefix]], dtype=torch.long, device=device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids).logits[0, -1]
        return np.asarray(torch.log_softmax(logits.double(), dim=-1).cpu().numpy())


def load_huggingface(name: str, begin: int | None = None) -> HuggingFaceModel:
    """Load a causal model by its hub name or folder; nothing that comes with it is run.

    Neither its code nor pickled weights: only safetensors are read.

    Args:
        name: A hub id or a local folder.
        begin: As for :class:`HuggingFaceModel`.

    Returns:
        The model as a callable of token prefixes.

    Raises:
        ImportError: When ``transformers`` or PyTorch is not installed.
        OSError: When there are no weights as safetensors.
    """
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as missing:
        raise ImportError(
            "Loading a Hugging Face model needs the extra: "
            "pip install 'tokenizer-workbench[transformers]'."
        ) from missing
    model: Any = AutoModelForCausalLM.from_pretrained(
        name, trust_remote_code=False, use_safetensors=True
    )
    return HuggingFaceModel(model.eval(), begin)


def verdict(
    cuts: pl.DataFrame | None = None,
    learned: pl.DataFrame | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Whether the bias is there, where it sits, and what removes it.

    Args:
        cuts: From :func:`cut_bias`, of one or more tokenizers; its rows are left out when not
            given.
        learned: From :func:`learned_bias`; computed with its defaults, p = 0.3, when not given.
        seed: Of the bootstrap over documents.

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
            "biased" if abs(chain[reading] - chain["true"]) > 1e-9 else "exact",
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
                error.side(0.05, "close to the truth", "biased"),
            )
        )
    if cuts is not None:
        for (name,), part in cuts.group_by("tokenizer", maintain_order=True):
            rows += _cut_rows(str(name), part, seed)
    return verdict_frame(rows)


def _cut_rows(name: str, cuts: pl.DataFrame, seed: int) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], Estimate] = {}
    for place in ("between tokens", "inside a token"):
        part = cuts.filter(pl.col("place") == place)
        for method in ("naive", "healing") if part.height else ():
            sums = part.group_by("doc").agg(pl.col(f"tv_{method}").sum(), pl.len()).sort("doc")
            found[place, method] = ratio_over_documents(
                sums[f"tv_{method}"], sums["len"], seed=seed
            )
    rows = []
    for (place, method), estimate in found.items():
        naive, between = found[place, "naive"], found.get(("between tokens", "naive"))
        if method == "healing":
            text = "there is no bias to remove"
            if naive.value > _NOTHING:
                gone = 1 - estimate.value / naive.value
                text = f"removes {gone:.0%} of the naive bias; the rest needs the whole sum"
        elif between is None or place == "between tokens":
            text = "what remains where the cut is a boundary of the whole text"
        else:
            apart = between.high is not None and estimate.low is not None
            holds = apart and estimate.low > between.high  # type: ignore[operator]
            text = "holds: larger than between tokens" if holds else "not shown"
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

"""Probabilities of bytes under a model of tokens, exact, by cover encodings.

A tokenized model gives P(token | tokens). The probability that a text *begins with* a string s is
the sum over the cover encodings of s: token sequences whose last token is the first to reach or
pass the end of s, and whose earlier tokens decode to strict prefixes of s (Phan, Havasi, Muckley
and Ullrich 2024, "Understanding and Mitigating Tokenization Bias in Language Models", and its
sequel on byte-level probabilities). From it P(byte | s) = P(s + byte) / P(s).

Two ways to read the model, both named:

* ``constraint="all"``: every encoding counts, as the model scores it. This is the distribution
  over texts that sampling from the model gives.
* ``constraint="canonical"``: an encoding the tokenizer never produces has probability 0. The
  mass of the excluded ones is not given to the others; next-byte distributions are normalised.
  An encoding counts as produced when there is a text that begins with its bytes and whose encoding
  begins with its tokens. :mod:`workbench.studies.produced` says how that is found out and where
  the answer is exact: encodings that end inside a character all count, which makes an upper bound
  there. What the tokenizer makes of a text that it keeps always counts, unless its pre-tokenizer
  looks ahead further than white space.

Where a tokenizer puts a lead before every text (SentencePiece's dummy space) everything is given
that lead: log P(lead) is taken off.

The walk through the string is in :mod:`workbench.studies.cover_search`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.studies.cover_search import (
    MAX_HISTORIES,
    CoverSearch,
    Floats,
    History,
    LogProbabilities,
)
from workbench.studies.produced import Produced
from workbench.tokenizers import Tokenizer

__all__ = ["MAX_HISTORIES", "ByteModel", "Constraint", "Floats", "LogProbabilities", "Method",
           "leading_bytes"]  # fmt: skip

Constraint = Literal["all", "canonical"]
Method = Literal["exact", "healing", "naive"]

_FLOATS_ADDED = 1_000_000  # continuations that are summed at once


def leading_bytes(tok: Tokenizer, probe: str = "a b") -> bytes:
    """What a tokenizer puts before a text, if its tokens join to the text otherwise.

    Args:
        tok: Any tokenizer.
        probe: A text the vocabulary can spell.

    Returns:
        Nothing, or a space.

    Raises:
        ValueError: For an open vocabulary, or a tokenizer whose tokens do not join to the text
            (WordPiece drops spaces), since then bytes have no probability to add up.

    >>> from workbench.tokenizers import load_tokenizer
    >>> leading_bytes(load_tokenizer("mistral-v1")), leading_bytes(load_tokenizer("tekken"))
    (b' ', b'')
    """
    if tok.vocab_size is None:
        raise ValueError(f"{tok.name!r} has an open vocabulary: its bytes cannot be summed.")
    joined = b"".join(map(tok.token_bytes, tok.encode(probe)))
    if not joined.endswith(probe.encode()):
        raise ValueError(
            f"The tokens of {tok.name!r} join to {joined!r} for {probe!r}: cover encodings need "
            f"tokens that join to the text, and this tokenizer normalises it or drops white space."
        )
    return joined[: -len(probe.encode())]


class ByteModel:
    """A model of tokens, read as a model of bytes.

    Args:
        model: Natural log-probabilities of the next token, by id, for a prefix of ids.
        vocabulary: Bytes by id. Ids the model knows and the vocabulary does not (special tokens)
            spell nothing, so their probability belongs to no byte.
        encode: What the tokenizer makes of bytes; needed for ``constraint="canonical"`` and for
            the naive and healing methods.
        encode_batch: The same for many, where the library is quicker so.
        constraint: "all" or "canonical"; see the module.
        context: How many last tokens the model looks at, None for all of them. Taken from the
            model's ``order`` where it has one.
        lead: Bytes that the tokenizer puts before every text (SentencePiece's dummy space).

    Raises:
        ValueError: For an unknown constraint, "canonical" without ``encode``, or a context below
            0. When first asked: where the model's answer is no row of log-probabilities over the
            vocabulary.

    >>> from workbench.studies.token_chain import markov_token_model
    >>> chain, vocabulary, encode = markov_token_model(0.6, 0.3)
    >>> exact = ByteModel(chain, vocabulary, encode=encode)
    >>> [round(float(np.exp(exact.next_byte(b"A", method)[65])), 2)
    ...  for method in ("exact", "naive", "healing")]
    [0.6, 0.0, 0.6]
    """

    def __init__(
        self,
        model: LogProbabilities,
        vocabulary: Mapping[int, bytes],
        *,
        encode: Callable[[bytes], Sequence[int]] | None = None,
        encode_batch: Callable[[Sequence[bytes]], Sequence[Sequence[int]]] | None = None,
        constraint: Constraint = "all",
        context: int | None = None,
        lead: bytes = b"",
    ) -> None:
        if constraint not in ("all", "canonical"):
            raise ValueError(f"constraint is 'all' or 'canonical', not {constraint!r}.")
        if constraint == "canonical" and encode is None:
            raise ValueError("The canonical constraint asks the tokenizer: give `encode`.")
        self.vocabulary = dict(vocabulary)
        self._encode = encode
        self._produced: Produced | None = None
        if encode is not None:
            many = encode_batch or (lambda texts: [encode(data) for data in texts])
            self._produced = Produced(self.vocabulary, many, lead)
        order = getattr(model, "order", None)
        if context is None and isinstance(order, int):
            context = order - 1
        counts = self._produced if constraint == "canonical" else None
        self._search = CoverSearch(model, self.vocabulary, context=context, produced=counts)
        self.tree, self.context = self._search.tree, context
        self.constraint: Constraint = constraint
        self.lead = lead
        self._lead_log: float | None = None

    @classmethod
    def for_tokenizer(
        cls,
        model: LogProbabilities,
        tok: Tokenizer,
        *,
        constraint: Constraint = "all",
        context: int | None = None,
        probe: str = "a b",
    ) -> ByteModel:
        """The bytes of a model whose tokens come from a tokenizer of the workbench.

        Args:
            model: Natural log-probabilities by id of that tokenizer.
            tok: A tokenizer with a closed vocabulary whose tokens join to the text.
            constraint: "all" or "canonical".
            context: As in the constructor.
            probe: A text the vocabulary can spell, to see that tokens join to their text.

        Returns:
            The model of bytes.

        Raises:
            ValueError: For an open vocabulary, or a tokenizer whose tokens do not join to the
                text (WordPiece drops spaces), since then bytes have no probability to add up.
        """
        lead = leading_bytes(tok, probe)
        silent = tok.special_ids

        def encode(data: bytes) -> list[int]:
            return tok.encode(data[len(lead) :].decode())

        def encode_batch(many: Sequence[bytes]) -> list[list[int]]:
            return tok.encode_batch([data[len(lead) :].decode() for data in many])

        vocabulary = {i: tok.token_bytes(i) for i in tok.ids() if i not in silent}
        return cls(
            model,
            vocabulary,
            encode=encode,
            encode_batch=encode_batch,
            constraint=constraint,
            context=context,
            lead=lead,
        )

    def is_produced(self, history: History) -> bool:
        """Whether the tokenizer can begin a text with these tokens.

        True where they end inside a character; see :mod:`workbench.studies.produced`.

        Raises:
            ValueError: Without ``encode``.
        """
        if self._produced is None:
            raise ValueError("What is produced is asked of the tokenizer: give `encode`.")
        return self._produced([history])[0]

    # Questions ----------------------------------------------------------------------------------

    def _bytes(self, text: str | bytes) -> bytes:
        return self.lead + (text.encode() if isinstance(text, str) else text)

    def _log_of_lead(self) -> float:
        if self._lead_log is None:
            self._lead_log = self._search.log_cover(self.lead)
        if self._lead_log == -math.inf:
            raise ValueError(
                f"The model gives no probability to {self.lead!r}, with which every text of this "
                f"tokenizer begins: no text has a probability. Was it made for this tokenizer?"
            )
        return self._lead_log

    def log_probability(self, text: str | bytes) -> float:
        """Natural log of the probability that a text begins with this one.

        Args:
            text: A string, or bytes that may end inside a character.

        Returns:
            0 for the empty text; minus infinity where no encoding reaches it.

        Raises:
            ValueError: When the encodings are too many to hold, or the lead has probability 0.
        """
        return self._search.log_cover(self._bytes(text)) - self._log_of_lead()

    def next_byte(self, text: str | bytes, method: Method = "exact") -> Floats:
        """Natural log-probabilities of the byte after a text, shape ``(256,)``.

        Args:
            text: What has been written so far.
            method: "exact" sums over cover encodings. "naive" encodes the text and asks the model
                for the next token. "healing" drops the last token and lets the next one begin
                with its bytes: exact, if the true cut lies nowhere earlier. Before an empty text
                stands the lead alone, which no token spells yet: both let the next one begin with
                it.

        Returns:
            Normalised over the 256 bytes: given that the text goes on. All minus infinity where
            the model leaves no probability.

        Raises:
            ValueError: For an unknown method, a missing ``encode``, a text whose tokens do not
                join to it (see :meth:`spells`), or one that ends inside a character, which only
                the exact way can read.
        """
        string = self._bytes(text)
        if method not in ("exact", "naive", "healing"):
            raise ValueError(f"method is 'exact', 'healing' or 'naive', not {method!r}.")
        own = self._own(string)
        if method == "exact":
            levels = self._search.histories(string)
        else:
            levels = self._one_encoding(string, own, healing=method == "healing")
        total = np.full(256, -np.inf)
        found: list[tuple[NDArray[np.uint8], Floats]] = []
        held = 0
        for at in range(self.tree.first_reaching(len(string)), len(string) + 1):
            if not levels[at]:
                continue
            tokens, after = self.tree.beyond(string[at:])
            for history, log_p in levels[at].items():
                if method == "exact":
                    logs = self._search.ways_on(history, log_p, tokens)
                else:
                    logs = log_p + self._search.logs(history)[tokens]
                found.append((after, logs))
                held += logs.size
                if held > _FLOATS_ADDED:
                    total, found, held = np.logaddexp(total, _log_by_byte(found)), [], 0
        total = np.logaddexp(total, _log_by_byte(found))
        whole = np.logaddexp.reduce(total)
        return total if whole == -np.inf else np.asarray(total - whole)

    def spells(self, text: str | bytes) -> bool:
        """Whether the tokens that the tokenizer makes of a text join to it.

        Not so where it normalises the text, or has no token for a part of it: then a next byte
        cannot be asked.

        Raises:
            ValueError: Without ``encode``.
        """
        self._need_encode()
        try:
            return self._own(self._bytes(text)) is not None
        except ValueError:
            return False

    def _need_encode(self) -> None:
        if self._encode is None:
            raise ValueError("The naive and healing ways encode the text: give `encode`.")

    def _own(self, string: bytes) -> History | None:
        """What the tokenizer makes of a text; None where it cannot be asked."""
        if self._encode is None:
            return None
        try:
            ids = tuple(self._encode(string))
        except UnicodeDecodeError:
            return None
        joined = b"".join(self.vocabulary.get(token, b"") for token in ids)
        if joined != string and (ids or string != self.lead):
            raise ValueError(
                f"The tokens of {string[:60]!r} join to {joined[:60]!r}: the tokenizer changes "
                f"this text or has no token for a part of it, so the byte after it cannot be "
                f"asked. Ask about a text that it keeps."
            )
        return ids

    def _one_encoding(
        self, string: bytes, own: History | None, *, healing: bool
    ) -> list[dict[History, float]]:
        self._need_encode()
        if own is None:
            raise ValueError(
                "The naive and healing ways encode the text, and these bytes are none (they may "
                "end inside a character): ask for the exact way, or cut between characters."
            )
        levels: list[dict[History, float]] = [{} for _ in range(len(string) + 1)]
        if (not own and not string) or (own and not healing):
            levels[len(string)][own] = 0.0
            return levels
        kept = own[:-1]
        at = len(string) - len(self.vocabulary[own[-1]]) if own else 0
        levels[at][kept] = 0.0
        # A token that is just the dropped bytes leads back to the end of the text.
        logs = self._search.logs(kept)
        for end, token in self.tree.inside(string, at):
            if end == len(string) and np.isfinite(logs[token]):
                levels[end][(*kept, token)] = float(logs[token])
        return levels

    def log_conditional(self, continuation: str | bytes, text: str | bytes) -> float:
        """Natural log of P(the text goes on with the continuation | the text).

        Raises:
            ValueError: When the text itself has probability 0.
        """
        before = self._search.log_cover(self._bytes(text))
        if before == -np.inf:
            raise ValueError(f"{text!r} has probability 0 under this model.")
        more = continuation.encode() if isinstance(continuation, str) else continuation
        return self._search.log_cover(self._bytes(text) + more) - before

    def covers(self, text: str | bytes, limit: int = 10_000) -> pl.DataFrame:
        """The cover encodings of a short text, the likeliest first.

        Args:
            text: What the encodings must reach.
            limit: More encodings than that are an error, not a cut list.

        Returns:
            ``tokens`` (list of ids), ``data`` (their bytes, with the lead, which may pass the end
            of the text), ``log_probability_nats`` (given the lead, so that they add up to
            :meth:`log_probability`), ``share`` (of P(text)) and ``produced`` (as
            :meth:`is_produced`; null without ``encode``).

        Raises:
            ValueError: When there are more than ``limit``, or the lead has probability 0.
        """
        lead = self._log_of_lead()
        rows: list[tuple[History, float]] = []
        for history, tokens, logs in self._search.unmerged().reaching(self._bytes(text)):
            may = np.isfinite(logs)
            rows += [
                ((*history, token), log_p - lead)
                for token, log_p in zip(tokens[may].tolist(), logs[may].tolist(), strict=True)
            ]
            if len(rows) > limit:
                raise ValueError(f"{text!r} has more than {limit:,} cover encodings.")
        rows.sort(key=lambda row: (-row[1], row[0]))
        total = np.logaddexp.reduce([log_p for _, log_p in rows]) if rows else -np.inf
        tokens_of = [list(tokens) for tokens, _ in rows]
        produced = [None] * len(rows)
        return pl.DataFrame(
            {
                "tokens": tokens_of,
                "data": [b"".join(self.vocabulary[t] for t in tokens) for tokens in tokens_of],
                "log_probability_nats": [log_p for _, log_p in rows],
                "share": [float(np.exp(log_p - total)) for _, log_p in rows],
                "produced": self._produced(t for t, _ in rows) if self._produced else produced,
            },
            schema={
                "tokens": pl.List(pl.Int64),
                "data": pl.Binary,
                "log_probability_nats": pl.Float64,
                "share": pl.Float64,
                "produced": pl.Boolean,
            },
        )


def _log_by_byte(found: Sequence[tuple[NDArray[np.uint8], Floats]]) -> Floats:
    """Sums of probabilities by byte, all in logs: none is too small, whatever stands beside it."""
    if not found:
        return np.full(256, -np.inf)
    after = np.concatenate([one for one, _ in found])
    logs = np.concatenate([one for _, one in found])
    highest = np.full(256, -np.inf)
    np.maximum.at(highest, after, logs)
    scale = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        sums = np.bincount(after, weights=np.exp(logs - scale[after]), minlength=256)
        return np.asarray(np.log(sums) + scale)

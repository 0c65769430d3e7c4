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
  An encoding counts as produced when the tokenizer, given the text of each of its beginnings,
  returns that beginning. A beginning that ends inside a character has no text, and is let pass.

The search walks the string from left to right. At each place it keeps the token histories that
end there, looks the rest of the string up in a prefix tree of the vocabulary, and lets histories
that the model cannot tell apart share one entry when the model has a bounded context: then the
work grows with the string's length, not with the number of its encodings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from workbench.studies.prefix_tree import PrefixTree
from workbench.tokenizers import Tokenizer

LogProbabilities = Callable[[Sequence[int]], ArrayLike]
"""A model: token prefix in, natural log-probabilities of the next token by id out."""
Constraint = Literal["all", "canonical"]
Method = Literal["exact", "healing", "naive"]

Floats = NDArray[np.float64]
History = tuple[int, ...]

_FLOATS_KEPT = 8_000_000  # 64 MB of answers
MAX_HISTORIES = 200_000
"""Token histories a search may hold; beyond it a bounded context or the constraint is needed."""


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
    return joined[: -len(probe)]


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
        ValueError: For an unknown constraint, or "canonical" without ``encode``.

    >>> from workbench.studies.byte_probabilities import markov_token_model
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
        self._model = model
        self.vocabulary = dict(vocabulary)
        self.tree = PrefixTree(self.vocabulary)
        self._encode = encode
        self._encode_batch = encode_batch
        self.constraint: Constraint = constraint
        order = getattr(model, "order", None)
        self.context = order - 1 if context is None and isinstance(order, int) else context
        self.lead = lead
        self._produced: dict[History, bool] = {}
        self._kept: dict[History, Floats] = {}

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

    # The search ---------------------------------------------------------------------------------

    def _logs(self, history: History) -> Floats:
        """The model's answer, kept for a while: neighbouring cuts of a text ask the same."""
        key = history
        if self.context is not None and len(history) > self.context:
            key = history[len(history) - self.context :]
        if key not in self._kept:
            logs = np.asarray(self._model(key), dtype=np.float64)
            if len(self._kept) * logs.size > _FLOATS_KEPT:
                self._kept.clear()
            self._kept[key] = logs
        return self._kept[key]

    def _text(self, history: History) -> bytes | None:
        """The bytes of some tokens, None where they end inside a character."""
        data = b"".join(self.vocabulary[token] for token in history)
        try:
            data.decode()
        except UnicodeDecodeError:
            return None
        return data

    def is_produced(self, history: History) -> bool:
        """Whether the tokenizer, given the bytes of these tokens, returns these tokens.

        Bytes that end inside a character are no text: then the answer is True, see the module.
        """
        if history not in self._produced:
            self._ask([history])
        return self._produced[history]

    def _ask(self, histories: Sequence[History]) -> None:
        assert self._encode is not None
        if len(self._produced) > 1_000_000:
            self._produced.clear()
        texts = {history: self._text(history) for history in histories}
        asked = [(history, data) for history, data in texts.items() if data is not None]
        if self._encode_batch is not None:
            made = self._encode_batch([data for _, data in asked])
        else:
            made = [self._encode(data) for _, data in asked]
        self._produced.update(dict.fromkeys(texts, True))
        for (history, _), ids in zip(asked, made, strict=True):
            self._produced[history] = tuple(ids) == history

    def _histories(self, string: bytes) -> list[dict[History, float]]:
        """For each place of the string: the token histories that end there, with log P."""
        canonical = self.constraint == "canonical"
        keep = None if canonical else self.context  # what is canonical depends on all the tokens
        levels: list[dict[History, float]] = [{} for _ in range(len(string) + 1)]
        levels[0][()] = 0.0
        held = 1
        for at in range(len(string)):
            fits = self.tree.inside(string, at) if levels[at] else []
            if not fits:
                continue
            for history, log_p in levels[at].items():
                logs = self._logs(history)
                for end, token in fits:
                    if logs[token] == -np.inf:
                        continue
                    longer = (*history, token)
                    if canonical and not self.is_produced(longer):
                        continue
                    if keep is not None:
                        longer = longer[len(longer) - keep :] if len(longer) > keep else longer
                    level = levels[end]
                    held += longer not in level
                    level[longer] = float(
                        np.logaddexp(level.get(longer, -np.inf), log_p + logs[token])
                    )
            if held > MAX_HISTORIES:
                raise ValueError(
                    f"The first {at + 1} of {len(string)} bytes have more than {MAX_HISTORIES:,} "
                    f"encodings: give the model's `context` if it is bounded, use "
                    f"constraint='canonical', or ask about a shorter string."
                )
        return levels

    def _cross(self, history: History, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the tokens may follow the history under the constraint."""
        if self.constraint == "all":
            return np.ones(tokens.size, dtype=bool)
        longer = [(*history, token) for token in tokens.tolist()]
        if new := [one for one in longer if one not in self._produced]:
            self._ask(new)
        return np.fromiter((self._produced[one] for one in longer), bool, count=tokens.size)

    # Questions ----------------------------------------------------------------------------------

    def _bytes(self, text: str | bytes) -> bytes:
        return self.lead + (text.encode() if isinstance(text, str) else text)

    def _log_cover(self, string: bytes) -> float:
        if not string:
            return 0.0
        total = -np.inf
        for at, level in enumerate(self._histories(string)[:-1]):
            if not level:
                continue
            tokens = self.tree.starting_with(string[at:])
            for history, log_p in level.items():
                logs = self._logs(history)[tokens]
                logs = logs[np.isfinite(logs) & self._cross(history, tokens)]
                if logs.size:
                    total = np.logaddexp(total, log_p + np.logaddexp.reduce(logs))
        return float(total)

    def log_probability(self, text: str | bytes) -> float:
        """Natural log of the probability that a text begins with this one.

        Args:
            text: A string, or bytes that may end inside a character.

        Returns:
            0 for the empty text; minus infinity where no encoding reaches it.

        Raises:
            ValueError: When the encodings are too many to hold.
        """
        whole = self._log_cover(self._bytes(text))
        return whole - self._log_cover(self.lead) if self.lead else whole

    def next_byte(self, text: str | bytes, method: Method = "exact") -> Floats:
        """Natural log-probabilities of the byte after a text, shape ``(256,)``.

        Args:
            text: What has been written so far.
            method: "exact" sums over cover encodings. "naive" encodes the text and asks the model
                for the next token. "healing" drops the last token and lets the next one begin
                with its bytes: exact, if the true cut lies nowhere earlier.

        Returns:
            Normalised over the 256 bytes: given that the text goes on. All minus infinity where
            the model leaves no probability.

        Raises:
            ValueError: For an unknown method, a missing ``encode``, or a text that ends inside a
                character, which only the exact way can read.
        """
        string = self._bytes(text)
        if method == "exact":
            levels = self._histories(string)
        elif method in ("naive", "healing"):
            levels = self._one_encoding(string, healing=method == "healing")
        else:
            raise ValueError(f"method is 'exact', 'healing' or 'naive', not {method!r}.")
        mass = np.zeros(256)
        scale = max((p for level in levels for p in level.values()), default=0.0)
        for at, level in enumerate(levels):
            if not level:
                continue
            tokens, after = self.tree.beyond(string[at:])
            for history, log_p in level.items():
                logs = self._logs(history)[tokens]
                allowed = np.isfinite(logs)
                if method == "exact":
                    allowed &= self._cross(history, tokens)
                weights = np.exp(log_p - scale + logs[allowed])
                mass += np.bincount(after[allowed], weights=weights, minlength=256)
        total = mass.sum()
        with np.errstate(divide="ignore"):
            return np.log(mass / total) if total > 0 else np.full(256, -np.inf)

    def _one_encoding(self, string: bytes, *, healing: bool) -> list[dict[History, float]]:
        if self._encode is None:
            raise ValueError("The naive and healing ways encode the text: give `encode`.")
        levels: list[dict[History, float]] = [{} for _ in range(len(string) + 1)]
        try:
            ids = tuple(self._encode(string))
        except UnicodeDecodeError as error:
            raise ValueError(
                "The naive and healing ways encode the text, and these bytes are none (they may "
                "end inside a character): ask for the exact way, or cut between characters."
            ) from error
        if not healing or not ids:
            levels[len(string)][ids] = 0.0
            return levels
        kept, last = ids[:-1], self.vocabulary[ids[-1]]
        at = len(string) - len(last)
        levels[at][kept] = 0.0
        # A token that is just the dropped bytes leads back to the end of the text.
        logs = self._logs(kept)
        for end, token in self.tree.inside(string, at):
            if end == len(string) and np.isfinite(logs[token]):
                levels[end][(*kept, token)] = float(logs[token])
        return levels

    def log_conditional(self, continuation: str | bytes, text: str | bytes) -> float:
        """Natural log of P(the text goes on with the continuation | the text).

        Raises:
            ValueError: When the text itself has probability 0.
        """
        before = self._log_cover(self._bytes(text))
        if before == -np.inf:
            raise ValueError(f"{text!r} has probability 0 under this model.")
        more = continuation.encode() if isinstance(continuation, str) else continuation
        return self._log_cover(self._bytes(text) + more) - before

    def covers(self, text: str | bytes, limit: int = 10_000) -> pl.DataFrame:
        """The cover encodings of a short text, the likeliest first.

        Args:
            text: What the encodings must reach.
            limit: More encodings than that are an error, not a cut list.

        Returns:
            ``tokens`` (list of ids), ``data`` (their bytes, which may pass the end of the text),
            ``log_probability_nats``, ``share`` (of P(text)) and ``produced`` (whether the
            tokenizer makes this encoding; null without ``encode``).

        Raises:
            ValueError: When there are more than ``limit``.
        """
        string = self._bytes(text)
        unmerged = ByteModel(self._model, self.vocabulary, encode=self._encode,
                             constraint=self.constraint)  # fmt: skip
        unmerged.context = None
        rows: list[tuple[list[int], bytes, float]] = []
        for at, level in enumerate(unmerged._histories(string)[:-1]):
            tokens = self.tree.starting_with(string[at:])
            for history, log_p in level.items():
                logs = self._logs(history)
                allowed = unmerged._cross(history, tokens) & np.isfinite(logs[tokens])
                for token in tokens[allowed].tolist():
                    whole = (*history, token)
                    data = b"".join(self.vocabulary[t] for t in whole)
                    rows.append((list(whole), data, log_p + float(logs[token])))
                if len(rows) > limit:
                    raise ValueError(f"{text!r} has more than {limit:,} cover encodings.")
        rows.sort(key=lambda row: (-row[2], row[0]))
        total = np.logaddexp.reduce([row[2] for row in rows]) if rows else -np.inf
        known = self._encode is not None
        return pl.DataFrame(
            {
                "tokens": [row[0] for row in rows],
                "data": [row[1] for row in rows],
                "log_probability_nats": [row[2] for row in rows],
                "share": [float(np.exp(row[2] - total)) for row in rows],
                "produced": [self.is_produced(tuple(r[0])) if known else None for r in rows],
            },
            schema={
                "tokens": pl.List(pl.Int64),
                "data": pl.Binary,
                "log_probability_nats": pl.Float64,
                "share": pl.Float64,
                "produced": pl.Boolean,
            },
        )

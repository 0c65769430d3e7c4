"""Would other tokens have helped? The same bytes as other ids, item by item.

A model that accepts ids is asked the same question with the word cut otherwise: by StochasTok's
splits (Sims and others, 2025), or into single characters. Beside it stands a sham: a word that is
not asked about is cut by as many more tokens, which shows what unusual ids do by themselves. The
effect is for this model and this way of cutting, no other. Separators change the text itself;
they are reported apart, as that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.paired import bootstrap_difference, mcnemar
from workbench.character_tasks.analysis.properties import Asked, ModelView
from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.scoring import score
from workbench.tokenizers import Tokenizer

IdModel = Callable[[list[list[int]]], Sequence[str | None]]

KINDS = ("as is", "characters", "split", "sham", "spaced text")


class Splitter:
    """All ways to cut a token into two tokens of the vocabulary with the same bytes together."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._by_bytes: dict[bytes, int] = {}
        for token in tokenizer.ids():
            if not tokenizer.is_special(token):
                self._by_bytes.setdefault(tokenizer.token_bytes(token), token)
        self._pairs: dict[int, list[tuple[int, int]]] = {}

    def pairs(self, token: int) -> list[tuple[int, int]]:
        """Pairs of ids that spell the token."""
        if token not in self._pairs:
            data = b"" if self.tokenizer.is_special(token) else self.tokenizer.token_bytes(token)
            known = self._by_bytes
            self._pairs[token] = [
                (known[data[:k]], known[data[k:]])
                for k in range(1, len(data))
                if data[:k] in known and data[k:] in known
            ]
        return self._pairs[token]

    def characters(self, token: int) -> list[int]:
        """The token as single characters, or bytes where the vocabulary lacks a character.

        The token itself where even bytes are lacking. A space that a token begins with stays
        with the first character where the vocabulary has that.
        """
        if self.tokenizer.is_special(token):
            return [token]
        data = self.tokenizer.token_bytes(token)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return [token]
        parts = [c.encode() for c in text]
        if text[:1] == " " and len(text) > 1 and (b" " + parts[1]) in self._by_bytes:
            parts = [b" " + parts[1], *parts[2:]]
        result: list[int] = []
        for part in parts:
            pieces = [part] if part in self._by_bytes else [bytes([b]) for b in part]
            if any(piece not in self._by_bytes for piece in pieces):
                return [token]
            result += [self._by_bytes[piece] for piece in pieces]
        return result

    def split(self, ids: list[int], attempts: int, pick: Stream) -> list[int]:
        """StochasTok: per attempt a uniform position and a uniform split of the token there."""
        result = list(ids)
        for _ in range(attempts):
            place = int(pick.below(len(result), 1)[0])
            pairs = self.pairs(result[place])
            if pairs:
                result[place : place + 1] = pairs[int(pick.below(len(pairs), 1)[0])]
        return result


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """What other cuts of the same bytes did.

    Attributes:
        answers: One row per item and kind: `question_idx`, `kind`, `response`, `outcome`,
            `tokens_added`.
        effects: Per kind against `as is`: `n`, `difference` (points of accuracy), its interval
            (bootstrap by word), `only_kind`, `only_as_is`, `p` (McNemar), `tokens_added` (mean),
            `unchanged` (items whose ids could not be changed; they are in `n`).
        beyond_sham: The effect of `characters` and `split` less that of `sham`, paired by item.
    """

    answers: pl.DataFrame
    effects: pl.DataFrame
    beyond_sham: pl.DataFrame


def recut_ids(
    items: pl.DataFrame, view: ModelView, kind: str, *, p: float = 0.5, seed: int = 7
) -> list[list[int]]:
    """The ids of every prompt with its word (or, for `sham`, another one) cut otherwise.

    Args:
        items: A set.
        view: Tokenizer and chat template.
        kind: `as is`, `characters`, `split`, `sham`, or `spaced text` (which changes the text).
        p: Split attempts per character of the word, at least one. (StochasTok makes `⌊p · n⌋`
            over a text of `n` tokens, which is none on one word at its p of 0.1.)
        seed: Of splits and shams.

    Raises:
        CharacterTaskError: If the kind is unknown, or the tokenizer's tokens do not add up to
            the prompt's bytes (it normalizes text).
    """
    if kind not in KINDS:
        raise CharacterTaskError(f"Unknown kind {kind!r}: use {', '.join(KINDS)}.")
    asked = Asked(items)
    rows = np.arange(len(asked.words))
    spans = asked.whole(rows, view, None)
    splitter = Splitter(view.tokenizer)
    result = []
    for k, (text, word, start) in enumerate(
        zip(spans.texts, spans.words, spans.starts.tolist(), strict=True)
    ):
        pick = Stream(seed, kind, asked.distinct["question_idx"][k])
        prompt = text
        if kind == "spaced text":
            data = text.encode()
            head, tail = data[:start].decode(), data[start + len(word.encode()) :].decode()
            prompt = head + " ".join(word) + tail
        ids = view.tokenizer.encode(prompt, parse_special=True)
        if kind in ("as is", "spaced text"):
            result.append(ids)
            continue
        ends = np.cumsum([len(view.tokenizer.token_bytes(i)) for i in ids])
        shift = int(ends[-1]) - len(prompt.encode())
        if shift not in (0, 1):
            raise CharacterTaskError(
                f"{view.tokenizer.name} changes the text before it cuts it: the same bytes as "
                "other ids cannot be made. Use a tokenizer that keeps text as it is."
            )
        touched = _tokens_of(ends, start + shift, start + shift + len(word.encode()))
        target = [i for place in touched for i in splitter.characters(ids[place])]
        if kind == "sham":
            wanted = len(target) - len(touched)
            touched = _other_token(ids, touched, splitter, wanted, pick)
            target = [i for place in touched for i in splitter.characters(ids[place])]
        elif kind == "split":
            attempts = max(int(p * len(word)), 1)
            target = splitter.split([ids[place] for place in touched], attempts, pick)
        if touched:
            ids = ids[: touched[0]] + target + ids[touched[-1] + 1 :]
        result.append(ids)
    return result


def _tokens_of(
    ends: "np.ndarray[tuple[int], np.dtype[np.int64]]", low: int, high: int
) -> list[int]:
    first = int(np.searchsorted(ends, low, side="right"))
    last = int(np.searchsorted(ends, high, side="left"))
    return list(range(first, last + 1))


def _other_token(
    ids: list[int], touched: list[int], splitter: Splitter, wanted: int, pick: Stream
) -> list[int]:
    """One token elsewhere whose letters add about as many tokens as the word's recut does."""
    gains = [
        (abs(len(splitter.characters(token)) - 1 - wanted), place)
        for place, token in enumerate(ids)
        if place not in touched and len(splitter.characters(token)) > 1
    ]
    if not gains:
        return []
    best = min(gain for gain, _ in gains)
    places = [place for gain, place in gains if gain == best]
    return [places[int(pick.below(len(places), 1)[0])]]


def counterfactual(
    items: pl.DataFrame,
    view: ModelView,
    model: IdModel,
    kinds: Sequence[str] = KINDS,
    *,
    parser: str = "lenient",
    p: float = 0.5,
    seed: int = 7,
    level: float = 0.95,
) -> Counterfactual:
    """Ask the same items with other ids, and compare item by item.

    Args:
        items: A set with one prompt an item.
        view: Tokenizer and chat template of the model.
        model: Given lists of ids, the texts it continues them with (None: failed).
        kinds: From `KINDS`; `as is` is always asked.
        parser: Whose outcome counts.
        p: As in `recut_ids`.
        seed: Any integer.
        level: Of the intervals.

    Returns:
        Answers and paired effects: of this model and these ids only.

    Raises:
        CharacterTaskError: As `recut_ids`; or if the model gives another number of answers.
    """
    wanted = ["as is", *[kind for kind in kinds if kind != "as is"]]
    asked = Asked(items)
    plain = recut_ids(items, view, "as is")
    frames = []
    for kind in wanted:
        ids = plain if kind == "as is" else recut_ids(items, view, kind, p=p, seed=seed)
        said = list(model(ids))
        if len(said) != len(ids):
            raise CharacterTaskError(f"The model gave {len(said)} answers to {len(ids)} prompts.")
        answers = pl.DataFrame(
            {"question_idx": asked.distinct["question_idx"], "model": kind, "response": said},
            schema_overrides={"response": pl.String},
        )
        scored = score(asked.distinct, answers)
        frames.append(
            scored.select("question_idx", "word", kind=pl.lit(kind), response="response",
                          outcome=f"{parser}_outcome").with_columns(
                tokens_added=pl.Series(
                    [len(a) - len(b) for a, b in zip(ids, plain, strict=True)], dtype=pl.Int64
                ),
                changed=pl.Series([a != b for a, b in zip(ids, plain, strict=True)]),
            )
        )  # fmt: skip
    table = pl.concat(frames)
    right = {
        kind: (frame["outcome"] == "correct").cast(pl.Float64).to_numpy()
        for kind, frame in zip(wanted, frames, strict=True)
    }
    words = asked.distinct["word"].rank("dense").cast(pl.Int64).to_numpy()
    effects, beyond = [], []
    for kind, frame in zip(wanted[1:], frames[1:], strict=True):
        difference = right[kind] - right["as is"]
        low, high = bootstrap_difference(difference, words, level)
        won, lost = int((difference > 0).sum()), int((difference < 0).sum())
        effects.append(
            {
                "kind": kind, "same_text": kind != "spaced text", "n": len(difference),
                "difference": 100 * float(difference.mean()), "ci_low": 100 * low,
                "ci_high": 100 * high, "only_kind": won, "only_as_is": lost,
                "p": mcnemar(won, lost), "tokens_added": frame["tokens_added"].mean(),
                "unchanged": int((~frame["changed"]).sum()),
            }
        )  # fmt: skip
        if kind in ("characters", "split") and "sham" in right:
            beyond_sham = right[kind] - right["sham"]
            low, high = bootstrap_difference(beyond_sham, words, level)
            beyond.append((kind, 100 * float(beyond_sham.mean()), 100 * low, 100 * high))
    return Counterfactual(
        table.drop("word"),
        pl.DataFrame(effects),
        pl.DataFrame(
            beyond,
            schema={"kind": pl.String, "difference": pl.Float64, "ci_low": pl.Float64,
                    "ci_high": pl.Float64},
            orient="row",
        ),
    )  # fmt: skip

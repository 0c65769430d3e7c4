"""StochasTok: show a model that tokens have parts (Sims, Foerster and Foster 2025).

The method: while training, split some tokens of a text into two smaller tokens of the same
vocabulary, at random. The text does not change, its cuts do, so a model can learn what its tokens
are made of. The claim, that this raises accuracy on character tasks, needs a trained model (the
laboratory of ``workbench.character_tasks`` trains small ones); what is shown here is what the
method does to a text: how long it becomes, which boundaries are added, how often nothing happens.

Two rules, both named:

* ``published``: ⌊p · n⌋ attempts for n tokens; each picks a place of the current sequence
  uniformly, and one of that token's splits uniformly; a token without a split uses the attempt up.
  Children can be split again. On short inputs ⌊p · n⌋ is 0 and nothing ever happens: a bare word
  of up to nine tokens at p = 0.1.
* ``per_token``: each token, and each child of a split, is split with probability p where it can
  be. Short inputs have their share.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.segmentation import Segmentation, segment
from workbench.studies.verdicts import Estimate, ratio_over_documents, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer

__all__ = ["PAPER", "RULES", "StochasTok", "expand", "inflation", "verdict"]

PAPER = "Sims, Foerster and Foster 2025"
Rule = Literal["published", "per_token"]
RULES: tuple[Rule, ...] = get_args(Rule)
Split = tuple[int, int]
Int64s = NDArray[np.int64]

_SPACE_MARK = "▁".encode()
_BYTE_PIECE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def _affixes(tok: Tokenizer) -> tuple[str, str]:
    """What marks a piece inside a word, and one at its end: ("##", "") for WordPiece."""
    model = tok.definition.get("model") or {}
    prefix = model.get("continuing_subword_prefix") or ""
    return prefix, model.get("end_of_word_suffix") or ""


@dataclass(frozen=True, eq=False)
class SplitTable(Mapping[int, list[Split]]):
    """All splits of a vocabulary: a mapping from id to its splits, in the order of the cut.

    Flat arrays rather than lists of pairs: a vocabulary of 130,000 has some 600,000 splits.

    Attributes:
        offsets: Where each id's splits begin, shape ``(max id + 2,)``.
        left: Id of the left part, shape ``(splits,)``.
        right: Id of the right part, the same shape.
    """

    offsets: Int64s
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    def __getitem__(self, token: int) -> list[Split]:
        if not 0 <= token < self.offsets.size - 1:
            raise KeyError(token)
        places = slice(int(self.offsets[token]), int(self.offsets[token + 1]))
        pairs = list(zip(self.left[places].tolist(), self.right[places].tolist(), strict=True))
        if not pairs:
            raise KeyError(token)
        return pairs

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(np.diff(self.offsets)).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(np.diff(self.offsets)))

    def to_frame(self) -> pl.DataFrame:
        """One row per split: ``id, left, right``."""
        ids = np.repeat(np.arange(self.offsets.size - 1), np.diff(self.offsets))
        return pl.DataFrame({"id": ids, "left": self.left, "right": self.right})


def split_table(tok: Tokenizer) -> SplitTable:
    """All ways to write each token as two others of the vocabulary.

    Bytes decide: left and right join to the token's bytes. Where the vocabulary marks pieces
    inside a word (``##ing``) or at its end, the parts must carry the marks that keep the decoded
    text: the right part of a split is always inside a word. Special tokens are neither split nor
    used. Where two entries stand for the same bytes, the ordinary one is used, not ``<0x41>``.

    Args:
        tok: A tokenizer with a closed vocabulary.

    Returns:
        Splits by id; tokens without any are absent.

    Raises:
        ValueError: When the vocabulary is open.
    """
    if tok.vocab_size is None:
        raise ValueError(
            f"{tok.name!r} has an open vocabulary: it lists no smaller tokens to split into."
        )
    prefix, suffix = _affixes(tok)
    kinds: dict[tuple[bool, bool], dict[bytes, int]] = {}
    entries: list[tuple[int, bytes, bool, bool]] = []
    for token in tok.ids():
        if token in tok.special_ids:
            continue
        data = tok.token_bytes(token)
        inside = ends = False
        if prefix or suffix:
            piece = tok.piece(token)
            inside = bool(prefix) and piece.startswith(prefix)
            ends = bool(suffix) and piece.endswith(suffix)
        entries.append((token, data, inside, ends))
        known = kinds.setdefault((inside, ends), {})
        if data not in known or _BYTE_PIECE.fullmatch(tok.piece(known[data])):
            known[data] = token
    none: dict[bytes, int] = {}
    largest = entries[-1][0] if entries else -1
    counts = np.zeros(largest + 2, dtype=np.int64)
    left_ids: list[int] = []
    right_ids: list[int] = []
    for token, data, inside, ends in entries:
        lefts = kinds.get((inside, False), none)
        rights = kinds.get((bool(prefix), ends), none)
        before = len(left_ids)
        for cut in range(1, len(data)):
            left = lefts.get(data[:cut])
            if left is not None:
                right = rights.get(data[cut:])
                if right is not None:
                    left_ids.append(left)
                    right_ids.append(right)
        counts[token + 1] = len(left_ids) - before
    return SplitTable(
        np.cumsum(counts),
        np.array(left_ids, dtype=np.int64),
        np.array(right_ids, dtype=np.int64),
    )


class StochasTok:
    """Random splits for one tokenizer.

    Args:
        tok: A tokenizer with a closed vocabulary.

    Attributes:
        tok: The tokenizer.
        splits: Splits by id; see :func:`split_table`.

    Raises:
        ValueError: When the vocabulary is open.
    """

    def __init__(self, tok: Tokenizer) -> None:
        self.tok = tok
        self.splits = split_table(tok)

    def expand(
        self,
        ids: Sequence[int],
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> list[int]:
        """Ids with some tokens split; they decode to the same text.

        Args:
            ids: Tokens of this tokenizer.
            p: Attempts per token ("published"), or probability of a split ("per_token").
            seed: A number, or a generator to draw on.
            rule: One of :data:`RULES`.

        Returns:
            The new ids, never fewer than before.

        Raises:
            ValueError: When p is out of range or the rule is unknown.
        """
        return [child for group in self.expand_groups(ids, p, seed, rule) for child in group]

    def expand_groups(
        self,
        ids: Sequence[int],
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> list[list[int]]:
        """As :meth:`expand`, with the parts of each original token in a list of their own."""
        if rule not in RULES:
            raise ValueError(f"{rule!r} is no rule: use one of {', '.join(RULES)}.")
        if p < 0 or (rule == "per_token" and p >= 1):
            raise ValueError(
                f"p = {p} is out of range: attempts per token are 0 or more (published), a "
                f"probability that leaves an end to splitting is below 1 (per_token)."
            )
        rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
        groups = [[int(token)] for token in ids]
        if rule == "published":
            self._attempt(groups, int(p * len(groups)), rng)
        else:
            for group in groups:
                self._descend(group, p, rng)
        return groups

    def _attempt(self, groups: list[list[int]], attempts: int, rng: np.random.Generator) -> None:
        # The current sequence as (group, place in it) would shift with every split; drawing by
        # order instead needs only the flat list and who each entry belongs to.
        flat = [(number, group[0]) for number, group in enumerate(groups)]
        for _ in range(attempts):
            at = int(rng.integers(len(flat)))
            owner, token = flat[at]
            options = self.splits.get(token)
            if options:
                left, right = options[int(rng.integers(len(options)))]
                flat[at : at + 1] = [(owner, left), (owner, right)]
        for group in groups:
            group.clear()
        for owner, token in flat:
            groups[owner].append(token)

    def _descend(self, group: list[int], p: float, rng: np.random.Generator) -> None:
        at = 0
        while at < len(group):
            options = self.splits.get(group[at])
            if options and rng.random() < p:
                group[at : at + 1] = options[int(rng.integers(len(options)))]
            else:
                at += 1

    def expand_segmentation(
        self,
        text: str | Segmentation,
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> Segmentation:
        """A text cut by the tokenizer, then split, for every view that takes a segmentation.

        Args:
            text: A text, or its segmentation by this tokenizer.
            p: As in :meth:`expand`.
            seed: As in :meth:`expand`.
            rule: As in :meth:`expand`.

        Returns:
            A segmentation with all the boundaries of before and some more. Where a tokenizer put
            bytes before the text (a dummy space), parts are aligned from the end of their token.
        """
        seg = segment(text, self.tok) if isinstance(text, str) else text
        old = seg.alignment
        groups = self.expand_groups(seg.ids, p, seed, rule)
        parents = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        ids = [token for group in groups for token in group]
        first = np.diff(parents, prepend=-1) > 0
        data = [[self.tok.token_bytes(token) for token in group] for group in groups]
        # SentencePiece writes a space as a mark of three bytes in its normalized text.
        marked = [[part.replace(b" ", _SPACE_MARK) for part in group] for group in data]
        wide = _SPACE_MARK in old.normalized

        def places(starts: Int64s, ends: Int64s, parts: list[list[bytes]]) -> tuple[Int64s, Int64s]:
            behind = [len(b"".join(g[number + 1 :])) for g in parts for number in range(len(g))]
            end = np.maximum(starts[parents], ends[parents] - np.array(behind, dtype=np.int64))
            start = np.where(first, starts[parents], np.roll(end, 1)) if len(end) else end
            return start, end

        norm_start, norm_end = places(old.norm_start, old.norm_end, marked if wide else data)
        byte_start, byte_end = places(old.byte_start, old.byte_end, data)
        alignment = dataclasses.replace(
            old,
            ids=np.array(ids, dtype=np.int64),
            norm_start=norm_start,
            norm_end=norm_end,
            byte_start=byte_start,
            byte_end=byte_end,
            special=old.special[parents],
        )
        return Segmentation(seg.text, self.tok, alignment)


_MADE: dict[str, StochasTok] = {}


def stochastok(tok: Tokenizer) -> StochasTok:
    """The splitter of a tokenizer, made once per fingerprint; the last eight are kept.

    Raises:
        ValueError: When the vocabulary is open.
    """
    if tok.fingerprint not in _MADE:
        while len(_MADE) >= 8:
            _MADE.pop(next(iter(_MADE)))
        _MADE[tok.fingerprint] = StochasTok(tok)
    return _MADE[tok.fingerprint]


def expand(
    ids: Sequence[int], tok: Tokenizer, p: float = 0.1, seed: int = 0, rule: Rule = "published"
) -> list[int]:
    """Split some tokens of a sequence; see :meth:`StochasTok.expand`.

    Args:
        ids: Tokens.
        tok: Their tokenizer.
        p: Attempts per token, or probability.
        seed: Of the draws.
        rule: One of :data:`RULES`.

    Returns:
        Ids that decode to the same text.

    Raises:
        ValueError: As :meth:`StochasTok.expand`.
    """
    return stochastok(tok).expand(ids, p, seed, rule)


def inflation(
    texts: Iterable[str],
    tokenizers: Sequence[Tokenizer],
    ps: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.4),
    *,
    rules: Sequence[Rule] = RULES,
    seed: int = 0,
) -> pl.DataFrame:
    """Sequence length after splitting over length before, by p and rule.

    Args:
        texts: Documents; the unit of the interval.
        tokenizers: With closed vocabularies.
        ps: Values of p.
        rules: Of :data:`RULES`.
        seed: Of the splits and of the bootstrap.

    Returns:
        ``tokenizer, rule, p, inflation, ci_low, ci_high, unchanged`` (share of documents to which
        nothing happened), ``decoded_same`` (share that decodes to the same text), ``n``.

    Raises:
        ValueError: When there is no text with a token.
    """
    documents = list(texts)
    rows = []
    for tok in tokenizers:
        splitter = stochastok(tok)
        encoded = [ids for ids in tok.encode_batch(documents) if ids]
        if not encoded:
            raise ValueError("There is no text with a token to split.")
        plain = [tok.decode(ids) for ids in encoded]
        for rule in rules:
            for p in ps:
                rng = np.random.default_rng(seed)
                grown = [splitter.expand(ids, p, rng, rule) for ids in encoded]
                before, after = list(map(len, encoded)), list(map(len, grown))
                ratio = ratio_over_documents(after, before, seed=seed)
                same = [tok.decode(g) == t for g, t in zip(grown, plain, strict=True)]
                still = [a == b for a, b in zip(after, before, strict=True)]
                rows.append(
                    {
                        "tokenizer": tok.name,
                        "rule": rule,
                        "p": float(p),
                        "inflation": ratio.value,
                        "ci_low": ratio.low,
                        "ci_high": ratio.high,
                        "unchanged": sum(still) / len(still),
                        "decoded_same": sum(same) / len(same),
                        "n": len(encoded),
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def verdict(
    texts: Sequence[str], words: Sequence[str], tokenizers: Sequence[Tokenizer], seed: int = 0
) -> pl.DataFrame:
    """What the method does at the published p = 0.1, in numbers.

    Args:
        texts: Documents.
        words: Bare words, the inputs of character tasks.
        tokenizers: With closed vocabularies.
        seed: Of the splits and of the bootstrap.

    Returns:
        The rows of a verdict.
    """
    long = inflation(texts, tokenizers, [0.1], seed=seed)
    short = inflation(words, tokenizers, [0.1], seed=seed)
    rows = []
    same = min(long["decoded_same"].min(), short["decoded_same"].min())  # type: ignore[type-var]
    rows.append(
        verdict_row(
            "Splitting changes no text",
            PAPER,
            "least share of inputs that decode to the same text",
            float(same),  # type: ignore[arg-type]
            "holds" if same == 1 else "does not hold",
        )
    )
    rows += [
        verdict_row(
            "p = 0.1 lengthens a text by less than a tenth",
            PAPER,
            f"tokens after / before, {row['tokenizer']}",
            Estimate(row["inflation"], row["ci_low"], row["ci_high"], row["n"]),
            "no text is long enough for one split"
            if row["unchanged"] == 1
            else Estimate(row["inflation"], row["ci_low"], row["ci_high"], row["n"]).side(
                1.1, "holds", "does not hold"
            ),
        )
        for row in long.filter(pl.col("rule") == "published").iter_rows(named=True)
    ]
    for rule in RULES:
        still = short.filter(pl.col("rule") == rule)["unchanged"].to_list()
        rows.append(
            verdict_row(
                "At p = 0.1 a bare word is trained on with its parts",
                PAPER,
                f"share of bare words left as they are, {rule}, mean of {len(still)} tokenizers",
                float(np.mean(still)),
                "never happens" if min(still) == 1 else "happens",
            )
        )
    return verdict_frame(rows)

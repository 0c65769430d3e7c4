"""Digits: whether numbers are cut where thousands are written.

Source: Singh & Strouse 2024 (arXiv 2402.14903): arithmetic improves when digits are grouped in
threes from the right; TokEval, three-digit boundary alignment. A number is a run of decimal digits
of any script, of L digits; the good cuts are at L − 3, L − 6, … A number of up to three digits has
none: in one token it scores 1, split it scores 0. In TokEval's mean short numbers, which are most
of those in prose, decide; `long_f1` leaves them out.

Example: 1234567 as 1|234|567 scores F1 1; as 123|456|7 it has two cuts, neither good, 0; as
1|234567 precision 1, recall 1/2, F1 2/3.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import regex

from workbench.metrics._base import DocumentView, Metric, Sums, SumsVariant, divide, pooled
from workbench.metrics._cuts import character_bytes, cuts_of

_NUMBER = regex.compile(r"\p{Nd}+")
_ONE = 1 << 32  # fixed point: sums of these are the same in any order


def count_number_cuts(view: DocumentView) -> Mapping[str, int]:
    """Cuts inside the numbers of one document.

    Args:
        view: The document.

    Returns:
        numbers, exact (cut at the good places and nowhere else), f1 (sum, times 2^32), digits,
        tokens (of the numbers: pieces that their inner cuts leave), and of the numbers of more than
        three digits: long, long_f1 (times 2^32), good (places), hit (of these, cut), made (cuts).
    """
    names = ("numbers", "exact", "f1", "digits", "tokens", "long", "long_f1", "good", "hit", "made")
    out = dict.fromkeys(names, 0)
    spans = [match.span() for match in _NUMBER.finditer(view.text)]
    if not spans:
        return out
    cuts, offsets = cuts_of(view), character_bytes(view.text)
    for start, end in spans:
        length = end - start
        first, last = np.searchsorted(cuts, [offsets[start] + 1, offsets[end]])
        made = set(cuts[first:last].tolist())
        good = {int(offsets[end - back]) for back in range(3, length, 3)}
        hit = len(made & good)
        score = _f1(hit, len(made), len(good))
        out["numbers"] += 1
        out["exact"] += made == good
        out["f1"] += score
        out["digits"] += length
        out["tokens"] += len(made) + 1
        if length > 3:
            out["long"] += 1
            out["long_f1"] += score
            out["good"] += len(good)
            out["hit"] += hit
            out["made"] += len(made)
    return out


def _f1(hit: int, made: int, good: int) -> int:
    """F1 in fixed point; nothing to cut and nothing cut is 1."""
    if made + good == 0:
        return _ONE
    return round(2 * hit * _ONE / (made + good))


def _mean(name: str, total: str, number: str, of: str, source: str = "") -> SumsVariant:
    def value(sums: Sums) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return divide(sums[f"digits.{total}"] / _ONE, sums[f"digits.{number}"])

    return SumsVariant(
        name=name,
        unit="F1 of cuts inside numbers",
        aggregation="occurrences",
        formula=f"mean over {of} of 2 · good cuts / (cuts + places L−3, L−6, …)",
        degenerate=f"null where there are no {of}",
        better="higher",
        source=source,
        needs=frozenset((f"digits.{total}", f"digits.{number}")),
        value=value,
    )


METRIC = Metric(
    name="digits",
    title="Digits",
    summary="Whether numbers are cut in threes from the right.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), three-digit boundary alignment; "
    "Singh & Strouse 2024, arXiv 2402.14903",
    probe=count_number_cuts,
    variants=(
        _mean("f1", "f1", "numbers", "numbers"),
        _mean("long_f1", "long_f1", "long", "numbers of more than three digits"),
        pooled(
            "exact",
            "digits.exact",
            "digits.numbers",
            unit="share of numbers",
            formula="numbers cut at L−3, L−6, … and nowhere else / numbers",
            degenerate="null where there are no numbers",
            better="higher",
        ),
        pooled(
            "long_precision",
            "digits.hit",
            "digits.made",
            unit="share of cuts",
            formula="good cuts / cuts, in numbers of more than three digits",
            degenerate="null where no number of more than three digits is cut",
            better="higher",
        ),
        pooled(
            "long_recall",
            "digits.hit",
            "digits.good",
            unit="share of places",
            formula="good cuts / places L−3, L−6, …, in numbers of more than three digits",
            degenerate="null where there are no numbers of more than three digits",
            better="higher",
        ),
        pooled(
            "digits_per_piece",
            "digits.digits",
            "digits.tokens",
            unit="digits per piece of a number",
            degenerate="null where there are no numbers",
        ),
    ),
)

"""A small transformer on a switching source, with and without tokens.

The second half of "Toward a Theory of Tokenization in LLMs" (Rajaraman, Jiao and Ramchandran
2024): on a source of order 2 and more a transformer that reads bare letters stays for long at what
one letter tells, while over tokens it soon predicts well. Here the same network reads the same
windows of letters, as letters and as byte-pair tokens, and is scored on windows of its own as it
learns (PyTorch, the extra `lab`); what was measured is kept beside the trained models.
`workbench.studies.theory` has the first half, which needs no training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from workbench.laboratory.reading import laboratory_dir
from workbench.studies.markov import SwitchingSource, bpe_dictionary, bpe_encoder
from workbench.studies.verdicts import (
    Estimate,
    mean_over_seeds,
    summary_over_seeds,
    verdict_frame,
    verdict_row,
)

PAPER = "Rajaraman, Jiao and Ramchandran 2024"
LETTERS = "letters"
WINDOW = 128
"""Letters of a window; nothing is remembered from one window to the next."""

_SCORED = 256
_WIDTH, _LAYERS, _HEADS = 32, 2, 4
_RATE = 3e-3
_WARM = 50


def least_bits(source: SwitchingSource, letters: int = WINDOW) -> float:
    """Bits per letter of a window under the source itself: the first k letters cost one bit each.

    Example:
        >>> round(least_bits(SwitchingSource(0.1, 2)), 3)
        0.477
    """
    first = min(source.order, letters)
    return (first + (letters - first) * source.entropy_rate) / letters


def learning(
    source: SwitchingSource,
    entries: int | None,
    *,
    seed: int = 0,
    steps: int = 800,
    every: int = 40,
    windows: int = 32,
) -> pl.DataFrame:
    """Train a small transformer, and score it on the way.

    Args:
        source: Where letters come from; every step reads new ones.
        entries: Size of a byte-pair dictionary learned on 100,000 other letters; None reads
            letters.
        seed: Of weights and letters.
        steps: Of AdamW.
        every: Steps between two scores.
        windows: Windows of 128 letters in a step.

    Returns:
        `order, switch, reads, entries, seed, step, letters_read, bits_per_letter` (on 256 windows
        that are not trained on; only the tokenizer's own cut is counted), `least` (the source's
        own).

    Raises:
        ModuleNotFoundError: Without PyTorch.
    """
    import torch
    from torch.nn import functional

    from workbench.laboratory.network import TokenNet
    from workbench.laboratory.training import descend

    encode: Callable[[str], list[int]] = _letters
    size = 2
    if entries is not None:
        names, merges = bpe_dictionary(source.sample(100_000, seed=10_000 + seed), entries, "AB")
        encode, size = bpe_encoder(names, merges), len(names)

    def framed(number: int, first: int) -> torch.Tensor:
        """Windows as token ids, an edge (id `size`) on either side."""
        rows = [encode(source.sample(WINDOW, seed=first + i)) for i in range(number)]
        longest = max(map(len, rows))
        out = np.full((number, longest + 2), size)
        for row, ids in zip(out, rows, strict=True):
            row[1 : len(ids) + 1] = ids
        return torch.from_numpy(out)

    def nats(ids: torch.Tensor) -> torch.Tensor:
        """Of every token but the edges, in one row."""
        counts = ids[:, 1:] != size
        hidden = net.hidden(net.tokens(ids[:, :-1]))[counts]
        return functional.cross_entropy(
            hidden @ net.tokens.weight[:size].T, ids[:, 1:][counts], reduction="none"
        )

    torch.manual_seed(seed)
    net = TokenNet(size, _WIDTH, _LAYERS, _HEADS, WINDOW + 1)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01, betas=(0.9, 0.98))
    start = (1 + seed) * 100_000_000
    scored = framed(_SCORED, start)
    rows = []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            with torch.no_grad():
                bits = float(nats(scored).sum()) / math.log(2) / (_SCORED * WINDOW)
            rows.append((step, step * windows * WINDOW, bits))
        if step == steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / _WARM)
        ids = framed(windows, start + _SCORED + step * windows)
        # Per letter and not per token, so that both readings weigh a window alike.
        loss = nats(ids).sum() / (windows * WINDOW)
        descend(net, optimizer, loss)
    table = pl.DataFrame(rows, schema=["step", "letters_read", "bits_per_letter"], orient="row")
    return table.select(
        order=pl.lit(source.order), switch=pl.lit(source.switch),
        reads=pl.lit(LETTERS if entries is None else f"{entries} tokens"),
        entries=pl.lit(entries or 2), seed=pl.lit(seed), step="step", letters_read="letters_read",
        bits_per_letter="bits_per_letter", least=pl.lit(least_bits(source)),
    )  # fmt: skip


def _letters(text: str) -> list[int]:
    return [ord(letter) - ord("A") for letter in text]


def switching_curves(folder: str | Path | None = None) -> pl.DataFrame:
    """The scores that were kept when the laboratory was trained.

    Args:
        folder: Where `switching.tsv` lies; by default the shipped one.

    Returns:
        As `learning`, for several orders, readings and seeds.
    """
    where = Path(folder) if folder else laboratory_dir()
    return pl.read_csv(where / "switching.tsv", separator="\t")


def curve_summary(table: pl.DataFrame) -> pl.DataFrame:
    """Means over seeds, with Student's t intervals.

    Args:
        table: From `learning` or `switching_curves`.

    Returns:
        `order, reads, step, letters_read, least, bits_per_letter, ci_low, ci_high, seeds`.
    """
    keys = ["order", "reads", "step", "letters_read", "least"]
    return summary_over_seeds(table, keys, "bits_per_letter")


def of_order(table: pl.DataFrame, order: int) -> pl.DataFrame:
    """The scores on the source of one order.

    Args:
        table: From `learning`, `switching_curves` or `curve_summary`.
        order: k of the source.

    Returns:
        The rows of that order.

    Raises:
        ValueError: When nothing was trained on such a source; the message names what was.

    Example:
        >>> of_order(switching_curves(), 2)["order"].unique().to_list()
        [2]
    """
    part = table.filter(pl.col("order") == order)
    if part.is_empty():
        there = ", ".join(str(k) for k in table["order"].unique().sort())
        raise ValueError(
            f"No transformer was trained on a source of order {order}: choose one of {there}, or "
            f"train one with `learning`."
        )
    return part


def letters_needed(table: pl.DataFrame, near: float = 0.1) -> pl.DataFrame:
    """How many letters were read until a network came near the source, each seed for itself.

    Networks are scored now and then, and between two scores the bits are taken to fall evenly. A
    network that is near at its first score after the start counts as near only there, for nothing
    leads evenly from the start to it: one that repeats its input starts low by luck.

    Args:
        table: From `learning` or `switching_curves`.
        near: Bits per letter above the source's own that count as near.

    Returns:
        `order, reads, seed, letters`; networks that never came near are absent.

    Example:
        >>> letters_needed(of_order(switching_curves(), 2), near=0.05).columns
        ['order', 'reads', 'seed', 'letters']
    """
    keys = ["order", "reads", "seed"]
    before, earlier = (pl.col(name).shift(1).over(keys) for name in ("over", "letters_read"))
    # Null at the first score, and negative where a network came near, left and came again.
    fallen = pl.when(before > 0).then(before / (before - pl.col("over")))
    return (
        table.filter(pl.col("step") > 0)
        .sort(*keys, "step")
        .with_columns(over=pl.col("bits_per_letter") - pl.col("least") - near)
        .with_columns(
            letters=(earlier + fallen * (pl.col("letters_read") - earlier)).fill_null(
                pl.col("letters_read")
            )
        )
        .filter(pl.col("over") <= 0)
        .group_by(keys, maintain_order=True)
        .agg(pl.col("letters").first())
    )


def switching_verdict(table: pl.DataFrame, near: float = 0.1) -> pl.DataFrame:
    """Whether bare letters hold a transformer back, at first and in the end.

    Args:
        table: From `learning` or `switching_curves`; letters and one size of dictionary.
        near: Bits per letter above the source's own that count as having learned it.

    Returns:
        The rows of a verdict, three for each order: where letters end, how many more letters they
        need to come near, and where tokens end beside them.
    """
    rows = []
    for (order,), part in table.group_by("order", maintain_order=True):
        least = part["least"][0]
        where = f"k={order}, p={part['switch'][0]}"
        last = part.filter(pl.col("step") == pl.col("step").max()).sort("seed")
        ends = {
            name: group["bits_per_letter"].to_numpy()
            for (name,), group in last.group_by("reads", maintain_order=True)
        }
        found = mean_over_seeds(ends[LETTERS])
        stuck = found.value > (1 + least) / 2
        rows.append(
            verdict_row(
                "A transformer over bare letters stays at what one letter tells (1 bit)",
                PAPER, f"bits per letter after {last['letters_read'][0]:,} letters, {where}", found,
                f"{'it does' if stuck else 'it does not'}: the source has {least:.3f}",
            )
        )  # fmt: skip
        tokens = next((name for name in ends if name != LETTERS), None)
        if tokens is None:
            continue
        first = letters_needed(part, near)
        both = first.pivot("reads", index="seed", values="letters").drop_nulls()
        if {LETTERS, tokens} <= set(both.columns) and both.height:
            logs = mean_over_seeds(np.log((both[LETTERS] / both[tokens]).to_numpy()))
            low, high = (None if b is None else math.exp(b) for b in (logs.low, logs.high))
            grid = part.filter(pl.col("step") > 0)["letters_read"].to_numpy().min()
            how = (
                f"geometric mean; between scores, {grid:,} letters apart, bits are taken to fall "
                f"evenly; {(first['letters'] == grid).sum()} of {first.height} networks are near "
                f"at the first"
            )
            ratio = Estimate(math.exp(logs.value), low, high, logs.n)
            rows.append(
                verdict_row(
                    "With tokens a transformer learns the source sooner", PAPER,
                    f"letters read until {near} bits above the source, letters over {tokens} "
                    f"({how}), {where}",
                    ratio, ratio.side(1, "later", "sooner"),
                )
            )  # fmt: skip
        gap = mean_over_seeds(ends[tokens] - ends[LETTERS])
        rows.append(
            verdict_row(
                "With tokens a transformer ends nearer to the source", PAPER,
                f"bits per letter, {tokens} less bare letters, at the end, {where}", gap,
                gap.side(0, "nearer", "farther"),
            )
        )  # fmt: skip
    return verdict_frame(rows)

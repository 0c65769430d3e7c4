"""Training the laboratory's models with PyTorch (the extra `lab`): tune, train to a plateau, cool.

Every arm has the same budget: the same learning rates are tried for the same number of steps, the
one that does best on words that are not trained on is taken, and training goes on until those
words show no more progress (or the recipe's last step). Then the rate falls to 0. The test half is
never looked at here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn
from torch.nn import functional

from workbench.laboratory.design import CLASSES, TASKS, Arm, Halves, Recipe
from workbench.laboratory.network import QuestionNet, WordNet
from workbench.laboratory.questions import Ints, questions
from workbench.laboratory.reading import split_variants, vocabulary, word_ids

Say = Callable[[str], None]

_QUESTIONS_CHECKED = 8
_WARM = 200  # steps in which the rate rises from 0


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model and how it came to be.

    Attributes:
        net: The network, ready to be asked.
        curve: Columns `step`, `phase` (`plateau`, `cooling`), `learning_rate`, `loss` (nats, mean
            since the last look), `task`, `value` (accuracy on the looked-at words, or bits per
            byte).
        facts: `learning_rate`, `steps`, `plateau` (whether it was reached), `tokens_per_word` as
            trained (after splits), `words_split` (their share), and what was tried.
    """

    net: nn.Module
    curve: pl.DataFrame
    facts: dict[str, Any]


class ReaderRun:
    """The data of one arm and seed, and the network that learns from them.

    Args:
        arm: How words are cut.
        recipe: The shared settings.
        seed: Of weights, words and questions.
        halves: The words.
        folder: Where the vocabularies lie.
    """

    def __init__(
        self, arm: Arm, recipe: Recipe, seed: int, halves: Halves, folder: Path | None = None
    ) -> None:
        self.arm, self.recipe, self.seed = arm, recipe, seed
        tok = vocabulary(arm.vocabulary, folder)
        self.size = int(tok.vocab_size or 0)
        plain = word_ids(halves.train, tok)
        self.variants = plain[None]
        if arm.split:
            self.variants = split_variants(plain, tok, arm.split, recipe.variants, seed)
        longest = int((self.variants != self.size).sum(axis=2).max())
        self.variants = self.variants[:, :, :longest]
        self.questions = questions(halves.train)
        self.checked = torch.from_numpy(word_ids(halves.check, tok))
        rng = np.random.default_rng(0)
        asked = questions(halves.check)
        rows = np.arange(len(halves.check))
        self.asked = [torch.from_numpy(a) for a in asked.draw(rows, _QUESTIONS_CHECKED, rng)]
        tokens, before = (self.variants != self.size).sum(axis=2), (plain != self.size).sum(axis=1)
        self.facts: dict[str, Any] = {
            "tokens_per_word": float(tokens.mean()),
            "inflation": float(tokens.mean() / before.mean()),
            "words_split": float((tokens > before).mean()),
        }

    def start(self) -> tuple[QuestionNet, Iterator[tuple[torch.Tensor, ...]]]:
        """A fresh network, and batches without end; both follow from the seed."""
        torch.manual_seed(self.seed)
        recipe = self.recipe
        net = QuestionNet(self.size, recipe.width, recipe.layers, recipe.heads)
        return net, self._batches()

    def _batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        # Words and questions come from a generator of their own, so that all arms of a seed get
        # the same ones; which split of a word is read comes from another.
        rng = np.random.default_rng(self.seed)
        which = np.random.default_rng((self.seed, 1))
        words = self.variants.shape[1]
        while True:
            rows: Ints = rng.integers(0, words, self.recipe.words_per_step)
            asked = self.questions.draw(rows, self.recipe.questions_per_word, rng)
            read = self.variants[which.integers(0, len(self.variants), len(rows)), rows]
            yield tuple(torch.from_numpy(a) for a in (read, *asked))

    def check(self, net: QuestionNet) -> dict[str, float]:
        """Accuracy on words that are not trained on, by task."""
        tasks, letters, right = self.asked
        with torch.no_grad():
            hit = net(self.checked, tasks, letters).argmax(-1) == right
        return {task: float(hit[tasks == k].float().mean()) for k, task in enumerate(TASKS)}


def train_reader(run: ReaderRun, say: Say = print) -> Trained:
    """Tune one arm's learning rate, and train a model to its plateau.

    Args:
        run: Arm, seed and data.
        say: Told how it goes.

    Returns:
        The model.
    """
    recipe = run.recipe
    tried = {}
    for rate in recipe.rates if len(recipe.rates) > 1 else ():
        net, batches = run.start()
        _, found = _learn(
            net, batches, _answer_loss, run.check, recipe, rate,
            steps=recipe.tuning_steps, cool=recipe.tuning_steps // 3, say=None,
        )  # fmt: skip
        tried[rate] = float(np.mean(list(run.check(net).values())))
        say(f"{run.arm.name} {run.seed}: rate {rate:g} gives {tried[rate]:.3f}")
    best = max(tried, key=lambda rate: tried[rate]) if tried else recipe.rates[0]
    net, batches = run.start()
    curve, found = _learn(
        net, batches, _answer_loss, run.check, recipe, best,
        steps=recipe.most_steps, cool=recipe.cooldown,
        say=lambda line: say(f"{run.arm.name} {run.seed}: {line}"),
    )  # fmt: skip
    net.eval()
    facts = {"learning_rate": best, "tried": {f"{k:g}": v for k, v in tried.items()}}
    return Trained(net, curve, facts | found | run.facts)


def train_writer(
    vocabulary_name: str, recipe: Recipe, seed: int, halves: Halves, folder: Path | None = None,
    say: Say = print,
) -> Trained:  # fmt: skip
    """Train a model that continues words, for studies that need bits per byte.

    Args:
        vocabulary_name: How words are cut.
        recipe: Settings; the lowest of its rates is taken, untuned.
        seed: Of weights and words.
        halves: The words.
        folder: Where the vocabularies lie.
        say: Told how it goes.

    Returns:
        The model; its curve is in bits per byte of looked-at words, their ends included.
    """
    tok = vocabulary(vocabulary_name, folder)
    size = int(tok.vocab_size or 0)

    def framed(words: tuple[str, ...]) -> torch.Tensor:
        ids = word_ids(words, tok)
        ids = ids[:, : int((ids != size).sum(axis=1).max())]
        edge = np.full((len(ids), 1), size)
        return torch.from_numpy(np.concatenate([edge, ids, edge], axis=1))

    trained, checked = framed(halves.train), framed(halves.check)
    letters = sum(len(word) for word in halves.check)
    torch.manual_seed(seed)
    net = WordNet(size, recipe.width, recipe.layers, recipe.heads)

    def batches() -> Iterator[tuple[torch.Tensor, ...]]:
        rng = np.random.default_rng(seed)
        while True:
            yield (trained[torch.from_numpy(rng.integers(0, len(trained), recipe.words_per_step))],)

    def check(net: WordNet) -> dict[str, float]:
        with torch.no_grad():
            nats = _next_token_nats(net, checked).sum()
        return {"bits_per_byte": float(nats) / math.log(2) / letters}

    def loss(net: WordNet, words: torch.Tensor) -> torch.Tensor:
        return _next_token_nats(net, words).mean()

    rate = min(recipe.rates)
    curve, found = _learn(
        net, batches(), loss, check, recipe, rate,
        steps=recipe.writer_steps, cool=recipe.writer_steps // 3,
        say=lambda line: say(f"writer {vocabulary_name} {seed}: {line}"),
    )  # fmt: skip
    net.eval()
    return Trained(net, curve, {"learning_rate": rate} | found)


def descend(net: nn.Module, optimizer: torch.optim.Optimizer, loss: Any) -> None:
    """One step down, the gradient cut off at length 1."""
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


def _next_token_nats(net: WordNet, words: torch.Tensor) -> torch.Tensor:
    """Nats of each next token and of the end of each word, one after another."""
    read, wanted = words[:, :-1], words[:, 1:]
    # The first filler behind a word is its end and counts; what follows it does not.
    counts = (read != net.size) | (torch.arange(read.shape[1]) == 0)
    hidden = net.hidden(net.tokens(read))[counts]
    return functional.cross_entropy(hidden @ net.tokens.weight.T, wanted[counts], reduction="none")


def _answer_loss(
    net: QuestionNet, words: torch.Tensor, tasks: torch.Tensor, letters: torch.Tensor,
    right: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    scores = net(words, tasks, letters)
    return functional.cross_entropy(scores.reshape(-1, CLASSES), right.reshape(-1))


def _learn(
    net: Any,
    batches: Iterator[tuple[torch.Tensor, ...]],
    loss_of: Callable[..., torch.Tensor],
    check: Callable[[Any], dict[str, float]],
    recipe: Recipe,
    rate: float,
    *,
    steps: int,
    cool: int,
    say: Say | None,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Steps at one rate until the plateau, then fewer and fewer as the rate falls to 0.

    `say=None` is a try: nothing is looked at on the way, and `cool` is part of `steps`.
    """
    table = [net.tokens.weight]
    rest = [p for name, p in net.named_parameters() if name != "tokens.weight"]
    optimizer = torch.optim.AdamW(
        [
            {"params": table, "scale": recipe.embedding_rate, "weight_decay": 0.0},
            {"params": rest, "scale": 1.0, "weight_decay": 0.01},
        ],
        betas=(0.9, 0.98),
    )
    rows: list[dict[str, Any]] = []
    best, stale, ends = -math.inf, 0, None if say else steps - cool
    losses: list[float] = []
    reached = False
    step = 0
    while ends is None or step < ends + cool:
        cooling = ends is not None and step >= ends
        falls = 1.0 if ends is None or not cooling else 1 - (step - ends) / cool
        now = rate * min(1.0, (step + 1) / _WARM) * falls
        for group in optimizer.param_groups:
            group["lr"] = now * group["scale"]
        loss = loss_of(net, *next(batches))
        descend(net, optimizer, loss)
        losses.append(float(loss.detach()))
        step += 1
        last = ends is not None and step == ends + cool
        if say is None or (step % recipe.check_every and not last):
            continue
        values = check(net)
        phase = "cooling" if cooling else "plateau"
        told = {"step": step, "phase": phase, "learning_rate": now, "loss": float(np.mean(losses))}
        rows += [told | {"task": task, "value": value} for task, value in values.items()]
        say(f"step {step}, loss {told['loss']:.3f}, {np.mean(list(values.values())):.4f}")
        losses.clear()
        if ends is None:
            score = float(np.mean(list(values.values())))
            # Bits per byte fall where accuracy rises.
            score = -score if "bits_per_byte" in values else score
            stale = 0 if score > best + recipe.progress else stale + 1
            best = best if stale else score
            reached = stale >= recipe.patience
            if reached or step >= steps:
                ends = step
    return pl.DataFrame(rows), {"steps": step, "plateau": reached}

"""What the laboratory compares: arms, words, and the settings that all arms share.

An arm is a way to cut words. Everything else is held equal: the words and questions (the same ones
in the same order for the same seed), the network but for its table of token vectors, and the
budget for tuning and for training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from workbench.character_tasks.draw import Stream
from workbench.character_tasks.items import CHARBENCH_TASKS, LENGTHS
from workbench.character_tasks.wordlists import wordfreq_words

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
"""The letters of the laboratory's words."""

LONGEST = max(LENGTHS)
"""Letters of the longest word, and so tokens of the longest sequence."""

CLASSES = LONGEST + 1
"""The output is a class, the number: 0 to 10."""

TASKS = CHARBENCH_TASKS
"""CharBench's four questions."""

VOCABULARIES: Mapping[str, int] = {"characters": 26, "bpe-1k": 1024, "bpe-4k": 4096}
"""Entries of each vocabulary, all trained on the training half alone."""

WRITER = "bpe-4k"
"""The vocabulary of the model that continues words."""

LEAST_SEEN = 20
"""A test word whose rarest token stands in fewer training words than this is reported apart."""

_READABLE = re.compile(rf"[a-z]{{{min(LENGTHS)},{LONGEST}}}")


@dataclass(frozen=True)
class Arm:
    """A way to cut words.

    Attributes:
        name: As it stands in tables and file names.
        vocabulary: A key of `VOCABULARIES`.
        split: While training, the probability that a token, or a part of one, is split in two
            (StochasTok, rule `per_token`); 0 never. Test words are never split.
    """

    name: str
    vocabulary: str
    split: float = 0.0


ARMS: tuple[Arm, ...] = (
    Arm("characters", "characters"),
    Arm("bpe-1k", "bpe-1k"),
    Arm("bpe-4k", "bpe-4k"),
    Arm("bpe-4k-split-0.1", "bpe-4k", 0.1),
    Arm("bpe-4k-split-0.3", "bpe-4k", 0.3),
    Arm("bpe-4k-split-0.6", "bpe-4k", 0.6),
)
"""The arms whose weights are shipped, and the p that is swept."""


def get_arm(name: str) -> Arm:
    """An arm by its name.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> get_arm("bpe-4k-split-0.1").split
        0.1
    """
    for arm in ARMS:
        if arm.name == name:
            return arm
    raise ValueError(f"No arm is called {name!r}. The arms: {', '.join(a.name for a in ARMS)}.")


@dataclass(frozen=True)
class Recipe:
    """How every arm is trained.

    Attributes:
        name: Of the recipe.
        seeds: One model an arm and seed; a seed draws weights, words and questions.
        width: Numbers in a vector.
        layers: Of the transformer.
        heads: Of its attention.
        words_per_step: Words read in a step.
        questions_per_word: Questions asked about each of them.
        rates: Learning rates that are tried for each arm, the same for all.
        tuning_steps: Steps of each try.
        embedding_rate: How much faster token vectors learn than the rest; a token is seen in few
            of the words.
        check_every: Steps between two looks at words that are not trained on.
        patience: Looks without progress after which the plateau is reached.
        progress: Points of accuracy (0 to 1) that count as progress.
        most_steps: Steps after which training ends, plateau or not.
        cooldown: Steps in which the rate then falls to 0.
        variants: Ways in which each word is split before training, where it is.
        writer_steps: Steps of the model that continues words.
    """

    name: str
    seeds: tuple[int, ...] = (0, 1, 2)
    width: int = 64
    layers: int = 2
    heads: int = 4
    words_per_step: int = 256
    questions_per_word: int = 8
    rates: tuple[float, ...] = (3e-3, 6e-3, 1.2e-2)
    tuning_steps: int = 400
    embedding_rate: float = 8.0
    check_every: int = 250
    patience: int = 4
    progress: float = 0.002
    most_steps: int = 8000
    cooldown: int = 1000
    variants: int = 16
    writer_steps: int = 2000


SHIPPED = Recipe("shipped")
"""The recipe of the weights under `data/laboratory`."""

SMALL = Recipe("small", seeds=(0,))
"""One seed of the same, within an hour on two cores. It shows that the script runs and makes no
claim: without other seeds a number has no interval."""

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (SHIPPED, SMALL)}


@dataclass(frozen=True)
class Halves:
    """The laboratory's words.

    Attributes:
        train: Words that are trained on.
        check: Words of the training half that are only looked at, to see the plateau.
        test: The other half. Nothing is learned or chosen by it.
    """

    train: tuple[str, ...]
    check: tuple[str, ...]
    test: tuple[str, ...]


def readable(word: str) -> bool:
    """Whether the laboratory's models can read a word: 4 to 10 letters a to z.

    Example:
        >>> readable("strawberry"), readable("Straw"), readable("r")
        (True, False, False)
    """
    return _READABLE.fullmatch(word) is not None


@lru_cache(maxsize=1)
def halves() -> Halves:
    """The English words of `wordfreq` with 4 to 10 letters a to z, cut in half at random.

    The same on every machine. Forms of one word (`walk`, `walked`) may fall on both sides: what is
    tested is whether a model knows the letters of tokens it has seen in other words.

    Example:
        >>> parts = halves()
        >>> set(parts.train) & set(parts.test)
        set()
    """
    words = sorted(word for word in wordfreq_words("en") if readable(word))
    order = Stream(7, "laboratory", "halves").permutation(len(words)).tolist()
    half = len(words) // 2
    drawn = [words[i] for i in order]
    looked_at = 4000
    return Halves(tuple(drawn[looked_at:half]), tuple(drawn[:looked_at]), tuple(drawn[half:]))

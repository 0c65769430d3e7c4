"""Character tasks: building 175,000 items, and analysing 1,200,000 answers.

    python benchmarks/character_tasks.py

The row-by-row way (one frame per item, joined by `pandas.concat`, as the original builds its set)
is timed on a slice whose size is printed, at two sizes: it grows faster than the items, so the
figure for the whole set is an extrapolation from both, and says so.
"""

import math
import resource
import time

import numpy as np
import polars as pl

from workbench.character_tasks import analyze, build_items, score, wordfreq_words
from workbench.character_tasks.items import COUNT
from workbench.tokenizers import load_tokenizer

SLICE = 4000
TOKENIZERS = ("tekken", "deepseek-v4", "mistral-v1", "mistral-v3")
MODELS = 7


def row_by_row(words: list[str], n: int) -> float:
    """Seconds to build `n` counting items one row at a time."""
    import pandas as pd

    rng = np.random.default_rng(7)
    began = time.perf_counter()
    table = pd.DataFrame(
        columns=["question_idx", "question", "answer", "word", "character", "task"]
    )
    for index, word in enumerate(words[:n]):
        letter = word[int(rng.integers(len(word)))]
        row = {
            "question_idx": [index],
            "question": [f"How many times does the character '{letter}' appear in '{word}'?"],
            "answer": [word.count(letter)],
            "word": [word],
            "character": [letter],
            "task": [COUNT],
        }
        table = pd.concat([table, pd.DataFrame(row)], ignore_index=True)
    return time.perf_counter() - began


def made_answers(items: pl.DataFrame) -> pl.DataFrame:
    """Answers of seven made models to every item; longer words are harder."""
    parts = []
    length = items["word"].str.len_chars().to_numpy()
    for k in range(MODELS):
        rng = np.random.default_rng(k)
        right = rng.random(items.height) < 1 / (1 + np.exp(-2.5 + 0.3 * length))
        said = pl.Series(np.where(right, items["answer"], items["answer"] + 1)).cast(pl.String)
        parts.append(items.select("question_idx", model=pl.lit(f"model {k}"), response=said))
    return pl.concat(parts)


def memory() -> float:
    """Largest resident size of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure() -> list[tuple[str, float, str, str]]:
    """All figures: what, number, unit, and how it was taken."""
    words = wordfreq_words("en", title_case=True)
    began = time.perf_counter()
    items = build_items(words)
    ours = time.perf_counter() - began
    small = row_by_row(words, SLICE // 2)
    large = row_by_row(words, SLICE)
    power = max(math.log2(large / small), 1.0)
    whole = large * (items.height / SLICE) ** power
    found = [
        ("build 175,000 items", ours, "s", "measured"),
        (f"row-by-row pandas.concat, {SLICE:,} items", large, "s", "measured"),
        ("row-by-row pandas.concat, 175,000 items", whole, "s",
         f"extrapolated: time grows as items to the power {power:.2f}"),
    ]  # fmt: skip
    answers = made_answers(items)
    began = time.perf_counter()
    scored = score(items, answers)
    found.append(
        (f"score {answers.height:,} answers", time.perf_counter() - began, "s", "measured")
    )
    del answers
    tokenizers = [load_tokenizer(name) for name in TOKENIZERS]
    models = {f"model {k}": tokenizers[k % len(tokenizers)] for k in range(MODELS)}
    began = time.perf_counter()
    cpu = time.process_time()
    analysis = analyze(scored, models)
    what = f"analyze {scored.height:,} answers, {len(TOKENIZERS)} tokenizers"
    spent = f"{time.process_time() - cpu:.0f} s of processor time"
    how = f"measured; {spent}; {analysis.effects.height} effects"
    found.append((what, time.perf_counter() - began, "s", how))
    found.append(("largest resident size", memory(), "GB", "of the whole process"))
    return found


def main() -> None:
    """Print the table."""
    for what, number, unit, how in measure():
        print(f"{what:55} {number:9.2f} {unit:3} {how}")


if __name__ == "__main__":
    main()

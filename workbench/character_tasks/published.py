"""Published results, to stand beside one's own. Every table names its source.

Source of all: Uzan and Pinter, "CharBench: Evaluating the Role of Tokenization in Character-Level
Tasks", arXiv 2508.02591. Their items are not these items (another word list), and their answers
were judged by the strict parser with failed requests left out.
"""

import polars as pl

from workbench.character_tasks.items import COUNT, FIRST, LAST, UNIQUE

SOURCE = "Uzan and Pinter, CharBench, arXiv 2508.02591"

_ACCURACY = {
    "GPT-4o": (70.73, 89.45, 65.51, 64.65, 63.14),
    "GPT-4o-mini": (49.99, 82.54, 47.32, 42.89, 27.07),
    "GPT-3.5-turbo": (45.22, 79.11, 52.08, 28.96, 20.72),
    "DeepSeek-V3": (57.18, 74.52, 57.31, 57.85, 38.72),
    "Llama-3.3-70B": (39.98, 61.90, 43.07, 34.11, 20.74),
    "Llama-3.1-405B": (55.49, 81.21, 44.83, 54.24, 41.01),
    "Mistral-7B-v0.2": (34.72, 71.65, 30.63, 20.76, 15.89),
    "average, as printed": (50.33, 77.34, 47.96, 43.64, 32.37),
}

_CORRELATIONS = {
    FIRST: (-0.185, -0.306, -0.267, 0.000, -0.160, -0.230),
    LAST: (-0.185, 0.071, 0.183, -0.039, -0.134, -0.148),
    COUNT: (-0.209, -0.307, -0.136, -0.048, -0.136, None),
    UNIQUE: (-0.383, -0.233, 0.359, -0.143, -0.219, None),
}

ITEMS_PER_TASK = 43_750
"""Items of each task behind every published number."""


def charbench_accuracy() -> pl.DataFrame:
    """Published accuracies with the interval their 43,750 items a task give (Wilson, 95%).

    The printed average is not the mean of the printed rows (50.47, 77.20, 48.68, 43.35, 32.47);
    both are here.

    Returns:
        `model`, `task` (`overall` for all four), `accuracy` (share), `ci_low`, `ci_high` (null for
        averages), `source`.

    Example:
        >>> charbench_accuracy().filter(model="GPT-4o", task="overall")["accuracy"][0]
        0.7073
    """
    import numpy as np

    from workbench.character_tasks.scoring import wilson

    tasks = ("overall", COUNT, UNIQUE, FIRST, LAST)
    rows = []
    for model, values in _ACCURACY.items():
        for task, value in zip(tasks, values, strict=True):
            n = ITEMS_PER_TASK * (4 if task == "overall" else 1)
            low, high = wilson(np.array([value / 100]), np.array([n]))
            known = "average" not in model
            rows.append((model, task, round(value / 100, 6), float(low[0]) if known else None,
                         float(high[0]) if known else None))  # fmt: skip
    models = [m for m in _ACCURACY if "average" not in m]
    for k, task in enumerate(tasks):
        mean = sum(_ACCURACY[m][k] for m in models) / len(models)
        rows.append(("average, of the rows", task, round(mean / 100, 6), None, None))
    return pl.DataFrame(
        rows,
        schema={"model": pl.String, "task": pl.String, "accuracy": pl.Float64,
                "ci_low": pl.Float64, "ci_high": pl.Float64},
        orient="row",
    ).with_columns(source=pl.lit(SOURCE))  # fmt: skip


def charbench_correlations() -> pl.DataFrame:
    """Published correlations of correctness with six properties, averaged over seven models.

    Returns:
        `task`, `property`, `r` (null where not defined), `source`.
    """
    names = ("wl", "gt", "gt_wl", "nt", "cr", "ttl")
    rows = [
        (task, name, r)
        for task, values in _CORRELATIONS.items()
        for name, r in zip(names, values, strict=True)
    ]
    schema = {"task": pl.String, "property": pl.String, "r": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit(SOURCE))

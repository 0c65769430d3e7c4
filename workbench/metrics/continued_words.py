"""Continued words (PCW): the share of words that fall into two tokens or more.

Source: TokSuite; Rust et al. 2021 (arXiv 2012.15613, "proportion of continued words"). Each word is
encoded alone, with no space before it, so a tokenizer whose vocabulary holds words only with their
space looks worse here than in running text.

Example: of "the", "cat", "unbelievable" in 1, 1 and 3 tokens, one in three is continued.
"""

from __future__ import annotations

from workbench.metrics._base import Metric, pooled

METRIC = Metric(
    name="continued_words",
    title="Continued words",
    summary="The share of running words that fall into two tokens or more.",
    source="TokSuite; Rust et al. 2021, arXiv 2012.15613, section 3.2",
    variants=(
        pooled(
            "occurrences",
            "alone_continued",
            "alone_words",
            unit="share of running words",
            formula="Σ words of ≥ 2 tokens / Σ words, each word encoded alone",
            better="lower",
            degenerate="null where there are no words",
        ),
    ),
)

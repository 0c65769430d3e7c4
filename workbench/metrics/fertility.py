"""Fertility: into how many tokens a word falls, in the three ways that tools compute it.

They are different numbers. A text of a short and a long document, or of Chinese, tells them apart:
the first counts every document alike, the second every word, the third leaves out spaces and
punctuation.

Example: two documents, "a b" in 2 tokens and "unbelievable" in 4. By (a) the mean of 2/2 and 4/1 is
2.5; by (b) 6 tokens over 3 words is 2.0.
"""

from __future__ import annotations

from workbench.metrics._base import Metric, document_mean, pooled

METRIC = Metric(
    name="fertility",
    title="Fertility",
    summary="Into how many tokens a word falls; 1 would be a word for a token.",
    source="TokEval; tokka-bench; TokSuite: each defines its own",
    variants=(
        document_mean(
            "whitespace_mean",
            "tokens",
            "words",
            unit="tokens per word (white space)",
            better="lower",
            source="TokEval (swiss-ai/tokenizer-intrinsic-evals): mean over documents",
        ),
        pooled(
            "units",
            "tokens",
            "units",
            unit="tokens per unit (word, character or syllable by script)",
            better="lower",
            source="tokka-bench: pooled, a unit being a word, a character in scripts without "
            "spaces, or a Tibetan syllable",
        ),
        pooled(
            "alone",
            "alone_tokens",
            "alone_words",
            unit="tokens per word encoded alone",
            formula="Σ tokens of each word encoded alone / Σ words",
            better="lower",
            degenerate="null where there are no words",
            source="TokSuite: each word alone; its language-specific splitters are replaced by the "
            "units above, less those without letter or digit",
        ),
    ),
)

"""Errors to look at: each word drawn as the model saw it, the letter that was asked for marked."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from workbench.character_tasks.analysis.properties import ModelView
from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.segmentation import segment
from workbench.tokenizers import Tokenizer

_CELL = "padding:2px 10px 2px 0;text-align:left;vertical-align:top"


@dataclass(frozen=True, eq=False)
class ErrorList:
    """Some answers of one model, as a table that draws itself in notebooks and exports.

    Attributes:
        frame: `question_idx`, `task`, `word`, `character`, `answer`, `response`, `outcome`,
            `tokens` (the pieces of the question that touch the word).
        tokenizer: Whose tokens are drawn.
        found: Answers that fit, of which these are some.
    """

    frame: pl.DataFrame
    tokenizer: Tokenizer
    found: int

    def _repr_html_(self) -> str:
        heads = ("word, as cut in the question", "asked", "answer", "response", "outcome")
        top = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in heads)
        rows = []
        for row in self.frame.iter_rows(named=True):
            asked = row["task"] + (f" {row['character']!r}" if row["character"] else "")
            response = "" if row["response"] is None else row["response"][:80]
            cells = [_draw(row["tokens"], row["character"])]
            cells += [html.escape(str(v)) for v in (asked, row["answer"], response, row["outcome"])]
            rows.append(
                "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
            )
        caption = html.escape(
            f"{self.frame.height} of {self.found:,} answers; tokens of {self.tokenizer.name}; "
            "the letter that was asked for is underlined"
        )
        return (
            f'<table style="border-collapse:collapse;font-size:13px"><caption style="text-align:'
            f'left">{caption}</caption><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody>'
            "</table>"
        )


def _draw(tokens: list[dict[str, Any]], character: str | None) -> str:
    from workbench.views.palette import tint

    drawn = []
    for place, token in enumerate(tokens):
        back, edge = tint(place)
        letters = []
        for letter, inside in zip(token["text"], token["inside"], strict=True):
            seen = html.escape("·" if letter == " " else "↵" if letter == "\n" else letter)
            if not inside:
                letters.append(f'<span style="color:#5a5f6b">{seen}</span>')
            elif letter == character:
                letters.append(f'<u style="font-weight:bold">{seen}</u>')
            else:
                letters.append(seen)
        title = html.escape(f"token {place + 1}, id {token['id']}", quote=True)
        drawn.append(
            f'<span title="{title}" style="background-color:{back};border:1px solid {edge};'
            'color:#16181d;border-radius:3px;padding:0 2px;font-family:monospace">'
            f"{''.join(letters)}</span>"
        )
    return "".join(drawn)


def word_tokens(question: str, word: str, tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """The tokens of a question that touch its word.

    Returns:
        For each token its `id`, its `text`, and `inside`: for each of its characters, whether it
        is of the word (a quote in the same token is not).

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> [t["text"] for t in word_tokens("the 'cat'?", "cat", load_tokenizer("characters"))]
        ['c', 'a', 't']
    """
    place = question.rfind(f"'{word}'") + 1 or question.rfind(word)
    if place < 0:
        raise CharacterTaskError(f"The question {question!r} does not hold its word {word!r}.")
    end = place + len(word)
    return [
        {
            "id": token.id,
            "text": question[token.char_start : token.char_end],
            "inside": [place <= k < end for k in range(token.char_start, token.char_end)],
        }
        for token in segment(question, tokenizer).tokens
        if token.char_start < end and token.char_end > place and token.byte_end > token.byte_start
    ]


def browse_errors(
    scored: pl.DataFrame,
    models: Mapping[str, Any],
    model: str,
    *,
    task: str | None = None,
    outcome: str = "wrong",
    parser: Literal["strict", "lenient"] = "strict",
    contains: str = "",
    n: int = 12,
    seed: int = 7,
) -> ErrorList:
    """A random look at what a model got wrong.

    Args:
        scored: From `score`.
        models: As for `analyze`.
        model: Whose answers.
        task: One task; None takes all.
        outcome: `wrong`, `invalid`, `refused`, `correct`, …
        parser: Whose outcome.
        contains: Keep words that hold this text.
        n: Rows at most.
        seed: Another one gives another look.

    Raises:
        CharacterTaskError: If the model has no tokenizer in `models`.
    """
    if model not in models:
        raise CharacterTaskError(
            f"No tokenizer was given for {model!r}. Known: {', '.join(map(repr, models))}."
        )
    view = ModelView.of(models[model])
    fits = scored.filter(
        (pl.col("model") == model) & (pl.col(f"{parser}_outcome").cast(pl.String) == outcome)
    )
    if task is not None:
        fits = fits.filter(pl.col("task") == task)
    if contains:
        fits = fits.filter(pl.col("word").str.contains(contains, literal=True))
    picks = Stream(seed, "browse", fits.height).permutation(fits.height)[:n]
    some = fits[picks.tolist()].select(
        "question_idx", "task", "word", "character", "answer", "response", "question",
        outcome=pl.col(f"{parser}_outcome").cast(pl.String),
    )  # fmt: skip
    pairs = zip(some["word" if view.bare else "question"], some["word"], strict=True)
    tokens = [word_tokens(text, word, view.tokenizer) for text, word in pairs]
    kind = pl.List(pl.Struct({"id": pl.Int64, "text": pl.String, "inside": pl.List(pl.Boolean)}))
    table = some.drop("question").with_columns(tokens=pl.Series(tokens, dtype=kind))
    return ErrorList(table, view.tokenizer, fits.height)


def in_words(effects: pl.DataFrame) -> list[str]:
    """Where marginal and adjusted effects disagree most, in sentences.

    Args:
        effects: `Analysis.effects`.

    Returns:
        Up to three sentences, the largest disagreement first; one that says so where there is
        nothing to compare.
    """
    wide = (
        effects.filter(pl.col("points").is_not_null())
        .pivot("kind", index=["model", "task", "property"],
               values=["points", "points_low", "points_high"])
    )  # fmt: skip
    if "points_adjusted" not in wide.columns or "points_marginal" not in wide.columns:
        return ["There is no effect with and without controls to compare."]
    wide = (
        wide.drop_nulls()
        .with_columns(gap=(pl.col("points_marginal") - pl.col("points_adjusted")).abs())
        .sort("gap", descending=True)
    )
    names = {"nt": "one more token", "cr": "one more character a token",
             "ttl": "one more letter in the token that holds the position"}  # fmt: skip
    told = []
    for row in wide.head(3).iter_rows(named=True):
        alone, held = row["points_marginal"], row["points_adjusted"]
        low, high = row["points_low_adjusted"], row["points_high_adjusted"]
        zero = low <= 0 <= high
        verdict = (
            "so that what the tokens seem to do is the word's doing"
            if zero
            else "the sign turns round"
            if alone * held < 0
            else "less than it seems"
            if abs(held) < abs(alone)
            else "more than it seems"
        )
        told.append(
            f"{row['model']}, {row['task']}: {names[row['property']]} goes with {alone:+.1f} "
            f"points by itself, and with {held:+.1f} (from {low:+.1f} to {high:+.1f}) at equal "
            f"length, gold, frequency and case: {verdict}."
        )
    return told or ["There is no effect with and without controls to compare."]

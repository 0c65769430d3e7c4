"""The error browser, and notebook 02 on a small set."""

import polars as pl
import pytest

from workbench.character_tasks import (
    analyze,
    browse_errors,
    build_items,
    reference_answers,
    score,
    wordfreq_words,
)
from workbench.character_tasks.browser import in_words, word_tokens
from workbench.character_tasks.errors import CharacterTaskError
from workbench.reports import render_report
from workbench.tokenizers import load_tokenizer


@pytest.fixture(scope="module")
def scored():
    items = build_items(wordfreq_words("en", 40_000), per_cell=15)
    return score(items, reference_answers(items))


@pytest.fixture(scope="module")
def tekken():
    return load_tokenizer("tekken")


def test_each_error_is_drawn_as_the_model_saw_it(scored, tekken):
    found = browse_errors(scored, {"majority": tekken}, "majority", task="find_last_occurrence")
    assert found.frame.height == 12 < found.found
    for row in found.frame.iter_rows(named=True):
        assert row["outcome"] == "wrong"
        assert row["response"] != str(row["answer"])
        inside = "".join(
            letter
            for token in row["tokens"]
            for letter, mine in zip(token["text"], token["inside"], strict=True)
            if mine
        )
        assert inside == row["word"]
    page = found._repr_html_()
    marked = found.frame["word"].str.count_matches(found.frame["character"], literal=True)
    assert page.count("<u style") == marked.sum(), "every place where the letter stands is marked"
    assert "<script" not in page


def test_text_from_outside_is_escaped(tekken):
    items = pl.DataFrame(
        {"question_idx": [0], "question": ["in the string '<b>&'?"], "answer": [1],
         "word": ["<b>&"], "character": ["<"], "task": ["<i>"]}
    )  # fmt: skip
    answers = {"question_idx": [0], "model": ["m"], "response": ["<img src=x>"]}
    page = browse_errors(
        score(items, answers), {"m": tekken}, "m", outcome="invalid"
    )._repr_html_()  # fmt: skip
    assert "<img" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;img src=x&gt;" in page


def test_quotes_in_the_words_token_are_told_apart(tekken):
    tokens = word_tokens("the string 'strawberry'?", "strawberry", tekken)
    inside = [mine for token in tokens for mine in token["inside"]]
    assert sum(inside) == 10
    with pytest.raises(CharacterTaskError, match="does not hold"):
        word_tokens("the string 'x'?", "strawberry", tekken)


def test_a_model_without_tokenizer_cannot_be_drawn(scored, tekken):
    with pytest.raises(CharacterTaskError, match="Known: 'majority'"):
        browse_errors(scored, {"majority": tekken}, "gpt")


def test_disagreements_are_told_in_words(scored, tekken):
    effects = analyze(scored, {"majority per length": tekken}).effects
    told = in_words(effects)
    assert 1 <= len(told) <= 3
    rows = effects.filter(pl.col("points").is_not_null())
    if rows["kind"].n_unique() == 2:
        assert told[0].startswith("majority per length, ")
        assert "at equal length, gold, frequency and case" in told[0]
    assert "no effect" in in_words(effects.clear())[0]


def test_notebook_02_runs_on_answers_from_a_file(tmp_path):
    """Small parameters, and the numbers it shows are those of the package."""
    items = build_items(wordfreq_words("en", title_case=True), per_cell=20, seed=3)
    gold = pl.col("answer").cast(pl.String)
    answers = items.select("question_idx", model=pl.lit("all right"), response=gold)
    answers.write_csv(tmp_path / "answers.csv")
    told = {"per_cell": 20, "seed": 3, "answers": str(tmp_path / "answers.csv"),
            "tokenizers": ["mistral-v1"], "lab_per_cell": 5}  # fmt: skip
    # The workbench's own runner: papermill's waits for ever when a widget's message and a reply
    # cross (nbclient issue 312).
    made = render_report("02_character_tasks", told, output_dir=tmp_path / "reports")
    shown = made.html.read_text(encoding="utf-8")
    assert shown.count("<figure") >= 8
    assert "all right" in shown
    assert "all answers are right, or all are wrong" in shown
    assert "underlined" in shown
    assert "0.7073" in shown, "GPT-4o's published accuracy stands beside ours"

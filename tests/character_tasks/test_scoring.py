"""Every item ends as one of six; answers come from anywhere; the references are honest."""

import csv
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.character_tasks import (
    accounting,
    accuracy,
    build_items,
    read_answers,
    reference_answers,
    score,
    wordfreq_words,
)
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.parsing import parse_cute
from workbench.character_tasks.reference import always_one, majority, majority_per_length
from workbench.character_tasks.scoring import OUTCOMES, wilson


@pytest.fixture(scope="module")
def items():
    return build_items(wordfreq_words("en", 60_000), per_cell=60)


def answers_of(items, response, model="m"):
    return items.select("question_idx", model=pl.lit(model), response=response)


def test_both_accuracies_stand_side_by_side_and_are_never_mixed(items):
    gold = pl.col("answer").cast(pl.String)
    even = pl.col("question_idx") % 2 == 0
    said = pl.when(even).then(gold).otherwise(pl.lit("The answer is **") + gold + "**.")
    scored = score(items, answers_of(items, said))
    table = accuracy(scored, by=("model",))
    assert dict(table.select("parser", "accuracy").iter_rows()) == {"strict": 0.5, "lenient": 1.0}
    assert scored.filter(pl.col("strict_outcome") == "invalid")["strict"].null_count() == 840


def test_the_six_outcomes_add_up_to_the_items(items):
    rows = [
        {"question_idx": 0, "response": str(items["answer"][0])},
        {"question_idx": 1, "response": "99"},
        {"question_idx": 2, "response": "many"},
        {"question_idx": 3, "response": "I'm sorry, I can't help."},
        {"question_idx": 4, "response": None},
        {"question_idx": 5, "response": "3", "stop_reason": "content_filter"},
        {"question_idx": 6, "response": ""},
        {"question_idx": 7, "response": "null"},
    ]
    scored = score(items, rows, model="m")
    table = accounting(scored, by=("model",))
    assert (table.select(pl.sum_horizontal(*OUTCOMES))["correct"] == table["items"]).all()
    lenient = table.filter(pl.col("parser") == "lenient").row(0, named=True)
    assert {o: lenient[o] for o in OUTCOMES} == {
        "correct": 1, "wrong": 1, "invalid": 3, "refused": 2, "failed": 1,
        "missing": items.height - 8,
    }  # fmt: skip
    strict = table.filter(pl.col("parser") == "strict").row(0, named=True)
    assert (strict["invalid"], strict["refused"]) == (4, 1)
    answered = accuracy(scored, by=("model",))
    assert answered["answered"].to_list() == [7, 7]
    assert answered["accuracy"].to_list() == [1 / 7, 1 / 7]


@given(st.data())
def test_the_accounting_adds_up_whatever_the_answers_are(data):
    items = build_items(["abca", "bcdd", "eeee", "xyzw"], ["count_unique_chars"], 4, lengths=[4])
    said = data.draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.none() | st.text(max_size=9)),
            min_size=1, unique_by=lambda row: row[:2],
        )
    )  # fmt: skip
    frame = pl.DataFrame(said, schema={"question_idx": pl.Int64, "model": pl.String,
                                       "response": pl.String}, orient="row")  # fmt: skip
    table = accounting(score(items, frame), by=("model",))
    assert (table["items"] == 4).all()
    assert (table.select(pl.sum_horizontal(*OUTCOMES))["correct"] == 4).all()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"question_idx": [0], "response": ["1"]}, "model='…'"),
        ({"question_idx": [0], "model": ["m"]}, "lack the column response"),
        ({"question_idx": [0, 0], "model": ["m", "m"], "response": ["1", "2"]}, "second answers"),
        ({"question_idx": [10**9], "model": ["m"], "response": ["1"]}, "1000000000"),
        ({"question_idx": ["x"], "model": ["m"], "response": ["1"]}, "whole numbers"),
        ({"question_idx": [None], "model": ["m"], "response": ["1"]}, "question_idx"),
        ({"question_idx": [0], "model": [None], "response": ["1"]}, "no model"),
        (42, "no frame and no path"),
    ],
)
def test_bad_answers_are_told_in_a_sentence(items, answers, said):
    with pytest.raises(CharacterTaskError, match=said):
        score(items, answers)


def test_answers_to_a_larger_set_can_be_scored_on_a_part(items):
    part = items.head(10)
    with pytest.raises(CharacterTaskError, match="larger one"):
        score(part, always_one(items))
    assert score(part, always_one(items), unknown="ignore").height == 10


def test_frames_of_other_libraries_are_frames(items):
    import pandas as pd

    frame = pd.DataFrame({"question_idx": [0, 1, 2], "model": "m", "response": [3, None, 1]})
    scored = score(items, frame)
    assert scored["response"].head(3).to_list() == ["3", None, "1"]
    arrow = pl.DataFrame({"question_idx": [0], "model": "m", "response": "1"}).to_arrow()
    assert score(items, arrow)["response"].drop_nulls().to_list() == ["1"]


TRICKY = ["3", "null", "None", "NaN", "", "a,b", 'say "3"', "two\nlines", " 7 ", "三"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_files_bring_every_answer_back_as_it_was(tmp_path, suffix):
    frame = pl.DataFrame({"question_idx": range(10), "model": "m", "response": TRICKY})
    path = tmp_path / f"answers.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(path)
    elif suffix == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in frame.iter_rows(named=True)))
    else:
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, delimiter="," if suffix == "csv" else "\t")
            writer.writerows([frame.columns, *frame.iter_rows()])
    read = read_answers(path)
    assert read["response"].to_list() == TRICKY
    assert read["question_idx"].to_list() == list(range(10))


def test_samples_of_the_evaluation_harness_are_read(tmp_path, items):
    folder = tmp_path / "my-model"
    folder.mkdir()
    path = folder / "samples_charbench_2026.jsonl"
    rows = [
        {"doc_id": 9, "doc": {"question_idx": 0}, "target": "1", "resps": [["2"]],
         "filtered_resps": ["2"], "arguments": {}},
        {"doc_id": 1, "doc": {}, "resps": [["The answer is 3"]], "filtered_resps": ["3"]},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    read = read_answers(path)
    assert read.rows() == [(0, "my-model", "2"), (1, "my-model", "The answer is 3")]
    assert score(items, path)["model"].unique().to_list() == ["my-model"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"question_idx": 0, "response": "1", "model": "m"}\n{"broken', "line 2"),
        ("a.jsonl", "[1]", "not an object"),
        ("a.jsonl", "", "no answers"),
        ("a.jsonl", '{"question_idx": 0, "response": "1"}', "names no model"),
        ("a.jsonl", '{"id": 0}', "line 1, has id"),
        ("a.csv", "", "cannot be read"),
        ("a.parquet", "PAR1", "cannot be read"),
        ("a.xlsx", "", "ends in .xlsx"),
        ("a.eval", "no zip", "no Inspect log"),
    ],
)
def test_broken_files_name_the_place(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CharacterTaskError, match=said):
        read_answers(path)
    with pytest.raises(CharacterTaskError, match="no file"):
        read_answers(tmp_path / "absent.csv")


def test_cutes_parser_can_be_the_strict_one():
    items = pl.DataFrame({"question_idx": [0], "answer": ["t h e"], "task": "spell", "word": "the"})
    answers = {"question_idx": [0], "model": ["m"], "response": ['Answer: "T h e"']}
    assert score(items, answers)["strict_outcome"][0] == "wrong"
    assert score(items, answers, strict_parser=parse_cute)["strict_outcome"][0] == "correct"


def test_weights_bring_the_accuracy_back_to_the_population():
    items = pl.DataFrame(
        {"question_idx": [0, 1, 2, 3], "answer": [1, 1, 1, 1], "task": "t", "word": "w",
         "weight": [3.0, 3.0, 1.0, 1.0]}
    )  # fmt: skip
    answers = {"question_idx": [0, 1, 2, 3], "model": ["m"] * 4, "response": ["1", "0", "0", "0"]}
    row = accuracy(score(items, answers), by=("model",)).row(0, named=True)
    assert row["accuracy"] == pytest.approx(3 / 8)
    assert row["n_effective"] == pytest.approx(64 / 20)


def test_wilson_agrees_with_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    for right, n in [(0, 10), (3, 10), (500, 1000), (43750, 43750)]:
        low, high = wilson(np.array([right / n]), np.array([n]))
        assert (low[0], high[0]) == pytest.approx(
            proportion_confint(right, n, method="wilson"), abs=1e-12
        )


def test_always_one_is_right_on_three_counts_of_four(items):
    """CharBench's letters are drawn over positions: 74 to 78% of the golds are 1, by word list."""
    table = accuracy(score(items, always_one(items)))
    counted = table.filter(pl.col("task") == "count_character_frequency")["accuracy"]
    assert 0.70 < counted[0] < 0.82


def test_a_reference_learns_from_other_words_only():
    # Each word's answer is its own: whoever saw the row itself would be right.
    words = [f"{i:04d}" for i in range(1000)]
    items = pl.DataFrame(
        {"question_idx": range(1000), "word": words, "answer": [i % 500 for i in range(1000)],
         "task": "t"}
    )  # fmt: skip
    for answers in (majority(items), majority_per_length(items)):
        assert answers["response"].str.len_chars().min() > 0
        assert (score(items, answers)["strict_outcome"] == "correct").sum() <= 5
    # Where one answer prevails, it is found.
    items = items.with_columns(
        answer=pl.when(pl.col("question_idx") % 10 == 0).then(1).otherwise(2)
    )
    assert (score(items, majority(items))["strict_outcome"] == "correct").mean() == 0.9


def test_references_have_an_answer_to_every_item(items):
    answers = reference_answers(items)
    assert answers.height == 3 * items.height
    counts = accounting(score(items, answers), by=("model",))
    assert counts["invalid"].sum() == counts["missing"].sum() == counts["failed"].sum() == 0

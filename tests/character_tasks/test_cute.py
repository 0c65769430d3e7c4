"""CUTE and LangGame: published labels recomputed, published scores reproduced."""

import csv

import polars as pl
import pytest

from workbench.character_tasks import cute, langgame, score
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.langgame import build_langgame, choose_by_likelihood
from workbench.character_tasks.wordlists import wordfreq_words

ARGUMENTS = {
    # file: from its columns to (word, first, second) of the definition
    "spell": lambda a: (a[0], "", ""),
    "contains_char": lambda a: (a[1], a[0], ""),
    "del_char": lambda a: (a[1], a[0], ""),
    "ins_char": lambda a: (a[2], a[0], a[1]),
    "orth": lambda a: (a[0], a[1], a[2]),
}


def rows(oracles, task):
    with (oracles / "cute" / f"{task}.tsv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return table[1:]


@pytest.mark.oracle
@pytest.mark.parametrize("task", sorted(ARGUMENTS))
def test_published_labels_follow_from_the_definitions(oracles, task):
    table = rows(oracles, task)
    assert len(table) == 1000
    wrong = [r for r in table if cute.cute_answer(task, *ARGUMENTS[task](r)) != r[-1]]
    assert wrong == []


@pytest.mark.oracle
def test_inverse_spelling_undoes_the_published_spellings(oracles):
    assert all(cute.spell_inverse(label) == word for word, label in rows(oracles, "spell"))


@pytest.mark.oracle
@pytest.mark.parametrize("task", ["spell", "contains_char", "ins_char"])
@pytest.mark.parametrize("model", ["llama3-8b", "mistral-7b"])
def test_published_scores_are_reproduced(oracles, model, task):
    folder = oracles / "cute"
    outputs = (folder / f"outputs.{model}.{task}.txt").read_text(encoding="utf-8").splitlines()
    labels = (folder / f"labels.{model}.{task}.txt").read_text(encoding="utf-8").splitlines()
    published = float((folder / f"score.{model}.{task}.txt").read_text())
    assert labels == [r[-1] for r in rows(oracles, task)]
    items = pl.DataFrame({"question_idx": range(1000), "answer": labels, "task": task})
    answers = pl.DataFrame({"question_idx": range(1000), "model": model, "response": outputs})
    scored = score(items, answers)
    assert (scored["strict_outcome"] == "correct").mean() == pytest.approx(published, abs=1e-9)


def test_built_items_have_their_defined_answers_and_mark_what_does_not_change():
    items = cute.build_cute(wordfreq_words("en", 400), per_task=100)
    assert items.height == 800
    filled = items.with_columns(pl.col("character", "character_2").fill_null(""))
    for row in filled.iter_rows(named=True):
        arguments = (row["task"], row["word"], row["character"], row["character_2"])
        assert row["answer"] == cute.cute_answer(*arguments)
        assert row["question"] == cute.cute_question(*arguments)
        if row["task"] != "spell_inverse":
            assert row["unchanged"] == (row["answer"] == row["word"])
    contains = items.filter(pl.col("task") == "contains_char")["answer"]
    assert 30 < (contains == "Yes").sum() < 70
    # Swapping a letter with itself is the one way left to change nothing.
    assert items.filter("unchanged")["task"].is_in(["swap_char"]).all()
    same = cute.build_cute(["aa", "bb", "cc"], ["sub_char", "swap_char"], per_task=3)
    assert same["unchanged"].sum() == 0


def test_too_few_words_for_cute():
    with pytest.raises(CharacterTaskError, match="but there are 2"):
        cute.build_cute(["ab", "cd"], per_task=3)


def test_langgame_options_satisfy_the_published_conditions():
    items = build_langgame(wordfreq_words("en", 1000), per_task=60)
    assert items.height == 360
    places = []
    for row in items.iter_rows(named=True):
        right, wrong = langgame.conditions(row["task"], row["character"] or "")
        others = [w for w in row["options"] if w != row["answer"]]
        assert len(row["options"]) == 4
        assert len(set(others)) == 3
        assert right(row["answer"])
        assert all(wrong(w) for w in others)
        places.append(row["options"].index(row["answer"]))
    assert all(60 < places.count(k) < 120 for k in range(4)), "the right option stands anywhere"


def test_a_model_picks_by_likelihood():
    items = build_langgame(wordfreq_words("en", 1000), ["longest", "shortest"], per_task=40)
    chosen = choose_by_likelihood(items, lambda _, options: [float(len(o)) for o in options])
    scored = score(items, chosen.with_columns(model=pl.lit("likes long words")))
    share = scored.group_by("task").agg((pl.col("strict_outcome") == "correct").mean())
    assert dict(share.iter_rows()) == {"longest": 1.0, "shortest": 0.0}
    assert (chosen["logprob"] <= 0).all()
    with pytest.raises(CharacterTaskError, match="3 scores for 4 options"):
        choose_by_likelihood(items, lambda *_: [1.0, 2.0, 3.0])

"""The shipped models: asked one word, a set of items, through Inspect, and what they refuse."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from workbench import character_tasks as ct
from workbench import laboratory as lab
from workbench.character_tasks.items import one_item
from workbench.laboratory.design import ARMS, SHIPPED


def test_one_model_and_one_word_are_two_lines():
    found = ct.ask("strawberry", "r", model=lab.load_model("characters"))
    assert found["response"].item() == "3"
    assert found["strict_outcome"].cast(pl.String).item() == "correct"


def test_every_arm_ships_with_three_seeds_in_20_megabytes():
    models = lab.load_models()
    assert [(m.arm, m.seed) for m in models] == [
        (arm.name, seed) for arm in ARMS for seed in SHIPPED.seeds
    ]
    assert all(m.about["recipe"] == "shipped" and m.about["kind"] == "reader" for m in models)
    assert sum(path.stat().st_size for path in lab.laboratory_dir().iterdir()) < 20e6


def test_parameters_besides_the_token_table_are_equal():
    facts = [m for m in lab.training_facts()["models"] if m["kind"] == "reader"]
    assert len({m["parameters_without_tokens"] for m in facts}) == 1
    assert len({tuple(m["tried"]) for m in facts}) == 1
    assert all(m["plateau"] or m["steps"] == 8000 + SHIPPED.cooldown for m in facts)


@pytest.mark.parametrize("arm", [arm.name for arm in ARMS])
def test_models_know_words_that_they_never_saw(arm):
    items = lab.unseen_items(15)
    scored = ct.score(items, lab.load_model(arm).answer(items))
    right = (scored["strict_outcome"].cast(pl.String) == "correct").mean()
    assert right > 0.9  # the commonest answer for the length gives about 0.4


def test_probabilities_are_probabilities_and_do_not_depend_on_the_company():
    model = lab.load_model("bpe-4k")
    words, tasks = ["berry", "strawberry", "four"], ["find_first_occurrence"] * 3
    together = model.probabilities(words, tasks, ["r", "r", "o"])
    assert together.shape == (3, 11)
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-5)
    alone = model.probabilities(words[1:2], tasks[:1], ["r"])
    assert alone[0] == pytest.approx(together[1], abs=1e-4)
    assert model.probabilities([], [], []).shape == (0, 11)


def test_items_that_it_cannot_read_end_as_failed_and_the_rest_is_answered():
    words = ["strawberry", "Berry", "straw", "strawberries"]
    mixed = pl.concat(one_item(word, "r", "") for word in words)
    mixed = mixed.with_columns(question_idx=pl.int_range(pl.len()))
    said = lab.load_model("characters").answer(mixed)
    can = [lab.readable(word) for word in mixed["word"]]
    assert said["response"].is_not_null().to_list() == can
    assert said["error"].is_null().to_list() == can
    assert can == [True, False, True, False]
    outcomes = ct.score(mixed, said)["strict_outcome"].cast(pl.String).to_list()
    assert outcomes == ["correct", "failed", "correct", "failed"]


def test_what_it_is_not_made_for_is_said():
    model = lab.load_model("characters")
    with pytest.raises(lab.LaboratoryError, match="4 to 10 letters"):
        ct.ask("straw berry", "r", model=model)
    with pytest.raises(lab.LaboratoryError, match="four questions"):
        model([{"role": "user", "content": "What is the capital of France?"}])
    with pytest.raises(lab.LaboratoryError, match="none of"):
        model.probabilities(["berry"], ["spell"], ["r"])
    with pytest.raises(lab.LaboratoryError, match="seeds 0, 1, 2"):
        lab.load_model("characters", seed=9)


def test_missing_and_broken_files_are_errors_that_help(tmp_path):
    with pytest.raises(lab.LaboratoryError, match="make lab-train"):
        lab.load_models(tmp_path)
    with pytest.raises(lab.LaboratoryError, match="make lab-train"):
        lab.load_writers(tmp_path)
    for name in ("characters-0.onnx", "characters.json"):
        shutil.copy(lab.laboratory_dir() / name, tmp_path)
    broken = tmp_path / "characters-0.onnx"
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(lab.LaboratoryError, match="Restore it"):
        lab.load_model("characters", folder=tmp_path).probabilities(
            ["berry"], ["count_character_frequency"], ["r"]
        )


def test_inspect_asks_a_model_without_key_or_network(tmp_path):
    items = ct.sample_items(lab.unseen_items(2), 6)
    answers = ct.run_model(items, "laboratory/bpe-4k", log_dir=tmp_path / "log", announce=None)
    assert answers["error"].null_count() == 6, answers["error"].to_list()
    own = lab.load_model("bpe-4k").answer(items)
    assert dict(answers.select("question_idx", "response").iter_rows()) == dict(
        own.select("question_idx", "response").iter_rows()
    )


def test_the_command_of_the_readme(tmp_path):
    command = [
        str(Path(sys.executable).with_name("inspect")), "eval", "workbench/ask", "--model",
        "laboratory/characters", "-T", "word=strawberry", "-T", "character=r",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (tmp_path / "logs").glob("*.eval")
    assert ct.read_answers(log)["response"].to_list() == ["3"]


def test_a_word_model_prefers_words_to_noise():
    words = list(lab.halves().test[:300])
    noise = ["".join(np.random.default_rng(i).permutation(list(w))) for i, w in enumerate(words)]
    for writer in lab.load_writers():
        assert writer.bits(words).mean() < writer.bits(noise).mean()


def test_the_bits_of_all_short_words_sum_to_at_most_one():
    # Σ 2^-bits over sequences is a probability: no cut of a word is counted twice.
    writer = lab.load_writers()[0]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b for a in letters for b in letters] + list(letters)
    assert 0 < np.sum(2.0 ** -writer.bits(words)) < 1


def test_another_table_must_fit():
    writer = lab.load_writers()[0]
    with pytest.raises(lab.LaboratoryError, match="4097"):
        writer.bits(["berry"], table=np.zeros((3, 64), dtype=np.float32))

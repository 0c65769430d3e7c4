"""CharBench's items: right by definition, reproducible to the byte, honest when words run out."""

import os
import subprocess
import sys
import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.character_tasks import items as module
from workbench.character_tasks import store
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import CHARBENCH_TASKS, build_items, sample_items
from workbench.character_tasks.prompts import in_sentence, with_prompts
from workbench.character_tasks.wordlists import (
    charbench_words,
    make_identifiers,
    wordfreq_languages,
    wordfreq_words,
    zipf_frequencies,
)


def gold(task, word, character):
    """The definition, by Python's own string methods."""
    return {
        "count_character_frequency": lambda: word.count(character),
        "count_unique_chars": lambda: len(set(word)),
        "find_first_occurrence": lambda: word.index(character),
        "find_last_occurrence": lambda: word.rindex(character),
    }[task]()


@pytest.fixture(scope="module")
def words():
    return wordfreq_words("en", title_case=True)


def test_a_reader_builds_a_small_set_and_every_answer_is_right(words):
    items = build_items(words, per_cell=50)
    assert items.columns == ["question_idx", "question", "answer", "word", "character", "task"]
    assert items.height == 50 * 4 * 7
    assert items["question_idx"].to_list() == list(range(items.height))
    for _, question, answer, word, character, task in items.iter_rows():
        assert answer == gold(task, word, character)
        assert question == module.QUESTIONS[task].format(word=word, character=character)
        assert (character is None) == (task == "count_unique_chars")


def test_the_whole_benchmark_takes_seconds_and_has_its_published_shape(words):
    started = time.process_time()
    items = build_items(words)
    assert time.process_time() - started < 6  # 3 s of wall clock on two quiet cores
    assert items.height == 175_000
    assert items["word"].n_unique() == 175_000, "words are disjoint across tasks"
    cells = items.group_by("task", pl.col("word").str.len_chars().alias("n")).len()
    assert cells["len"].unique().to_list() == [6250]
    assert cells["n"].unique().sort().to_list() == [4, 5, 6, 7, 8, 9, 10]
    assert items.filter(pl.col("task") == "count_character_frequency")["answer"].min() == 1


def test_letters_are_drawn_over_positions_not_over_distinct_letters():
    # In "aaab" a is asked three times out of four; over distinct letters it would be half.
    words = [c * 3 + d for c in "abcdefghijklmnopqrst" for d in "uvwxyzABCDEFGHIJKLMN"]
    items = build_items(words, ["count_character_frequency"], len(words), lengths=[4])
    share = (items["answer"] == 3).mean()
    assert abs(share - 0.75) < 4 * (0.75 * 0.25 / len(words)) ** 0.5


def test_the_seed_alone_decides_the_bytes_whatever_the_hash_seed(tmp_path):
    code = (
        "import sys; from workbench.character_tasks import store;"
        "r={'builder':'charbench','per_cell':40,'most_common':30000,'seed':int(sys.argv[2])};"
        "store.save_items(store.make_items(r), sys.argv[1], r)"
    )
    made = {}
    for name, hash_seed, threads, seed in [
        ("a", "0", "1", "7"),
        ("b", "12345", "2", "7"),
        ("c", "0", "2", "8"),
    ]:
        path = tmp_path / f"{name}.parquet"
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "POLARS_MAX_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(path), seed], check=True, env=env)
        made[name] = path.read_bytes()
    assert made["a"] == made["b"]
    assert made["a"] != made["c"]
    assert store.items_checksum(store.load_items(tmp_path / "a.parquet")) == (
        "e06170314342756e2ea32d579ff6bd42e306b6620cb8e21c6300693a0f60a224"
    ), "the draw itself changed: sets made earlier cannot be made again"


def test_too_few_words_names_the_cells_and_the_counts():
    with pytest.raises(CharacterTaskError, match=r"length 5: 1 words") as told:
        build_items(["abcd", "bcde", "abcde"], ["count_unique_chars"], 2, lengths=[4, 5])
    assert "needs 2 distinct words" in str(told.value)
    assert "per_cell=1" in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"words": "one text"}, "charbench_words"),
        ({"words": ["abcd", ""]}, "''"),
        ({"words": ["abcd", 3]}, "strings"),
        ({"words": ["abcd"], "tasks": ["count_unique"]}, "count_unique_chars"),
        ({"words": ["abcd"], "tasks": []}, "at least one"),
        ({"words": ["abcd"], "per_cell": 0}, "per_cell is 0"),
    ],
)
def test_bad_input_is_told_in_a_sentence(arguments, said):
    with pytest.raises(CharacterTaskError, match=said):
        build_items(**arguments)


@given(st.sets(st.text(min_size=3, max_size=3), min_size=1, max_size=20), st.integers())
def test_golds_hold_for_all_of_unicode(words, seed):
    items = build_items(words, ["find_last_occurrence"], len(words), seed, lengths=[3])
    for answer, word, character in items.select("answer", "word", "character").iter_rows():
        assert answer == word.rindex(character)


@given(
    st.lists(st.sampled_from(["e\u0301", "नि", "👩‍👩‍👧", "a", "🇩🇪", "각"]), min_size=4, max_size=4)
)
def test_graphemes_count_what_a_reader_sees(pieces):
    word = "".join(pieces)
    for task in CHARBENCH_TASKS:
        items = build_items([word], [task], 1, lengths=[4], unit="grapheme")
        answer, character = items["answer"][0], items["character"][0]
        expected = {
            "count_character_frequency": pieces.count,
            "count_unique_chars": lambda _: len(set(pieces)),
            "find_first_occurrence": pieces.index,
            "find_last_occurrence": lambda c: 3 - pieces[::-1].index(c),
        }[task](character)
        assert answer == expected


def test_words_are_taken_as_charbench_takes_them():
    text = "The cat, the naïve cat_2's don't-know x9 Purrs."
    found = charbench_words(text, None)
    assert found == ["Purrs", "The", "cat", "don", "know", "s", "t", "the"]
    frame = pl.DataFrame({"text": ["four five", None, "Seven"]})
    assert charbench_words(frame.lazy()) == ["Seven", "five", "four"]
    assert charbench_words(["four five", "four"]) == ["five", "four"]
    with pytest.raises(CharacterTaskError, match="column `text`"):
        charbench_words(pl.DataFrame({"body": ["four"]}))
    with pytest.raises(CharacterTaskError, match="No word"):
        charbench_words("слово")


def test_every_language_of_wordfreq_gives_items_in_its_own_script():
    assert {"en", "hi", "ru", "ar", "ko", "ta", "zh"} <= set(wordfreq_languages())
    for language in ("hi", "ru", "ar", "ko", "ta"):
        found = wordfreq_words(language, 3000)
        items = build_items(found, per_cell=5, lengths=[3, 4], unit="grapheme")
        assert items.height == 40
        row = items.filter(pl.col("task") == "find_first_occurrence").row(0, named=True)
        assert row["character"] == module.units(row["word"], "grapheme")[row["answer"]]
    with pytest.raises(CharacterTaskError, match="'xx'"):
        wordfreq_words("xx")


def test_frequencies_are_zipf_and_unknown_words_are_null():
    table = dict(zipf_frequencies(["The", "qqzzx"]).iter_rows())
    assert 7 < table["The"] < 8
    assert table["qqzzx"] is None


@pytest.mark.parametrize(
    ("kind", "length", "shape"),
    [
        ("digits", 8, r"\d{8}"),
        ("hex", 12, r"[0-9a-f]{12}"),
        ("uuid", 36, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("snake_case", 9, r"[a-z]+_[a-z]+"),
        ("camelCase", 9, r"[a-z]+[A-Z][a-z]+"),
    ],
)
def test_identifiers_make_items_too(kind, length, shape):
    made = make_identifiers(kind, 40, length)
    assert len(set(made)) == 40
    assert pl.Series(made).str.contains(f"^{shape}$").all()
    assert build_items(made, per_cell=10, lengths=[length]).height == 40


def test_a_saved_set_refuses_to_be_changed_behind_its_back(tmp_path):
    recipe = {"builder": "charbench", "per_cell": 3, "most_common": 20_000}
    items = store.make_items(recipe)
    path = store.save_items(items, tmp_path / "set.parquet", recipe)
    assert store.load_items(path).equals(items)
    assert store.read_recipe(path)["recipe"] == recipe
    assert store.make_items(store.read_recipe(path)["recipe"]).equals(items)
    wrong = items.with_columns(answer=pl.col("answer") + 1)
    wrong.write_parquet(path, metadata=pl.read_parquet_metadata(path))
    with pytest.raises(CharacterTaskError, match="changed after it was saved"):
        store.load_items(path)
    items.write_parquet(path)
    with pytest.raises(CharacterTaskError, match="no item set"):
        store.load_items(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(CharacterTaskError, match="cannot be read"):
        store.load_items(path)
    with pytest.raises(CharacterTaskError, match="no colour"):
        store.make_items({"colour": 1})


def test_a_sample_has_every_cell_in_its_share_and_any_prefix_is_fair(words):
    items = build_items(words, per_cell=200)
    part = sample_items(items, 560)
    cells = part.group_by("task", pl.col("word").str.len_chars().alias("n")).len()
    assert cells["len"].to_list() == [20] * 28
    assert part["question_idx"].n_unique() == 560
    first = part.head(140)["task"].value_counts()["count"]
    assert first.min() > 15  # 35 expected of each; a set in order would have 140 of one
    assert sample_items(items, 10**6).height == items.height


def test_several_prompts_and_sentences_keep_the_gold(words):
    items = build_items(words, per_cell=2)
    many = with_prompts(items, ["charbench", "think"])
    assert many.height == 2 * items.height
    assert many["question_idx"].n_unique() == many.height
    assert many["item_idx"].n_unique() == items.height
    told = in_sentence(items)
    assert told["answer"].equals(items["answer"])
    for question, word, sentence in told.select("question", "word", "sentence").iter_rows():
        assert sentence in question
        assert f" {word}" in sentence
        assert f"'{word}'" not in question

"""Tokens of the word in the prompt as sent, and of the bare word; strata; other cuts."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.character_tasks import build_items, wordfreq_words
from workbench.character_tasks.analysis import counterfactual as module
from workbench.character_tasks.analysis.counterfactual import Splitter, counterfactual, recut_ids
from workbench.character_tasks.analysis.cuts import WordSpans, cut_words
from workbench.character_tasks.analysis.properties import (
    ModelView,
    item_properties,
    prompts_of,
    token_properties,
)
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.scoring import accuracy, score
from workbench.character_tasks.stratified import achieved_design, build_stratified
from workbench.segmentation import segment
from workbench.tokenizers import load_tokenizer


@pytest.fixture(scope="module")
def items():
    return build_items(wordfreq_words("en", 60_000, title_case=True), per_cell=20)


@pytest.fixture(scope="module")
def mistral():
    return load_tokenizer("mistral-v1")


@pytest.fixture(scope="module")
def tekken():
    return load_tokenizer("tekken")


def chat(messages):
    return "<s>[INST] " + "\n\n".join(m["content"] for m in messages) + " [/INST]"


def by_hand(text, word, start, position, tokenizer):
    """Tokens on the word and the queried one's share, read off a segmentation."""
    seg = segment(text, tokenizer, parse_special=True)
    low = len(text[:start].encode())
    high = low + len(word.encode())
    on = [t for t in seg.tokens if t.byte_end > low and t.byte_start < high and
          t.byte_end > t.byte_start]  # fmt: skip
    at = low + len(word[:position].encode())
    (holder,) = [t for t in on if t.byte_start <= at < t.byte_end] or [None]
    begins = [low + len(word[:k].encode()) for k in range(len(word))]
    held = sum(holder.byte_start <= b < holder.byte_end for b in begins) if holder else 0
    return len(on), held


@pytest.mark.parametrize("name", ["mistral-v1", "tekken", "workbench-wordpiece", "bytes"])
def test_cuts_in_the_prompt_are_those_of_the_segmentation(items, name):
    tokenizer = load_tokenizer(name)
    view = ModelView(tokenizer, chat)
    part = items.filter(pl.col("task") == "find_last_occurrence")[::6]
    table = token_properties(part, view).table
    for row, prompt, found in zip(
        part.iter_rows(named=True), prompts_of(part, view), table.iter_rows(named=True), strict=True
    ):
        start = prompt.rfind(f"'{row['word']}'") + 1
        tokens, held = by_hand(prompt, row["word"], start, row["answer"], tokenizer)
        assert (found["nt"], found["ttl"]) == (tokens, held)
        assert found["cr"] == len(row["word"]) / tokens


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), min_size=1, max_size=4)
)
def test_cuts_are_exact_for_all_of_unicode(words):
    tokenizer = load_tokenizer("mistral-v1")
    texts = [f"say '{w}'!" for w in words]
    spans = WordSpans(
        texts, words, np.full(len(words), 5), np.array([len(w) - 1 for w in words])
    )  # fmt: skip
    cuts = cut_words(tokenizer, spans)
    for k, word in enumerate(words):
        expected = by_hand(texts[k], word, 5, len(word) - 1, tokenizer)
        assert (cuts.tokens[k], cuts.target[k]) == expected


def test_a_leading_mark_of_sentencepiece_is_not_of_the_word(mistral):
    spans = WordSpans(["word", "Xq"], ["word", "Xq"], np.zeros(2, int), np.array([0, 0]))
    cuts = cut_words(mistral, spans)
    assert [mistral.token_bytes(i) for i in mistral.encode("word")] == [b" word"]
    assert cuts.tokens[0] == 1
    assert cuts.target[0] == 4  # five with the mark
    # "▁" alone is a token of "Xq", and no token on it.
    assert cuts.tokens[1] == by_hand("Xq", "Xq", 0, 0, mistral)[0]


@pytest.mark.parametrize(("name", "low", "high"), [("mistral-v1", 0.25, 0.33), ("tekken", 0, 0.01)])
def test_quotes_change_the_cut_under_some_tokenizers_as_published(name, low, high):
    """Published: 29.1% of CharBench's words under Llama-2's tokenizer, 0.0% under DeepSeek's."""
    items = build_items(wordfreq_words("en", title_case=True), ["count_unique_chars"], per_cell=200)
    table = token_properties(items, ModelView(load_tokenizer(name))).table
    assert low <= table["cut_differs"].mean() <= high


@pytest.mark.parametrize("name", ["mistral-v1", "tekken"])
def test_the_fast_way_says_what_the_slow_way_says(name):
    items = build_items(wordfreq_words("en", 60_000), per_cell=30)
    view = ModelView(load_tokenizer(name), chat)
    fast = token_properties(items, view, whole=False)
    assert not fast.whole
    assert fast.checked == 500
    assert fast.table.equals(token_properties(items, view, whole=True).table)


def test_a_template_that_does_more_than_insert_is_rendered_each_time(items, mistral):
    upper = ModelView(mistral, lambda m: f"{len(m[-1]['content'])}: {m[-1]['content']}")
    part = items.head(5)
    for prompt, question in zip(prompts_of(part, upper), part["question"], strict=True):
        assert prompt.startswith(f"{len(prompt) - len(prompt.split(': ')[0]) - 2}: ")
        assert prompt.endswith(question)
    jinja = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    prompt = prompts_of(part, ModelView(mistral, jinja))[0]
    assert prompt.startswith("<s>[system]You are")
    shout = ModelView(mistral, lambda m: m[-1]["content"].upper())
    with pytest.raises(CharacterTaskError, match="changed the question"):
        token_properties(part, shout)
    with pytest.raises(CharacterTaskError, match="no tokenizer and no pair"):
        ModelView.of("gpt2")


def test_case_and_frequency_of_words():
    items = pl.DataFrame(
        {"question_idx": range(6), "answer": 1, "task": "t",
         "word": ["the", "The", "THE", "tHe", "123", "qqzzx"]}
    )  # fmt: skip
    table = item_properties(items)
    assert table["case"].to_list() == ["lower", "title", "upper", "mixed", "none", "lower"]
    assert table["zipf_absent"].to_list() == [False] * 4 + [True] * 2
    assert table["zipf"][5] == pytest.approx(table["zipf"][0] - 0.5), "half a unit below the rarest"


def test_strata_loosen_what_goes_together_and_weights_lead_back(tekken):
    words = wordfreq_words("en", 80_000)
    items = build_stratified(words, tekken, ["find_last_occurrence"], per_task=1500)
    design = achieved_design(items).row(0, named=True)
    assert items.height == 1500
    assert items["weight"].mean() == pytest.approx(1)
    assert abs(design["r_length_tokens"]) < design["r_population"] - 0.1
    for row in items.head(50).iter_rows(named=True):
        assert row["answer"] == row["word"].rindex(row["character"])
    # A model whose success hangs on the strata: the weighted accuracy is the population's.
    plain = build_items(words, ["find_last_occurrence"], per_cell=700)
    right = token_properties(plain, ModelView(tekken)).table["nt_bare"] <= 2
    truth = float(right.mean())
    said = pl.when(pl.col("tokens") <= 2).then(pl.col("answer")).otherwise(-1).cast(pl.String)
    answers = items.select("question_idx", model=pl.lit("m"), response=said)
    row = accuracy(score(items, answers), by=("model",)).row(0, named=True)
    unweighted = float((items["tokens"] <= 2).mean())
    assert row["ci_low"] - 0.03 < truth < row["ci_high"] + 0.03
    assert abs(unweighted - truth) > abs(row["accuracy"] - truth)
    with pytest.raises(CharacterTaskError, match="length 4"):
        build_stratified(["abcde"], tekken, lengths=[4])


def test_other_ids_are_the_same_bytes(items, tekken):
    view = ModelView(tekken, lambda m: m[-1]["content"])
    part = items[::70]
    plain = recut_ids(part, view, "as is")
    for kind in ("characters", "split", "sham"):
        other = recut_ids(part, view, kind)
        assert [tekken.decode(i) for i in other] == [tekken.decode(i) for i in plain]
        assert sum(a != b for a, b in zip(plain, other, strict=True)) > len(part) / 2
        assert other == recut_ids(part, view, kind), "the seed repeats it"
    letters = recut_ids(part, view, "characters")
    for ids, row in zip(letters, part.iter_rows(named=True), strict=True):
        pieces = [tekken.token_bytes(i) for i in ids]
        spelled = [c.encode() for c in row["word"]]
        places = range(len(pieces) - len(spelled) + 1)
        assert any(pieces[k : k + len(spelled)] == spelled for k in places)
    with pytest.raises(CharacterTaskError, match="Unknown kind"):
        recut_ids(part, view, "upside down")
    with pytest.raises(CharacterTaskError, match="changes the text"):
        recut_ids(part, ModelView(load_tokenizer("workbench-wordpiece")), "split")


def test_every_split_is_of_the_vocabulary(tekken):
    splitter = Splitter(tekken)
    token = tekken.encode(" token")[0]
    pairs = splitter.pairs(token)
    assert pairs
    for left, right in pairs:
        assert tekken.token_bytes(left) + tekken.token_bytes(right) == tekken.token_bytes(token)


def test_the_counterfactual_finds_a_model_that_reads_letters_only(items, tekken):
    """A made model that is right exactly where the word comes letter by letter."""
    view = ModelView(tekken, lambda m: m[-1]["content"])
    part = items.filter(pl.col("task") == "count_character_frequency")[::3]
    gold = dict(part.select("question", "answer").iter_rows())
    word = dict(part.select("question", "word").iter_rows())

    def reads_letters(batch):
        said = []
        for ids in batch:
            question = tekken.decode(ids).split("Question: ")[1]
            letters = [c.encode() for c in word.get(question, "?")]
            pieces = [tekken.token_bytes(i) for i in ids]
            spelled = any(pieces[k : k + len(letters)] == letters for k in range(len(pieces)))
            said.append(str(gold[question]) if spelled and question in gold else "-1")
        return said

    found = counterfactual(part, view, reads_letters)
    effects = {row["kind"]: row for row in found.effects.iter_rows(named=True)}
    assert effects["characters"]["difference"] > 80
    assert effects["characters"]["p"] < 1e-6
    assert effects["sham"]["difference"] == 0
    assert abs(effects["sham"]["tokens_added"] - effects["characters"]["tokens_added"]) < 1.5
    assert not effects["spaced text"]["same_text"]
    beyond = {row["kind"]: row for row in found.beyond_sham.iter_rows(named=True)}
    assert beyond["characters"]["ci_low"] > 70
    with pytest.raises(CharacterTaskError, match="0 answers"):
        counterfactual(part, view, lambda _: [])
    assert set(module.KINDS) == set(found.answers["kind"])

"""A pruned vocabulary loads, and cuts every text as before whose tokens were kept."""

import doctest
import importlib
from functools import cache
from pathlib import Path

import polars as pl
import pytest
import tokenizers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, processors, trainers

from workbench.tokenizers import TokenizerError, load_tokenizer
from workbench.vocabulary import prune, pruning_curve
from workbench.vocabulary.floor import always_kept

PARALLEL = Path(__file__).resolve().parents[2] / "data" / "parallel"
NAMES = [
    "mistral-v3",
    "tekken",
    "workbench-bpe",
    "workbench-wordpiece",
    "workbench-unigram",
    "workbench-char-bpe",
]


@cache
def lines(language="eng_Latn"):
    return (PARALLEL / f"{language}.txt").read_text("utf-8").splitlines()


@cache
def pruned(name):
    return prune(load_tokenizer(name), lines(), keep=["strawberry 42"])


@pytest.mark.parametrize("module", ["floor", "pruning"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.vocabulary.{module}"))
    assert result.attempted
    assert result.failed == 0


def same(pruning, text):
    """Whether the trimmed tokenizer cuts a text as the whole one does."""
    ids = pruning.tokenizer.encode(text)
    return pruning.trimmed.encode(text) == [pruning.new_ids[number] for number in ids]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_counted_is_cut_as_before(name):
    pruning = pruned(name)
    assert len(pruning.new_ids) < len(pruning.tokenizer.ids())
    assert pruning.trimmed.vocab_size == len(pruning.new_ids)
    counted = [text for place, text in enumerate(lines()) if place % 5 != 4]
    assert all(same(pruning, text) for text in counted)
    assert same(pruning, "strawberry 42")
    pieces = [pruning.trimmed.piece(new) for new in sorted(pruning.new_ids.values())]
    old = {new: old for old, new in pruning.new_ids.items()}
    assert pieces == [pruning.tokenizer.piece(old[new]) for new in range(len(pieces))]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_text_whose_tokens_are_kept_is_cut_as_before(name, data):
    pruning = pruned(name)
    words = sorted({word for line in lines() for word in line.split()})
    text = data.draw(
        st.lists(
            st.one_of(st.sampled_from(words), st.text("aestrn .,!1\n", max_size=4)), max_size=8
        ).map(" ".join)
    )
    if pruning.keeps(pruning.tokenizer.encode(text)):
        assert same(pruning, text)


@pytest.mark.parametrize("language", ["hin_Deva", "tha_Thai", "jpn_Jpan"])
def test_other_scripts_are_cut_as_before_too(language):
    pruning = prune(load_tokenizer("mistral-v1"), lines(language))
    counted = [text for place, text in enumerate(lines(language)) if place % 5 != 4]
    assert all(same(pruning, text) for text in counted)


def test_a_tiktoken_vocabulary_keeps_its_pattern_and_special_tokens(oracles):
    tok = load_tokenizer(oracles / "tokenizers" / "r50k_base.tiktoken")
    pruning = prune(tok, lines())
    assert all(same(pruning, text) for place, text in enumerate(lines()) if place % 5 != 4)
    end = pruning.trimmed.encode("a<|endoftext|>", parse_special=True)[-1]
    assert pruning.trimmed.piece(end) == "<|endoftext|>"


def test_a_published_json_with_byte_fallback(oracles):
    tok = load_tokenizer(oracles / "tokenizers" / "phi-3-medium.json")
    pruning = prune(tok, lines())
    counted = [text for place, text in enumerate(lines()) if place % 5 != 4]
    assert all(same(pruning, text) for text in counted)
    assert pruning.trimmed.decode(pruning.trimmed.encode("日本 😀")) == "日本 😀"
    special = pruning.trimmed.encode("<|end|>", parse_special=True)
    assert [pruning.trimmed.piece(number) for number in special] == ["<|end|>"]


def test_what_surrounds_a_text_is_renumbered():
    live = hf.Tokenizer(models.BPE())
    live.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    live.train_from_iterator(
        lines(),
        trainers.BpeTrainer(
            vocab_size=900,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    live.add_special_tokens(["<s>"])
    number = live.token_to_id("<s>")
    live.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", number)]
    )
    tok = load_tokenizer(live, name="with-bos")
    pruning = prune(tok, lines()[:6], min_count=2)
    ids = pruning.trimmed.encode("the", add_special_tokens=True)
    assert ids[0] == pruning.new_ids[number] != number
    assert pruning.trimmed.piece(ids[0]) == "<s>"


def word_level(pieces, single):
    """A tokenizer of whole words with a template around a text; no token of it is added."""
    vocab = {piece: number for number, piece in enumerate(pieces)}
    live = hf.Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    live.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    live.post_processor = single
    return live


@pytest.mark.parametrize("form", ["template", "bert", "sequence"])
def test_what_surrounds_a_text_is_kept_where_only_the_model_knows_it(form):
    template = processors.TemplateProcessing(
        single="[A] $A [B]", special_tokens=[("[A]", 3), ("[B]", 4)]
    )
    form = {
        "template": template,
        "bert": processors.BertProcessing(("[B]", 4), ("[A]", 3)),
        "sequence": processors.Sequence([processors.ByteLevel(), template]),
    }[form]
    tok = load_tokenizer(word_level(["[UNK]", "a", "cat", "[A]", "[B]", "dog"], form), name="w")
    pruning = prune(tok, ["cat"] * 10)
    ids = pruning.trimmed.encode("cat", add_special_tokens=True)
    assert [pruning.trimmed.piece(number) for number in ids] == ["[A]", "cat", "[B]"]
    assert pruning.trimmed.id_of("dog") is None


def test_a_template_that_names_no_entry_is_an_error():
    single = processors.TemplateProcessing(single="[A] $A", special_tokens=[("[A]", 9)])
    tok = load_tokenizer(word_level(["[UNK]", "cat"], single), name="broken")
    with pytest.raises(TokenizerError, match="id 9 is not in the vocabulary"):
        prune(tok, ["cat"] * 10)


def test_an_unknown_token_promises_nothing():
    # "ab" is the longest piece of "abx" and leads nowhere; without it, "a" leads to "##bx".
    vocab = {p: n for n, p in enumerate(["[UNK]", "a", "z", "ab", "##bx", "##y"])}
    live = hf.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    live.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tok = load_tokenizer(live, name="dead-end")
    pruning = prune(tok, ["a zbx"] * 4 + ["abx"])
    cut = {text: pruning.trimmed.encode(text) for text in ("a zbx", "abx")}
    pieces = {text: [pruning.trimmed.piece(n) for n in ids] for text, ids in cut.items()}
    assert pieces == {"a zbx": ["a", "z", "##bx"], "abx": ["a", "##bx"]}
    assert tok.encode("abx") == [tok.unk_id]
    assert pruning.keeps(tok.encode("a zbx"))
    assert not pruning.keeps(tok.encode("abx"))
    values = dict(pruning.summary().select("measure", "value").rows())
    assert values["held-out documents unchanged"] == 0
    assert values["held-out tokens covered"] == 1


@pytest.mark.parametrize("name", [*NAMES, "mistral-v1"])
def test_the_floor_is_what_a_corpus_without_tokens_keeps(name):
    tok = load_tokenizer(name)
    floor = always_kept(tok)
    assert prune(tok, ["", ""]).reasons == floor
    assert floor.keys() <= prune(tok, lines()).reasons.keys()


def test_parents_are_kept_with_their_entries():
    pruning = pruned("workbench-bpe")
    frame = pruning.to_frame()
    assert set(frame["reason"]) >= {"used", "byte", "part of another"}
    assert frame["new_id"].to_list() == list(range(frame.height))
    assert frame.filter(reason="part of another")["count"].sum() == 0


def test_a_threshold_keeps_less_and_covers_less():
    tok = load_tokenizer("mistral-v3")
    curve = pruning_curve(tok, lines(), min_counts=(1, 3, 10), width=4096)
    assert curve["entries"].is_sorted(descending=True)
    assert curve["covered"].is_sorted(descending=True)
    assert curve["saved_mib"].is_sorted()
    assert curve["covered"].is_between(0, 1).all()


def test_coverage_is_measured_on_documents_that_were_not_counted():
    pruning = prune(load_tokenizer("mistral-v3"), ["aa bb", "aa bb", "aa bb", "aa bb", "zz qq"])
    values = dict(pruning.summary().select("measure", "value").rows())
    assert values["documents counted"] == 4
    assert values["documents held out"] == 1
    assert values["held-out documents unchanged"] == 0
    assert values["held-out tokens covered"] < 1
    assert values["held-out tokens after / before"] >= 1


def test_memory_is_counted_from_width_and_dtype():
    pruning = pruned("workbench-bpe")
    memory = pruning.embedding_bytes(1024, "float32", tied=True)
    assert memory["before"] == 4096 * 1024 * 4
    assert memory["saved"] == memory["before"] - len(pruning.new_ids) * 1024 * 4
    with pytest.raises(TokenizerError, match="'float7' is no known dtype"):
        pruning.embedding_bytes(1024, "float7")


def test_a_frame_is_a_corpus():
    frame = pl.DataFrame({"text": lines()})
    tok = load_tokenizer("workbench-bpe")
    assert prune(tok, frame).new_ids == prune(tok, lines()).new_ids
    assert prune(tok, frame.lazy(), limit=10).new_ids == prune(tok, lines()[:10]).new_ids


def test_saved_files_load_elsewhere(tmp_path):
    pruning = pruned("mistral-v3")
    path = pruning.save(tmp_path / "small")
    assert path.name == "small.model"
    again = load_tokenizer(path)
    assert again.encode("The cat") == pruning.trimmed.encode("The cat")
    json_path = pruned("workbench-bpe").save(tmp_path / "tokenizer.json")
    assert json_path.name == "tokenizer.json"


def test_bad_requests_are_named():
    tok = load_tokenizer("workbench-bpe")
    with pytest.raises(TokenizerError, match="at least 2"):
        prune(tok, ["one"])
    with pytest.raises(TokenizerError, match="not one text"):
        prune(tok, "one text")
    with pytest.raises(TokenizerError, match="min_count is 0"):
        prune(tok, lines(), min_count=0)
    with pytest.raises(TokenizerError, match="99999"):
        prune(tok, lines(), keep=[99999])
    with pytest.raises(TokenizerError, match="a rule, not a vocabulary"):
        prune(load_tokenizer("bytes"), lines())

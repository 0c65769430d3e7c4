"""The derivation replays each library's rules: its ids must be the library's own."""

import json
import random
from functools import cache
from pathlib import Path

import pytest
import sentencepiece
import tokenizers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, trainers

from workbench.derivation import derive, replay
from workbench.derivation.bpe import run_merges, states
from workbench.derivation.unigram import Lattice
from workbench.derivation.wordpiece import greedy_matches
from workbench.tokenizers import TokenizerError
from workbench.tokenizers import load_tokenizer as load_afresh

load_tokenizer = cache(load_afresh)  # reading 130,000 entries anew for each test would dominate

OFFLINE = ["mistral-v1", "mistral-v3", "tekken", "deepseek-v4"]
TRAINED = ["workbench-bpe", "workbench-wordpiece", "workbench-unigram", "workbench-char-bpe"]
PARALLEL = Path(__file__).resolve().parent.parent / "data" / "parallel"
ODD = [
    " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u200b", "\u200d", "\ufeff", "\u202e",
    "\0", "▁", "Ġ", "<s>", "</s>", "<unk>", "<0x41>", "[INST]", "<|endoftext|>", "##ing", "[UNK]",
    "e\u0301", "ﬁ", "½", "👩‍👩‍👧", "1234567", "'re", "'S", "don't", "<x>", "\U000323af",
]  # fmt: skip


@cache
def sentences() -> list[str]:
    files = sorted(PARALLEL.glob("*.txt"))
    return [line for file in files for line in file.read_text("utf-8").splitlines() if line]


def hostile(rng: random.Random) -> str:
    parts = []
    for _ in range(rng.randint(1, 25)):
        draw = rng.random()
        if draw < 0.25:
            parts.append(chr(rng.randrange(0x20, 0x7F)))
        elif draw < 0.5:
            parts.append(rng.choice(ODD))
        elif draw < 0.8:
            parts.append(rng.choice(sentences())[: rng.randint(1, 8)])
        else:
            point = rng.randrange(0x110000)
            parts.append("" if 0xD800 <= point < 0xE000 else chr(point))
    return "".join(parts)


@cache
def varied(count: int) -> list[str]:
    """Half pieces of sentences in thirty languages, half hostile."""
    rng = random.Random(7)
    texts = []
    for number in range(count):
        if number % 2:
            texts.append(hostile(rng))
        else:
            line = rng.choice(sentences())
            start = rng.randrange(len(line))
            texts.append(line[start : start + rng.randint(1, 80)])
    return texts


def disagreements(tok, texts, *, parse_special=False):
    expected = tok.encode_batch(texts, parse_special=parse_special)
    return [
        ascii(text)
        for text, ids in zip(texts, expected, strict=True)
        if replay(text, tok, parse_special=parse_special) != ids
    ]


# --- the case a reader would try -------------------------------------------------------------


def test_strawberry_is_merged_step_by_step():
    tok = load_tokenizer("mistral-v1")
    found = derive("strawberry", tok)
    assert found.exact
    assert list(found.ids) == tok.encode("strawberry")
    first = found.tree(0)
    assert first["piece"] == "▁straw"
    assert [child["piece"] for child in first["children"]] == ["▁st", "raw"]
    ranks = [step["rank"] for step in found.steps]
    assert found.steps[0]["kind"] == "merge"
    assert all(rank is not None for rank in ranks)
    frame = found.to_frame()
    assert frame.height == len(found.steps)
    assert json.loads(json.dumps(found.to_dict()))["ids"] == list(found.ids)


def test_stages_say_what_happened_to_the_text():
    tok = load_tokenizer("deepseek-v4")
    found = derive("Price: 12345 €", tok)
    names = [stage.name for stage in found.stages]
    assert names == [
        "source",
        "normalized",
        "pre-tokens, 1 of 4",
        "pre-tokens, 2 of 4",
        "pre-tokens, 3 of 4",
        "pre-tokens",
        "tokens",
    ]
    digits = [part.text for part in found.stages[2].parts]
    assert digits == ["Price: ", "123", "45", " €"]
    assert [(p.byte_start, p.byte_end) for p in found.stages[2].parts][1] == (7, 10)


def test_every_state_of_a_merge_is_the_one_before_with_one_pair_joined():
    tok = load_tokenizer("tekken")
    for pretoken in derive("unbelievable tokenization", tok).pretokens:
        explanation = pretoken.explanation
        seen = list(explanation.symbols)
        for step in explanation.steps:
            pair = seen[step.position : step.position + 2]
            assert pair == [step.left, step.right]
            seen[step.position : step.position + 2] = [step.piece]
        assert seen == [tok.piece(number) for number in explanation.ids]


def test_a_whole_entry_is_taken_without_merging():
    tok = load_tokenizer("tekken")
    found = derive(" the", tok)
    assert found.pretokens[0].explanation.method == "whole entry"
    assert found.tree(0)["id"] == found.ids[0]


def test_a_text_without_a_pretokenizer_is_shown_word_by_word():
    found = derive("two  words here", load_tokenizer("mistral-v1"))
    assert [pretoken.text for pretoken in found.pretokens] == ["▁two", "▁▁words", "▁here"]
    assert [(p.byte_start, p.byte_end) for p in found.pretokens] == [(0, 3), (3, 10), (10, 15)]


def test_an_empty_text_has_no_steps():
    for name in (*OFFLINE, "bytes", "words"):
        found = derive("", load_tokenizer(name))
        assert (found.ids, found.steps, found.exact) == ((), [], True)


def test_a_baseline_is_a_rule():
    found = derive("né", load_tokenizer("bytes"))
    assert found.ids == (0x6E, 0xC3, 0xA9)
    assert found.tree(0) is None


def test_errors_name_the_value():
    tok = load_tokenizer("mistral-v1")
    with pytest.raises(TokenizerError, match=r"U\+D800\) stands at character 1"):
        derive("a\ud800", tok)
    with pytest.raises(TokenizerError, match="not int"):
        replay(7, tok)
    with pytest.raises(IndexError, match="token 9 does not exist: the text has 4 tokens"):
        derive("hello hello", load_tokenizer("mistral-v1")).tree(9)


def test_special_tokens_are_cut_out_only_when_they_are_parsed():
    tok = load_tokenizer("deepseek-v4")
    text = "a<｜end▁of▁sentence｜>b"
    parsed = derive(text, tok, parse_special=True)
    typed = derive(text, tok)
    assert parsed.exact
    assert typed.exact
    assert 1 in parsed.ids
    assert 1 not in typed.ids
    assert parsed.pretokens[1].explanation.method == "added token"


# --- ten thousand texts a tokenizer --------------------------------------------------------------


@pytest.mark.parametrize("name", OFFLINE + TRAINED)
def test_replay_gives_the_librarys_ids_on_ten_thousand_texts(name):
    assert disagreements(load_tokenizer(name), varied(10_000)) == []


@pytest.mark.parametrize("name", OFFLINE)
def test_replay_reads_special_tokens_as_the_library_does(name):
    tok = load_tokenizer(name)
    assert disagreements(tok, varied(10_000)[:1500], parse_special=True) == []


@pytest.mark.parametrize(
    "file", ["cl100k_base.tiktoken", "o200k_base.tiktoken", "phi-3-medium.json", "pythia-12b.json"]
)
def test_replay_of_published_tokenizers(oracles, file):
    tok = load_tokenizer(oracles / "tokenizers" / file)
    assert disagreements(tok, varied(10_000)[:2000]) == []
    assert disagreements(tok, varied(10_000)[:300], parse_special=True) == []


@pytest.mark.parametrize("name", OFFLINE + TRAINED)
def test_derivations_are_exact_and_every_token_has_its_span(name):
    tok = load_tokenizer(name)
    for text in varied(10_000)[:60]:
        found = derive(text, tok)
        assert found.exact, ascii(text)
        assert len(found.token_spans) == len(found.ids)
        assert sum(len(pretoken.ids) for pretoken in found.pretokens) == len(found.ids)


# --- options that the offline tokenizers do not use --------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Small tokenizers with every option of the models, trained in about two seconds."""
    folder = tmp_path_factory.mktemp("trained")
    lines = sentences()

    def keep(name, model, trainer, *, pre=None, norm=None, added=()):
        live = hf.Tokenizer(model)
        if pre:
            live.pre_tokenizer = pre
        if norm:
            live.normalizer = norm
        live.train_from_iterator(lines, trainer)
        live.add_tokens(list(added))
        live.save(str(folder / f"{name}.json"))

    quiet = {"show_progress": False}
    keep(
        "suffix-and-prefix",
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", continuing_subword_prefix="@@"),
        trainers.BpeTrainer(
            vocab_size=1500,
            special_tokens=["<unk>"],
            end_of_word_suffix="</w>",
            continuing_subword_prefix="@@",
            limit_alphabet=150,
            **quiet,
        ),
        pre=pre_tokenizers.Whitespace(),
    )
    keep(
        "no-unknown",
        models.BPE(),
        trainers.BpeTrainer(vocab_size=800, limit_alphabet=80, **quiet),
        pre=pre_tokenizers.Whitespace(),
    )
    keep(
        "fused-unknown",
        models.BPE(unk_token="<unk>", fuse_unk=True),
        trainers.BpeTrainer(vocab_size=800, limit_alphabet=80, special_tokens=["<unk>"], **quiet),
        pre=pre_tokenizers.Metaspace(prepend_scheme="first"),
    )
    keep(
        "added",
        models.BPE(ignore_merges=True),
        trainers.BpeTrainer(
            vocab_size=1500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **quiet
        ),
        pre=pre_tokenizers.ByteLevel(add_prefix_space=True),
        added=[
            "'re",
            hf.AddedToken("don", single_word=True, lstrip=True),
            hf.AddedToken("<x>", rstrip=True, normalized=False),
        ],
    )
    keep(
        "wordpiece",
        models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12),
        trainers.WordPieceTrainer(vocab_size=1500, special_tokens=["[UNK]"], **quiet),
        pre=pre_tokenizers.BertPreTokenizer(),
        norm=normalizers.BertNormalizer(),
    )
    keep(
        "wordlevel",
        models.WordLevel(unk_token="<unk>"),
        trainers.WordLevelTrainer(vocab_size=800, special_tokens=["<unk>"], **quiet),
        pre=pre_tokenizers.Sequence(
            [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
        ),
        norm=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    )
    keep(
        "unigram",
        models.Unigram(),
        trainers.UnigramTrainer(
            vocab_size=3000, unk_token="<unk>", special_tokens=["<unk>"], **quiet
        ),
        pre=pre_tokenizers.Metaspace(),
        norm=normalizers.NFKC(),
    )
    corpus = folder / "lines.txt"
    corpus.write_text("\n".join(lines), encoding="utf-8")
    for kind in ("bpe", "unigram"):
        for fallback in (True, False):
            sentencepiece.SentencePieceTrainer.train(
                input=str(corpus),
                model_prefix=str(folder / f"{kind}-{'bytes' if fallback else 'unknown'}"),
                model_type=kind,
                vocab_size=3000,
                byte_fallback=fallback,
                character_coverage=0.99,
                user_defined_symbols=["<x>", "don"],
                num_threads=1,
                minloglevel=2,
            )
    return folder


@pytest.mark.parametrize(
    "file",
    [
        "suffix-and-prefix.json",
        "no-unknown.json",
        "fused-unknown.json",
        "added.json",
        "wordpiece.json",
        "wordlevel.json",
        "unigram.json",
        "bpe-bytes.model",
        "bpe-unknown.model",
        "unigram-bytes.model",
        "unigram-unknown.model",
    ],
)
def test_replay_knows_every_option_of_the_models(trained, file):
    tok = load_tokenizer(trained / file)
    texts = varied(10_000)[:2000]
    assert disagreements(tok, texts) == []
    assert any(tok.encode(text) for text in texts)


def test_a_model_that_is_not_replayed_is_named(trained, tmp_path):
    sentencepiece.SentencePieceTrainer.train(
        input=str(trained / "lines.txt"),
        model_prefix=str(tmp_path / "characters"),
        model_type="char",
        vocab_size=300,
        minloglevel=2,
    )
    tok = load_afresh(tmp_path / "characters.model")
    with pytest.raises(TokenizerError, match="model of sentencepiece cannot be derived"):
        derive("abc", tok)


def test_user_defined_symbols_never_merge(trained):
    tok = load_tokenizer(trained / "bpe-bytes.model")
    pieces = [tok.piece(number) for number in tok.encode("abandon ship")]
    assert "don" in pieces
    found = derive("abandon ship", tok)
    assert found.exact
    assert all("don" not in (step["left"], step["right"]) for step in found.steps)


def test_unigram_shows_the_runner_up_with_scores(trained):
    tok = load_tokenizer(trained / "unigram-bytes.model")
    found = derive("information", tok)
    best, second = found.pretokens[0].explanation.paths
    assert "".join(best.pieces) == "".join(second.pieces) == "▁information"
    assert best.pieces != second.pieces
    assert best.score >= second.score
    assert best.score == pytest.approx(sum(best.scores), abs=1e-4)


def test_wordpiece_says_which_longer_pieces_were_tried(trained):
    tok = load_tokenizer(trained / "wordpiece.json")
    found = derive("informations", tok)
    kinds = {step["kind"] for step in found.steps}
    assert kinds == {"match"}
    assert any("no entry" in step["note"] for step in found.steps)
    too_long = derive("a" * 13, tok)
    assert "more than the 12" in too_long.steps[0]["note"]
    assert tok.piece(too_long.ids[0]) == "[UNK]"


# --- the algorithms alone --------------------------------------------------------------------


def brute_merges(symbols, lookup):
    symbols = list(symbols)
    while True:
        found = [
            (lookup(symbols[i], symbols[i + 1])[0], i)
            for i in range(len(symbols) - 1)
            if lookup(symbols[i], symbols[i + 1])
        ]
        if not found:
            return symbols
        _, place = min(found)
        symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]


@given(
    text=st.text("abc", max_size=30),
    merges=st.lists(st.text("abc", min_size=2, max_size=5), unique=True, max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_the_heap_merges_as_the_definition_does(text, merges):
    ranks = {merged: rank for rank, merged in enumerate(merges)}

    def lookup(left, right):
        rank = ranks.get(left + right)
        return None if rank is None else (rank, left + right)

    run = run_merges(list(text), lookup)
    assert run.symbols == brute_merges(text, lookup)
    assert states(list(text), run.steps)[-1] == run.symbols


def test_a_merge_of_many_equal_symbols_stays_fast():
    ranks = {"a" * 2**power: power for power in range(1, 12)}

    def lookup(left, right):
        rank = ranks.get(left + right)
        return None if rank is None else (rank, left + right)

    run = run_merges(["a"] * 40_000, lookup)
    assert sum(map(len, run.symbols)) == 40_000
    assert len(run.steps) == 40_000 - len(run.symbols)


def all_paths(text, scores, unknown):
    if not text:
        return [((), 0.0)]
    found = []
    for size in range(1, len(text) + 1):
        part = text[:size]
        if part in scores:
            score = scores[part]
        elif size == 1:
            score = unknown
        else:
            continue
        found += [((part, *rest), score + s) for rest, s in all_paths(text[size:], scores, unknown)]
    return found


@given(
    text=st.text("abc", min_size=1, max_size=7),
    scores=st.dictionaries(
        st.text("abc", min_size=1, max_size=4), st.floats(-9, -0.5), max_size=10
    ),
)
@settings(max_examples=200, deadline=None)
def test_the_lattice_finds_the_two_best_paths(text, scores):
    expected = sorted((s for _, s in all_paths(text, scores, -20.0)), reverse=True)[:2]
    found = Lattice(scores, unknown_score=-20.0).best(text, 2)
    assert [path.score for path in found] == pytest.approx(expected)
    assert len({tuple(p.text for p in path.pieces) for path in found}) == len(found)


def test_greedy_matching_is_not_the_best_covering():
    assert [m.piece for m in greedy_matches("abcd", {"abc", "ab", "##cd"})] == ["abc", None]

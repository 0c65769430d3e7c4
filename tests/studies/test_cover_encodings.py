"""Covers of a string: with a lead, with a look-ahead, on long prompts, and with bad answers."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Library

import workbench as wb
from workbench.studies import byte_probabilities as bp
from workbench.studies.cover_encodings import ByteModel, leading_bytes
from workbench.studies.produced import Produced

OFFLINE = [
    "workbench-bpe", "workbench-char-bpe", "workbench-unigram", "mistral-v1", "mistral-v3",
    "tekken", "deepseek-v4", "bytes",
]  # fmt: skip


def toy(pieces, merges, pre_tokenizer=None, normalizer=None):
    vocab = {piece: number for number, piece in enumerate(pieces)}
    library = Library(models.BPE(vocab=vocab, merges=merges))
    if pre_tokenizer is not None:
        library.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        library.normalizer = normalizer
    return wb.load_tokenizer(library)


def looks_ahead():
    """Words with a space before them, punctuation, and white space that stops before a word."""
    pattern = Regex(r" ?a+| ?,+|\s+(?!\S)|\s+")
    pieces = ["a", " ", ",", "  ", " a", "aa", "   "]
    merges = [(" ", " "), (" ", "a"), ("a", "a"), ("  ", " ")]
    return toy(pieces, merges, pre_tokenizers.Split(pattern, "isolated"))


def has_a_lead():
    """A space before every text, and no cut at all, as in SentencePiece."""
    lead = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    pieces = ["a", "b", "▁", "▁a", "▁▁", "ab"]
    return toy(pieces, [("▁", "a"), ("▁", "▁"), ("a", "b")], normalizer=lead)


TOYS = {"looks ahead": (looks_ahead, "a ,"), "has a lead": (has_a_lead, "ab ")}


def vocabulary_of(tok):
    return {i: tok.token_bytes(i) for i in tok.ids() if i not in tok.special_ids}


def scattered(size):
    """A model of the whole history."""

    def model(prefix):
        rng = random.Random(repr(tuple(prefix)))
        weights = np.array([rng.random() + 0.05 for _ in range(size)])
        return np.log(weights / weights.sum())

    return model


def even(tok):
    """A model that finds all tokens equally likely."""
    size = max(tok.ids()) + 1
    answer = np.full(size, -math.log(size))
    return lambda _: answer


def beginnings(tok, alphabet, letters):
    """What is produced by definition: the beginnings of the encodings of all texts."""
    made = set()
    for length in range(letters + 1):
        for text in itertools.product(alphabet, repeat=length):
            ids = tok.encode("".join(text))
            made.update(tuple(ids[:end]) for end in range(len(ids) + 1))
    return made


def sequences(vocabulary, most):
    """All token sequences of so many bytes."""
    rows = [((), 0)]
    for tokens, size in rows:
        yield tokens
        for token, piece in vocabulary.items():
            if size + len(piece) <= most:
                rows.append(((*tokens, token), size + len(piece)))


@pytest.mark.parametrize("name", TOYS)
def test_what_is_produced_is_what_some_text_produces(name):
    make, alphabet = TOYS[name]
    tok = make()
    vocabulary, lead = vocabulary_of(tok), leading_bytes(tok, "aa")
    made = beginnings(tok, alphabet, 7)
    produced = Produced(
        vocabulary, lambda many: [tok.encode(d[len(lead) :].decode()) for d in many], lead
    )
    asked = [
        tokens
        for tokens in sequences(vocabulary, 5)
        if b"".join(vocabulary[t] for t in tokens).startswith(lead)
    ]
    assert len(asked) > 300
    assert dict(zip(asked, produced(asked), strict=True)) == {t: t in made for t in asked}


@pytest.mark.parametrize("constraint", ["all", "canonical"])
@pytest.mark.parametrize("name", TOYS)
def test_probabilities_and_covers_equal_brute_force_with_a_lead_and_a_look_ahead(name, constraint):
    make, alphabet = TOYS[name]
    tok = make()
    vocabulary, lead = vocabulary_of(tok), leading_bytes(tok, "aa")
    made = beginnings(tok, alphabet, 7)
    model = scattered(len(vocabulary))
    byte_model = ByteModel.for_tokenizer(model, tok, constraint=constraint, probe="aa")

    def covers_of(string):
        """Sequences whose last token is the first to reach the end, and their probabilities."""
        found, rows = {}, [((), b"", 1.0)]
        for tokens, data, p in rows:
            q = np.exp(model(tokens))
            for token, piece in vocabulary.items():
                whole = data + piece
                if whole.startswith(string):
                    if constraint == "all" or (*tokens, token) in made:
                        found[*tokens, token] = p * q[token]
                elif string.startswith(whole):
                    rows.append(((*tokens, token), whole, p * q[token]))
        return found

    start = sum(covers_of(lead).values()) if lead else 1.0
    for length in range(4):
        for letters in itertools.product(alphabet, repeat=length):
            text = "".join(letters)
            if not lead + text.encode():
                continue
            truth = {t: p / start for t, p in covers_of(lead + text.encode()).items()}
            p = math.exp(byte_model.log_probability(text))
            assert p == pytest.approx(sum(truth.values()), rel=1e-9)
            table = byte_model.covers(text)
            listed = dict(zip(map(tuple, table["tokens"]), table["log_probability_nats"],
                              strict=True))  # fmt: skip
            assert listed.keys() == truth.keys()
            assert all(math.exp(listed[t]) == pytest.approx(truth[t]) for t in truth)
            assert table["produced"].to_list() == [tuple(t) in made for t in table["tokens"]]
            if sum(truth.values()):
                after = np.exp(byte_model.next_byte(text))
                for letter in set(alphabet):
                    more = math.exp(byte_model.log_conditional(letter, text))
                    if constraint == "all":
                        assert after[ord(letter)] == pytest.approx(more, rel=1e-9)


_pieces = st.sampled_from(
    [*"aAzBİıéß1290.,;'!?/\\\"-_ \t\n\r中文한½ﬁ\u3000\u00a0\u200d", "  ", "   ", " \n", "\n\n",
     "日本", "👩\u200d👧", "don't", "I'll", "The", " the", "HTTPServer", "çalış"]
)  # fmt: skip


@pytest.mark.parametrize("name", OFFLINE)
def test_what_the_tokenizer_makes_of_a_text_is_produced_from_its_first_token_on(name):
    tok = wb.load_tokenizer(name)
    byte_model = ByteModel.for_tokenizer(even(tok), tok, constraint="canonical")

    @settings(max_examples=60, deadline=None)
    @given(st.lists(_pieces, max_size=12).map("".join) | st.text(max_size=12))
    def check(text):
        assume(byte_model.spells(text))
        ids = tok.encode(text)
        for end in range(len(ids) + 1):
            assert byte_model.is_produced(tuple(ids[:end]))

    check()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mistral-v1", "中文"), ("mistral-v3", "5"), ("mistral-v3", "1 a"), ("mistral-v1", "\n"),
        ("tekken", "  1"), ("workbench-bpe", "a  ,"), ("deepseek-v4", ",   .,"),
        ("deepseek-v4", "a\u200d\u200db"), ("workbench-unigram", "a b"),
    ],
)  # fmt: skip
def test_what_the_tokenizer_makes_of_a_text_is_among_its_canonical_covers(name, text):
    tok = wb.load_tokenizer(name)
    byte_model = ByteModel.for_tokenizer(even(tok), tok, constraint="canonical")
    table = byte_model.covers(text, limit=1_000_000)
    assert tok.encode(text) in table["tokens"].to_list()
    assert table["produced"].all()
    assert byte_model.log_probability(text) >= -math.log(max(tok.ids()) + 1) * len(tok.encode(text))


def test_bytes_that_no_text_begins_with_are_not_produced():
    tok = wb.load_tokenizer("bytes")
    byte_model = ByteModel.for_tokenizer(even(tok), tok, constraint="canonical")
    half = "é".encode()[:1]
    assert byte_model.is_produced(tuple(half))  # some text goes on from here
    assert not byte_model.is_produced((*half, ord("a")))
    assert byte_model.log_probability(half + b"a") == -math.inf
    with pytest.raises(ValueError, match="give `encode`"):
        ByteModel(even(tok), {0: b"a"}).is_produced((0,))


@pytest.mark.parametrize("letters", [1_500, 5_000])
def test_a_long_prompt_is_answered_like_a_short_one(letters):
    model, vocabulary, encode = bp.markov_token_model(0.6, 0.3)
    byte_model = ByteModel(model, vocabulary, encode=encode, context=1)
    after = byte_model.next_byte("A" * letters)
    assert np.exp(after[ord("A")]) == pytest.approx(0.6, rel=1e-9)
    assert after[ord("A")] == pytest.approx(byte_model.log_conditional("A", "A" * letters))
    assert np.exp(byte_model.next_byte("AB" * (letters // 2), "healing")).sum() == pytest.approx(1)


def test_a_long_prompt_of_prose_is_answered_too():
    tok = wb.load_tokenizer("workbench-bpe")
    text = wb.load_corpus("prose", languages=["eng_Latn"]).scan().collect()["text"][0][:3_000]
    byte_model = ByteModel.for_tokenizer(bp.fit_ngram(tok, "parallel", 2), tok)
    after = byte_model.next_byte(text)
    assert np.exp(after).sum() == pytest.approx(1)
    # Some probability is left to special tokens, which spell nothing: only quotients agree.
    for one, other in ("en", " ,"):
        apart = byte_model.log_conditional(one, text) - byte_model.log_conditional(other, text)
        assert after[ord(one)] - after[ord(other)] == pytest.approx(apart)


def test_a_byte_is_not_lost_beside_one_that_is_much_likelier():
    byte_model = ByteModel(lambda _: np.array([0.0, -2000.0]), {0: b"A", 1: b"B"})
    assert byte_model.next_byte("")[ord("B")] == pytest.approx(-2000)


def test_more_continuations_than_are_summed_at_once(monkeypatch):
    model, vocabulary, _ = bp.markov_token_model(0.6, 0.3)
    whole = ByteModel(model, vocabulary, context=None).next_byte("AAAA")
    monkeypatch.setattr("workbench.studies.cover_encodings._FLOATS_ADDED", 2)
    assert ByteModel(model, vocabulary, context=None).next_byte("AAAA") == pytest.approx(whole)


def by_hand(model, vocabulary, own, *, healing):
    """The next byte after one encoding, token by token."""
    total = np.zeros(256)

    def add(history, dropped, weight):
        for token, p in enumerate(np.exp(model(history))):
            piece = vocabulary[token]
            if piece == dropped:
                add((*history, token), b"", weight * p)
            elif piece.startswith(dropped):
                total[piece[len(dropped)]] += weight * p

    if healing and own:
        add(own[:-1], vocabulary[own[-1]], 1.0)
    else:
        add(own, b"", 1.0)
    return total / total.sum()


@pytest.mark.parametrize("healing", [False, True])
@pytest.mark.parametrize("name", TOYS)
def test_the_naive_and_the_healed_byte_equal_those_by_hand(name, healing):
    make, alphabet = TOYS[name]
    tok = make()
    vocabulary = vocabulary_of(tok)
    model = scattered(len(vocabulary))
    byte_model = ByteModel.for_tokenizer(model, tok, probe="aa")
    for length in range(1, 5):
        for letters in itertools.product(alphabet, repeat=length):
            text = "".join(letters)
            own = tuple(tok.encode(text))
            truth = by_hand(model, vocabulary, own, healing=healing)
            found = np.exp(byte_model.next_byte(text, "healing" if healing else "naive"))
            assert found == pytest.approx(truth, abs=1e-12)


def test_before_an_empty_text_stands_the_lead():
    tok = wb.load_tokenizer("mistral-v3")
    byte_model = ByteModel.for_tokenizer(bp.fit_ngram(tok, "parallel", 2), tok)
    exact, naive, healing = (byte_model.next_byte("", m) for m in ("exact", "naive", "healing"))
    assert naive == pytest.approx(exact)
    assert healing == pytest.approx(exact)
    assert int(np.argmax(naive)) != ord(" ")
    assert byte_model.log_probability("") == 0
    first = np.array([byte_model.log_probability(bytes([b])) for b in range(256)])
    assert exact == pytest.approx(first - np.logaddexp.reduce(first))


def test_covers_of_a_tokenizer_with_a_lead_add_up_to_the_probability():
    tok = wb.load_tokenizer("mistral-v1")
    byte_model = ByteModel.for_tokenizer(bp.fit_ngram(tok, "parallel", 2), tok)
    table = byte_model.covers("Th")
    total = np.logaddexp.reduce(table["log_probability_nats"].to_numpy())
    assert total == pytest.approx(byte_model.log_probability("Th"))
    assert table["share"].sum() == pytest.approx(1)


def test_a_lead_without_probability_is_a_sentence_and_not_a_nan():
    never = lambda _: np.array([0.0, -np.inf])  # noqa: E731 - the whole of a model
    byte_model = ByteModel(never, {0: b"a", 1: b" "}, lead=b" ")
    for ask in (byte_model.log_probability, byte_model.covers):
        with pytest.raises(ValueError, match=r"no probability to b' '"):
            ask("a")
    with pytest.raises(ValueError, match="probability 0"):
        byte_model.log_conditional("a", "a")
    assert (byte_model.next_byte("a") == -np.inf).all()


@pytest.mark.parametrize("method", ["exact", "naive", "healing"])
@pytest.mark.parametrize("text", ["½ a happy day", "hello 😀"])
def test_a_text_that_the_tokenizer_changes_has_no_next_byte(text, method):
    tok = wb.load_tokenizer("workbench-unigram")
    byte_model = ByteModel.for_tokenizer(bp.fit_ngram(tok, "parallel", 2), tok)
    assert not byte_model.spells(text)
    assert byte_model.spells("a happy day")
    assert byte_model.spells("")
    with pytest.raises(ValueError, match=r"join to .* Ask about a text that it keeps"):
        byte_model.next_byte(text, method)


def test_the_lead_is_found_with_any_probe():
    assert leading_bytes(wb.load_tokenizer("mistral-v1"), "é ü") == b" "
    assert leading_bytes(wb.load_tokenizer("tekken"), "é ü") == b""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([0.5, 0.3, 0.2], "no natural log-probabilities"),
        ([3.0, 1.0, -2.0], "no natural log-probabilities"),
        ([0.0, np.nan, -5.0], "no natural log-probabilities"),
        (np.log([0.5, 0.5]), r"shape \(2,\), and the vocabulary has ids up to 2"),
        (np.log([[0.5, 0.3, 0.2]]), r"shape \(1, 3\)"),
    ],
)
def test_a_model_that_answers_something_else_is_refused_at_its_first_answer(answer, why):
    byte_model = ByteModel(lambda _: answer, {0: b"A", 1: b"B", 2: b"AA"})
    for ask in (byte_model.log_probability, byte_model.next_byte):
        with pytest.raises(ValueError, match=why):
            ask("A")


def test_a_context_is_zero_or_more():
    with pytest.raises(ValueError, match="context -1 is below 0"):
        ByteModel(lambda _: [0.0], {0: b"A"}, context=-1)
    assert ByteModel(lambda _: [0.0], {0: b"A"}, context=0).log_probability("AAA") == 0

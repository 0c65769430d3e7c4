"""A trimmed list of merges cuts as the whole one did, whatever the model writes around words."""

from dataclasses import dataclass

import pytest
import tokenizers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from workbench.derivation.merges import ancestors, merge_options, merge_parents
from workbench.tokenizers import load_tokenizer
from workbench.vocabulary import prune
from workbench.vocabulary.trimming import trimmed_file


def live_bpe(vocab, merges, **options):
    """A BPE of the library that cuts at spaces; ``vocab`` is a list of pieces."""
    numbered = {piece: number for number, piece in enumerate(dict.fromkeys(vocab))}
    live = hf.Tokenizer(models.BPE(numbered, merges, **options))
    live.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return live


def pieces_of(live, text):
    return live.encode(text, add_special_tokens=False).tokens


def trimmed_live(pruning):
    """The smaller tokenizer, loaded by its own library and nothing else."""
    _, data = trimmed_file(pruning.tokenizer, pruning.new_ids)
    return hf.Tokenizer.from_str(data.decode())


SUFFIX_MERGES = [("b", "c"), ("c", "d</w>"), ("a", "b"), ("ab", "c"), ("a", "bc")]
PREFIX_MERGES = [("##b", "##c"), ("##c", "##d"), ("a", "##b"), ("ab", "##c"), ("a", "##bc")]


@pytest.mark.parametrize(
    ("vocab", "merges", "affix", "cut"),
    [
        (
            ["a", "b", "c", "d", "d</w>", "bc", "cd</w>", "ab", "abc"],
            SUFFIX_MERGES,
            {"end_of_word_suffix": "</w>"},
            ["abc", "d</w>", "a", "cd</w>"],
        ),
        (
            ["a", "##b", "##c", "##d", "##bc", "##cd", "ab", "abc"],
            PREFIX_MERGES,
            {"continuing_subword_prefix": "##"},
            ["abc", "##d", "a", "##cd"],
        ),
    ],
    ids=["suffix", "prefix"],
)
def test_the_merge_that_fires_is_kept_and_not_the_first_that_spells(vocab, merges, affix, cut):
    live = live_bpe(vocab, merges, **affix)
    text = "abcd acd"
    pruning = prune(load_tokenizer(live, name="affixed"), [text] * 10)
    assert pieces_of(live, text) == cut
    assert pieces_of(trimmed_live(pruning), text) == cut
    tok = pruning.tokenizer
    parents = merge_parents(tok)[tok.id_of("abc")]
    assert (tok.piece(parents.left), tok.piece(parents.right)) == (merges[4][0], merges[4][1])


def test_an_entry_that_starts_in_two_ways_keeps_both_merges():
    # The last "b" of a word is "b#"; but "#" is a letter too, so "ab#" has two origins.
    vocab = ["a", "b", "#", "b#", "##", "ab", "ab#"]
    merges = [("a", "b"), ("ab", "#"), ("a", "b#")]
    live = live_bpe(vocab, merges, end_of_word_suffix="#")
    tok = load_tokenizer(live, name="two-ways")
    assert pieces_of(live, "ab") == ["ab#"]
    assert pieces_of(live, "ab#a") == ["ab#"]  # the last "a" has no entry "a#" and vanishes
    options = merge_options(tok)[tok.id_of("ab#")]
    made = [(tok.piece(option.left), tok.piece(option.right)) for option in options]
    assert made == [("ab", "#"), ("a", "b#")]
    assert {tok.piece(n) for n in ancestors([tok.id_of("ab#")], merge_options(tok))} == {
        "ab#", "ab", "#", "a", "b", "b#",
    }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A random model and texts; its representation is what a failure shows."""

    vocab: list[str]
    merges: list[tuple[str, str]]
    options: dict[str, object]
    corpus: list[str]
    others: list[str]


def starting(word, prefix, suffix, vocab):
    """The symbols a word starts from, as the library makes them; "z" has no entry."""
    found = []
    for place, letter in enumerate(word):
        if letter == "z":
            stand_in = next((name for name in ("<0x7A>", "<unk>") if name in vocab), None)
            found += [stand_in] if stand_in else []
        else:
            head = prefix if place else ""
            found.append(head + letter + (suffix if place == len(word) - 1 else ""))
    return found


@st.composite
def cases(draw):
    prefix = draw(st.sampled_from(["", "#", "##"]))
    suffix = draw(st.sampled_from(["", "#", "</w>"]))
    stand_in = draw(st.sampled_from(["", "<unk>", "bytes"]))
    options: dict[str, object] = {"fuse_unk": draw(st.booleans())}
    options |= {"continuing_subword_prefix": prefix} if prefix else {}
    options |= {"end_of_word_suffix": suffix} if suffix else {}
    vocab = ["<unk>"] if stand_in == "<unk>" else ["a"]
    options |= {"unk_token": "<unk>"} if stand_in == "<unk>" else {}
    if stand_in == "bytes":
        # A suffix is spelled in bytes too, so all of them are needed.
        options["byte_fallback"] = True
        vocab = [f"<0x{byte:02X}>" for byte in range(256)]
    word = st.text("abcz#", min_size=1, max_size=5)
    words = draw(st.lists(word, min_size=1, max_size=3))
    # Each word is merged several times in a random order: entries are spelled by several merges.
    merges: list[tuple[str, str]] = []
    for one in words * 3:
        symbols = starting(one, prefix, suffix, vocab)
        vocab += symbols
        while len(symbols) > 1:
            place = draw(st.integers(0, len(symbols) - 2))
            pair = symbols[place], symbols[place + 1]
            # The library stops the process at a right part that is shorter than the prefix.
            if len(pair[1]) < len(prefix):
                break
            symbols[place : place + 2] = [pair[0] + pair[1][len(prefix) :]]
            merges.append(pair)
            vocab.append(symbols[place])
    merges = draw(st.permutations(list(dict.fromkeys(merges))))
    piece = st.sampled_from(words) | word
    text = st.lists(piece | st.tuples(piece, piece).map("".join), max_size=3).map(" ".join)
    texts = st.lists(text, min_size=2, max_size=6)
    return Case(vocab, merges, options, draw(texts), draw(texts))


@settings(max_examples=400, deadline=None)
@given(case=cases())
def test_random_merges_are_closed_and_the_library_cuts_as_before(case):
    live = live_bpe(case.vocab, case.merges, **case.options)
    tok = load_tokenizer(live, name="random")
    # One of five is held out, so that each text is counted.
    pruning = prune(tok, [text for text in case.corpus for _ in range(5)])
    less = trimmed_live(pruning)
    for text in [*case.corpus, *case.others]:
        ids = live.encode(text, add_special_tokens=False).ids
        if text in case.corpus or all(number in pruning.new_ids for number in ids):
            after = less.encode(text, add_special_tokens=False)
            assert after.ids == [pruning.new_ids[number] for number in ids]
            assert after.tokens == pieces_of(live, text)

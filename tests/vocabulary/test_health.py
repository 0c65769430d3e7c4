"""Each check fires on a tokenizer broken on purpose, and stays silent on good ones."""

import doctest
import importlib

import polars as pl
import pytest
import tokenizers as hf
from tokenizers import decoders, models, normalizers, pre_tokenizers

from workbench.tokenizers import TokenizerError, load_tokenizer
from workbench.vocabulary import CHECKS, check_tokenizer, exit_status

ALPHABET = {
    piece: number for number, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))
}


@pytest.mark.parametrize("module", ["findings", "health"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.vocabulary.{module}"))
    assert result.attempted
    assert result.failed == 0


# --- good ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mistral-v1", "mistral-v3", "workbench-bpe", "bytes"])
def test_every_check_is_silent_on_good_tokenizers(tokenizer_named, name):
    health = check_tokenizer(tokenizer_named(name))
    assert health["check"].to_list() == list(CHECKS)
    assert health.filter(pl.col("passed").eq(other=False)).rows() == []
    assert health["severity"].is_null().all()
    assert exit_status(health, strict=True) == 0


def test_a_live_byte_level_tokenizer_passes_with_its_stored_settings():
    health = check_tokenizer(byte_level())
    assert health.filter(pl.col("passed").eq(other=False)).rows() == []
    assert health.filter(check="padding and truncation")["passed"].to_list() == [True]


# --- broken ones -------------------------------------------------------------------------------


def byte_level(vocab=None, merges=(), **options):
    live = hf.Tokenizer(models.BPE(vocab=vocab or dict(ALPHABET), merges=list(merges), **options))
    live.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    live.decoder = decoders.ByteLevel()
    return live


def more(*pieces):
    return ALPHABET | {piece: len(ALPHABET) + n for n, piece in enumerate(pieces)}


def drops_characters():
    letters = {c: n for n, c in enumerate("abcdefghijklmnopqrstuvwxyz ")}
    return hf.Tokenizer(models.BPE(vocab=letters, merges=[]))


def drops_white_space():
    live = byte_level()
    live.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    )
    return live


def knows_two_words():
    live = hf.Tokenizer(models.WordLevel(vocab={"<unk>": 0, "Hello": 1}, unk_token="<unk>"))
    live.pre_tokenizer = pre_tokenizers.Whitespace()
    return live


def lacks_a_byte():
    vocab = dict(ALPHABET)
    del vocab["Ċ"]
    return byte_level(vocab)


def merges_a_special_token():
    live = byte_level(more("<s", "<s>"), [("<", "s"), ("<s", ">")])
    live.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    live.add_special_tokens(["<s>"])
    return live


def hides_a_special_token():
    live = byte_level()
    live.add_special_tokens(["<s>", "a <"])
    return live


def leaves_a_control_token_open():
    live = byte_level()
    live.add_tokens(["<|im_end|>"])
    return live


def never_uses_an_entry():
    return byte_level(more("a!"), [("a", "!")])  # the pattern always cuts letters from signs


def merges_in_the_wrong_order():
    return byte_level(more("ab", "bc", "abc"), [("a", "b"), ("b", "c"), ("a", "bc")])


def has_twins():
    live = byte_level(more("Ġa"), [("Ġ", "a")])
    live.add_tokens([hf.AddedToken(" a", normalized=False)])
    return live


def has_holes():
    return byte_level(ALPHABET | {"ab": 300}, [("a", "b")])


def grows_when_normalized_again():
    live = byte_level()
    live.normalizer = normalizers.Replace("o", "oo")
    return live


def drops_merges_at_random():
    return byte_level(more("he", "ll", "the"), [("h", "e"), ("l", "l"), ("t", "he")])


def composes_characters():
    live = byte_level()
    live.normalizer = normalizers.NFC()
    return live


def pads():
    live = byte_level()
    live.enable_padding(length=8)
    return live


BROKEN = {
    "round trip": (drops_characters, "error"),
    "white space": (drops_white_space, "warning"),
    "unknown tokens": (knows_two_words, "warning"),
    "missing bytes": (lacks_a_byte, "error"),
    "special tokens typed by a user": (merges_a_special_token, "error"),
    "control tokens marked special": (leaves_a_control_token_open, "warning"),
    "unreachable entries": (never_uses_an_entry, "warning"),
    "merges that cannot fire": (merges_in_the_wrong_order, "warning"),
    "duplicate entries": (has_twins, "warning"),
    "vocabulary holes": (has_holes, "note"),
    "normalizer idempotent": (grows_when_normalized_again, "warning"),
    "offsets": (composes_characters, "warning"),
    "padding and truncation": (pads, "error"),
}


def row_of(health, check):
    return health.filter(check=check).row(0, named=True)


@pytest.mark.parametrize("check", BROKEN)
def test_a_check_fires_on_what_is_broken_on_purpose(check):
    broken, severity = BROKEN[check]
    health = check_tokenizer(broken())
    row = row_of(health, check)
    assert row["passed"] is False, row["evidence"]
    assert row["severity"] == severity
    assert row["evidence"]
    assert row["remedy"]
    assert exit_status(health) == int(health.filter(pl.col("severity").eq("error")).height > 0)
    assert exit_status(health, strict=True) >= (severity != "note")


def test_a_special_token_that_is_never_read_is_found():
    row = row_of(check_tokenizer(hides_a_special_token()), "special tokens typed by a user")
    assert "not read where it should be" in row["evidence"]


def test_dropout_makes_it_fail_the_check_of_determinism():
    tok = load_tokenizer(drops_merges_at_random(), name="random")
    assert row_of(check_tokenizer(tok), "determinism")["passed"] is True
    tok.backend.model.dropout = 0.5
    row = row_of(check_tokenizer(tok), "determinism")
    assert row["passed"] is False
    assert "and then" in row["evidence"]


def test_dropout_left_in_the_file_is_named(tmp_path):
    live = byte_level(dropout=0.1)
    live.enable_truncation(max_length=4)
    path = tmp_path / "left-on.json"
    live.save(str(path))
    row = row_of(check_tokenizer(path), "padding and truncation")
    assert "truncation" in row["evidence"]
    assert "dropout" in row["evidence"]
    assert row_of(check_tokenizer(load_tokenizer(path)), "padding and truncation")["passed"] is None


GOOD_TEMPLATE = (
    "{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (GOOD_TEMPLATE, None),
        ("{% for m in messages %}", "broken at line 1"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "rendered 2 times"),
        (GOOD_TEMPLATE.replace("<|turn|>", "<|other|>"), "'<|other|>', which is no entry"),
        (
            "{{ add_generation_prompt }}{% for m in messages %}{{ m.content }}|{% endfor %}",
            "another one",
        ),
    ],
)
def test_a_chat_template_is_rendered_and_read(tmp_path, template, said):
    live = byte_level()
    live.add_special_tokens(["<|turn|>"])
    live.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "chat_template.jinja").write_text(template, encoding="utf-8")
    row = row_of(check_tokenizer(tmp_path), "chat template")
    assert row["passed"] is (said is None), row["evidence"]
    assert said is None or said in row["evidence"]


def test_the_evidence_of_a_fault_can_be_pasted():
    tok = load_tokenizer(drops_characters(), name="x")
    row = row_of(check_tokenizer(tok), "round trip")
    statement = row["evidence"].split(": ", 1)[1]
    expression, _, shown = statement.partition(" is ")
    assert eval(expression, {"tok": tok}) == eval(shown.replace(" + …", ""))


def test_an_open_vocabulary_is_refused():
    with pytest.raises(TokenizerError, match="open vocabulary"):
        check_tokenizer("words")

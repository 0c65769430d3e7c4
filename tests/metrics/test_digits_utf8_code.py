"""Numbers, characters and code: worked examples first."""

import numpy as np
import pytest

from workbench import load_tokenizer
from workbench.metrics import DocumentView, get_metric
from workbench.metrics._syntax import CLASSES, language_of, leaves
from workbench.metrics.code import count_aligned_leaves, joints
from workbench.metrics.digits import count_number_cuts
from workbench.metrics.utf8 import count_whole_characters, wholeness


class Cut:
    """A tokenizer of one text, cut by hand at bars; what a metric asks of a tokenizer, no more."""

    def __init__(self, text):
        self.pieces = [piece.encode("utf-8", "surrogateescape") for piece in text.split("|")]
        self.vocab_size, self.unk_id, self.special_ids = len(self.pieces), None, frozenset()

    def encode(self, _text):
        return list(range(len(self.pieces)))

    def token_bytes(self, token_id):
        return self.pieces[token_id]


def cut(text, **about):
    return DocumentView(text.replace("|", ""), Cut(text), **about)


def value(name, variant, found):
    sums = {f"{name}.{key}": np.array(float(number)) for key, number in found.items()}
    out = float(get_metric(name)[variant].value(sums))
    return None if np.isnan(out) else out


@pytest.mark.parametrize(
    ("text", "f1", "exact"),
    [
        ("1|234|567", 1, 1),
        ("123|456|7", 0, 0),
        ("1|234567", 2 / 3, 0),
        ("12|345|67", 0, 0),  # TokEval's own example
        ("42", 1, 1),
        ("4|2", 0, 0),
        ("1234", 0, 0),
        ("a |1|234| b", 1, 1),
        ("١|٢٣٤", 1, 1),  # any script's digits
    ],
)
def test_digits_of_one_number(text, f1, exact):
    found = count_number_cuts(cut(text))
    assert found["numbers"] == 1
    assert value("digits", "f1", found) == pytest.approx(f1)
    assert value("digits", "exact", found) == exact


def test_digits_count_short_and_long_numbers_apart():
    found = count_number_cuts(cut("In |2|024|, |4|2| men"))
    assert (found["numbers"], found["long"]) == (2, 1)
    assert value("digits", "f1", found) == 0.5
    assert value("digits", "long_f1", found) == 1
    assert value("digits", "long_precision", found) == value("digits", "long_recall", found) == 1
    assert value("digits", "digits_per_piece", found) == 6 / 4


def test_digits_without_numbers_are_null():
    found = count_number_cuts(cut("no |numbers"))
    assert all(value("digits", v.name, found) is None for v in get_metric("digits").variants)
    assert list(found) == list(count_number_cuts(cut("1|2")))


def test_digits_by_single_digit_and_by_thousands():
    text = "1234567 and 89012 and 345"
    single = count_number_cuts(DocumentView(text, load_tokenizer("tekken")))
    assert value("digits", "digits_per_piece", single) == 1
    assert value("digits", "long_recall", single) == 1


def test_utf8_of_the_worked_example():
    tokenizer, raw = Cut(""), "é你".encode()
    tokenizer.pieces = [raw[:1], raw[1:3], raw[3:]]
    found = count_whole_characters(DocumentView("é你", tokenizer))
    assert found == {"tokens": 3, "whole": 0, "crossing": 1, "characters": 2, "split": 2}


def test_utf8_tells_whole_fallback_and_crossing():
    assert [wholeness(data) for data in (b"", b"abc", "né".encode(), b"\xc3", b"\x80\x80")] == [
        *(0, 0, 0),
        *(1, 1),
    ]
    assert [wholeness(data) for data in (b"a\xc3", b"\xa9b", b"\xa9\xe4", b"\xe4\xbd\xe5")] == [
        2
    ] * 4


def test_utf8_of_real_tokenizers():
    rows = {
        name: count_whole_characters(DocumentView("naïve 日本", load_tokenizer(name)))
        for name in ("bytes", "characters", "words")
    }
    assert rows["bytes"] == {"tokens": 13, "whole": 5, "crossing": 0, "characters": 3, "split": 3}
    assert rows["characters"]["whole"] == rows["characters"]["tokens"] == 8
    assert rows["words"]["split"] == 0
    plain = count_whole_characters(DocumentView("plain", load_tokenizer("bytes")))
    assert value("utf8", "split_characters", plain) is None
    assert value("utf8", "whole_characters", plain) == 1


def test_code_of_the_worked_example():
    found = count_aligned_leaves(cut("return| total", language="Python"))
    assert (found["leaves"], found["aligned"], found["spaced"]) == (2, 1, 2)
    found = count_aligned_leaves(cut("return| |total", language="python"))
    assert (found["aligned"], found["spaced"]) == (2, 2)
    found = count_aligned_leaves(cut("ret|urn total", doc_id="src/a.py"))
    assert (found["aligned"], found["spaced"]) == (0, 0)


def test_operators_are_isolated_from_operands_not_from_space():
    # TokEval's example: 3+5>=8 as 3|+|5|>=|8, and as 3+|5|>|=|8.
    found = count_aligned_leaves(cut("3|+|5|>=|8", language="Python"))
    assert (found["operators"], found["isolated"]) == (2, 2)
    found = count_aligned_leaves(cut("3+|5|>|=|8", language="Python"))
    assert (found["operators"], found["isolated"]) == (2, 1)
    found = count_aligned_leaves(cut("3| + |5", language="Python"))
    assert value("code", "operators_isolated", found) == 1


def test_names_cut_at_their_joints_or_elsewhere():
    found = count_aligned_leaves(cut("get|User|Na|me = |x", language="Python"))
    assert (found["names"], found["split"], found["name_cuts"], found["joint_cuts"]) == (2, 1, 3, 2)
    assert value("code", "names_split", found) == 0.5
    assert value("code", "pieces_per_name", found) == 2.5
    assert value("code", "name_cuts_at_joints", found) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("x", []),
        ("getUserName", [3, 7]),
        ("MAX_SIZE", [3, 4]),
        ("__init__", [2, 6]),
        ("HTTPServer2", [4, 10]),
    ],
)
def test_joints(name, places):
    assert joints(name) == places


def test_prose_is_no_code():
    found = count_aligned_leaves(cut("return| total", language="eng_Latn"))
    assert set(found.values()) == {0}
    assert value("code", "aligned", found) is None


@pytest.mark.parametrize(
    ("language", "source", "identifiers"),
    [
        ("Python", "def f(a):  # note\n    return a + 'b c'\n", ["f", "a", "a"]),
        ("JavaScript", "const fooBar = obj.prop; // note", ["fooBar", "obj", "prop"]),
        ("Rust", "fn main() { let x_y = 3; } /* note */", ["main", "x_y"]),
        ("Java", "class A { /* note */ int userName = 3; }", ["A", "userName"]),
    ],
)
def test_leaves_of_four_languages(language, source, identifiers):
    found = leaves(source, language)
    data = source.encode()
    pieces = [data[a:b].decode() for a, b in zip(found.start, found.end, strict=True)]
    kinds = [CLASSES[kind] for kind in found.kind]
    named = [p for p, k in zip(pieces, kinds, strict=True) if k == "identifier"]
    assert named == identifiers
    assert not any("note" in piece for piece in pieces)
    assert (found.start[1:] >= found.end[:-1]).all()


def test_the_standard_library_reads_the_same_names_and_operators(root):
    text = (root / "workbench" / "intervals.py").read_text("utf-8")
    ours, theirs = leaves(text, "Python"), leaves(text, "Python", "stdlib")

    def spans(found, kinds):
        keep = np.isin(found.kind, [CLASSES.index(kind) for kind in kinds])
        return set(zip(found.start[keep].tolist(), found.end[keep].tolist(), strict=True))

    solid = ("identifier", "keyword", "operator")
    one, other = spans(ours, solid), spans(theirs, solid)
    assert len(one & other) / len(one | other) > 0.95


def test_broken_code_gives_what_could_be_read():
    assert len(leaves("def f(:\n  x = (1", "Python").start) > 3
    assert len(leaves("x = (1,\n", "Python", "stdlib").start) == 5
    assert len(leaves("", "Python").start) == 0


def test_no_parser_says_what_there_is():
    with pytest.raises(ValueError, match=r"'Perl'.*Python, JavaScript, Rust, Java"):
        leaves("x", "Perl")
    with pytest.raises(ValueError, match="the standard library reads Python"):
        leaves("x", "Rust", "stdlib")
    assert language_of("Perl", "a.pl") is None
    assert language_of(None, "A.JAVA") == "Java"

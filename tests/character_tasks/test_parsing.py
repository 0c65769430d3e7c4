"""Three parsers, each with a table of shapes that models really write."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.character_tasks.parsing import parse_cute, parse_lenient, parse_strict, parse_text

STRICT = [
    ("3", 3),
    (" 3\n", 3),
    ("-1", -1),
    ("+2", 2),
    ("007", 7),
    ("1_0", 10),
    ("٣", 3),
    ("3.", "invalid"),
    ("**3**", "invalid"),
    ("3.0", "invalid"),
    ("three", "invalid"),
    ("The answer is 3", "invalid"),
    ("", "invalid"),
    ("null", "invalid"),
    ("0x3", "invalid"),
    ("3 3", "invalid"),
    ("9" * 5000, "invalid"),
    ("\\boxed{3}", "invalid"),
]

LENIENT = [
    ("3", 3),
    ("3.", 3),
    ("**3**", 3),
    ("__3__", 3),
    ("`3`", 3),
    ("'3'", 3),
    ('"3"', 3),
    ("(3)", 3),
    ("# 3", 3),
    ("> 3", 3),
    ("- 3 -", 3),
    ("three", 3),
    ("Three.", 3),
    ("twice", 2),
    ("3.0", 3),
    ("none", 0),
    ("None", 0),
    ("3 times", 3),
    ("$3$", 3),
    ("\\(3\\)", 3),
    ("\\boxed{3}", 3),
    ("$\\boxed{\\text{3}}$", 3),
    ("The answer is: $$\\boxed{3}$$.", 3),
    ("\\boxed{\\mathbf{3}}", 3),
    ("First 2, then \\boxed{1}, so \\boxed{4}", 4),
    ("<answer>3</answer>", 3),
    ("The answer is 3.", 3),
    ("The final answer is **3**.", 3),
    ("Answer: 3", 3),
    ("ANSWER = 3", 3),
    ("Final Answer: three", 3),
    ("Result: 3", 3),
    ("The index is 0.", 0),
    ("So the total is 12!", 12),
    ("The letter 'r' appears 3 times in the string 'strawberry'.", 3),
    ("The character 'e' appears twice in 'here'.", 2),
    ("The character 'x' appears once.", 1),
    ("There are 5 unique characters.", 5),
    ("There are **five** unique characters in 'aabbcde'.", 5),
    ("'strawberry' contains 3 r's", 3),
    ("The index of the first occurrence of 'a' is 2.", 2),
    ("s-0, t-1, r-2. The answer is 2.", 2),
    ("1. s\n2. t\n3. r\nAnswer: 1", 1),
    ("s (0), t (1), r (2)\n\n**2**", 2),
    ("Positions: 0, 1, 2\n2", 2),
    ("The number of times is 3.", 3),
    ("It occurs 3 times: at 2, 7 and 8.", 3),
    ("<think>maybe 4? or 5</think>\n3", 3),
    ("4? 5? </think> 3", 3),
    ("<think>maybe 4", "invalid"),
    ("I count 1, 2, 3. The answer is 3. Wait, no: the answer is 2.", 2),
    ("The letter 'one' is odd: answer is 4", 4),
    ("−1", -1),
    ("-1", -1),
    ("The index is -1.", -1),
    ("Either 2 or 3.", "invalid"),
    ("", "invalid"),
    ("   ", "invalid"),
    ("I don't know.", "invalid"),
    ("2.5", "invalid"),
    ("v2 of gpt4", "invalid"),
    ("abc123", "invalid"),
    ("null", "invalid"),
    ("I'm sorry, but I can't help with that.", "refused"),
    ("I cannot answer this question.", "refused"),
    ("I'm sorry, the answer is 3.", 3),
    ("As an AI, I am unable to count letters.", "refused"),
    ("3\n\nExplanation: the letter stands at 2, 7 and 8.", 3),
]

CUTE = [
    ('Answer: "t h e"', "t h e"),
    ('Question: x\nAnswer: "no"\n\nQuestion: y\nAnswer: "yes" sure', "yes"),
    ('"the"', "the"),
    ('Answer: "a" or "b"', "a"),
    ('Answer: ""', ""),
    ("Answer: the", "invalid"),
    ('Answer: "the', "invalid"),
    ("", "invalid"),
    ('"early" Answer: none', "invalid"),
]

TEXT = [
    ("the", "the"),
    ('"the"', "the"),
    ("**the**", "the"),
    ("Answer: the.", "the"),
    ("Yes.", "Yes"),
    ("yes, it does", "Yes"),
    ("No", "No"),
    ('The answer is "t h e".', "t h e"),
    ("t-h-e", "t h e"),
    ("t, h, e", "t h e"),
    ("Let me see.\n\nthe", "the"),
    ("\\boxed{the}", "the"),
    ("`the`", "the"),
    ("<think>no</think> the", "the"),
    ("I'm sorry, I can't do that.", "refused"),
    ("", "invalid"),
]


def read(parser, text):
    value, reason = parser(text)
    assert (value is None) == (reason is not None)
    return reason if value is None else value


@pytest.mark.parametrize(("text", "expected"), STRICT)
def test_strict_is_charbenchs_parser(text, expected):
    assert read(parse_strict, text) == expected


@pytest.mark.parametrize(("text", "expected"), LENIENT)
def test_lenient_reads_what_a_reader_would(text, expected):
    assert read(parse_lenient, text) == expected


@pytest.mark.parametrize(("text", "expected"), CUTE)
def test_cute_reads_between_the_first_quotes_after_the_last_answer(text, expected):
    assert read(parse_cute, text) == expected


@pytest.mark.parametrize(("text", "expected"), TEXT)
def test_words_are_read_leniently(text, expected):
    assert read(parse_text, text) == expected


@given(st.integers(-(10**6), 10**6), st.sampled_from(["{}", " {}\n", "\t{}"]))
def test_what_strict_reads_lenient_reads_alike(number, shape):
    text = shape.format(number)
    assert parse_strict(text) == parse_lenient(text) == (number, None)


@given(st.text(max_size=200))
@example("$")  # marks alone: nothing is left when they are taken away
@example("**")
@example("$\\boxed{}$")
@example("\U0001e5f1")  # a digit of Ol Onal, which came with Unicode 16
@example("answer: " + "7" * 5000)  # more digits than Python reads
def test_no_text_breaks_a_parser(text):
    for parser in (parse_strict, parse_lenient, parse_cute, parse_text):
        value, reason = parser(text)
        assert (value is None) == (reason in ("invalid", "refused"))

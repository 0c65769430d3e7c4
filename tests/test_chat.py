"""Chat templates: what the model sees of a conversation, and who wrote it."""

import doctest
import importlib
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.chat import (
    ChatTemplateError,
    chat_tokens,
    render_chat,
    render_with_spans,
    role_costs,
    special_tokens_of,
)
from workbench.tokenizers import load_tokenizer

CHATML = (
    "{%- for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>' + '\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " Hi there\n"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": "Hello!"},
]


@pytest.mark.parametrize("module", ["sandbox", "rendering", "tokens"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"workbench.chat.{module}"))
    assert result.attempted
    assert result.failed == 0


# --- text ------------------------------------------------------------------------------------


def test_a_template_renders_as_the_library_of_the_models_does():
    transformers = pytest.importorskip("transformers")
    reference = transformers.PreTrainedTokenizerFast(
        tokenizer_object=load_tokenizer("deepseek-v4").backend
    )
    template = load_tokenizer("deepseek-v4").chat_template
    for prompt in (False, True):
        assert render_chat(
            TALK, template, special_tokens={"bos_token": "<B>"}, add_generation_prompt=prompt
        ) == reference.apply_chat_template(
            TALK,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=prompt,
            bos_token="<B>",
        )


def test_the_helpers_of_templates_are_there():
    template = (
        "{% for m in messages %}{% if loop.index == 2 %}{% break %}{% endif %}"
        "{% generation %}{{ m | tojson }}{% endgeneration %}{% endfor %}{{ strftime_now('%Y') }}"
        "{{ tools is none }}"
    )
    text = render_chat(TALK, template)
    assert text.startswith('{"role": "system", "content": "Be brief."}20')
    assert text.endswith("True")


def test_spans_say_which_message_wrote_what():
    text, spans = render_with_spans(TALK, CHATML)
    assert [text[s.start : s.end] for s in spans] == [
        "Be brief.", "Hi there", "Hello!", "Hello!",
    ]  # fmt: skip
    assert [(s.message, s.role) for s in spans] == [
        (0, "system"), (1, "user"), (2, "assistant"), (3, "user"),
    ]  # fmt: skip


def test_spans_keep_the_white_space_that_a_message_typed():
    text, spans = render_with_spans(TALK, "{% for m in messages %}[{{ m.content }}]{% endfor %}")
    assert text[spans[1].start : spans[1].end] == " Hi there\n"


def test_spans_survive_templates_that_look_into_the_text():
    cut = "{% for m in messages %}<{{ m.content.split('</think>')[-1] }}>{% endfor %}"
    text, spans = render_with_spans(
        [{"role": "assistant", "content": "<think>hm</think>Hello"}], cut
    )
    assert [text[s.start : s.end] for s in spans] == ["Hello"]
    shy = "{% for m in messages %}<{{ m.content if m.content == 'yes' else 'no' }}>{% endfor %}"
    text, spans = render_with_spans([{"role": "user", "content": "yes"}], shy)
    assert [text[s.start : s.end] for s in spans] == ["yes"]


def test_parts_of_a_message_are_its_text():
    parts = [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]
    template = "{% for p in messages[0].content %}{{ p.text }}|{% endfor %}"
    text, spans = render_with_spans([{"role": "user", "content": parts}], template)
    assert text == "one||two|"
    assert [text[s.start : s.end] for s in spans] == ["one", "two"]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_every_span_lies_in_the_text_and_is_from_its_message(contents):
    messages = [{"role": "user", "content": content} for content in contents]
    text, spans = render_with_spans(messages, CHATML)
    assert [text[s.start : s.end] for s in spans] == [c.strip() for c in contents if c.strip()]


# --- errors and hostile templates --------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% for x in %}", "broken at line 1"),
        ("{{ raise_exception('Roles must alternate') }}", "refuses these messages: Roles must"),
        ("{{ messages[0].content.nothing.more }}", "do not have"),
        ("{{ ''.__class__.__mro__ }}", "sandbox forbids"),
        ("{{ messages.append(1) }}", "sandbox forbids"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for i in range(10**12) %}{% endfor %}", "Range too big"),
        ("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "without end"),
        ("{{ 10 ** 10 ** 10 }}", "computes"),
        ("{{ 'a' * 10**9 }}", "1,000,000,000 characters"),
        ("{{ 'a'.ljust(10**9) }}", "1,000,000,000 characters"),
        ("{{ 'a' | center(10**9) }}", "1,000,000,000 characters"),
        ("{{ '%1000000000d' % 1 }}", "width"),
        ("{{ '{:1000000000}'.format(1) }}", "width"),
    ],
)
def test_template_errors_are_sentences(template, sentence):
    with pytest.raises(ChatTemplateError, match=sentence.replace("*", r"\*")):
        render_chat(TALK, template)


@pytest.mark.parametrize(
    "grow",
    [
        "{% set ns.s = ns.s ~ ns.s %}",
        "{% set ns.s = ns.s + ns.s %}",
        "{% set ns.s = ns.s * 2 %}",
        "{% set ns.s = ns.s | replace('a', 'aaaa') %}",
        "{% set ns.s = ns.s.replace('a', 'aaaa') %}",
        "{% set ns.s = [ns.s, ns.s] | join('') %}",
        "{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}",
    ],
)
def test_a_template_cannot_grow_without_end(grow):
    template = "{% set ns = namespace(s='aa') %}{% for i in range(99) %}" + grow + "{% endfor %}"
    with pytest.raises(ChatTemplateError, match="at most 20,000,000"):
        render_chat(TALK, template)


def test_a_template_cannot_run_without_end(monkeypatch):
    monkeypatch.setattr("workbench.chat.sandbox.MAX_SECONDS", 0.3)
    loops = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    begun = time.monotonic()
    with pytest.raises(ChatTemplateError, match="does not end soon"):
        render_chat(TALK, loops)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ("Hi", "list of dictionaries"),
        ([{"content": "Hi"}], "message 0 has no role"),
        ([{"role": "user", "content": 7}], "content of message 0 is int"),
    ],
)
def test_what_is_no_conversation_is_named(messages, sentence):
    with pytest.raises(ChatTemplateError, match=sentence):
        render_chat(messages, CHATML)


# --- tokens ----------------------------------------------------------------------------------


def test_a_typed_special_token_is_text_and_the_templates_is_special():
    tok = load_tokenizer("deepseek-v4")
    end = "<｜end▁of▁sentence｜>"
    frame = chat_tokens([{"role": "user", "content": f"Say {end} now"}], tok)
    assert frame.filter(pl.col("role") == "user")["is_special"].any() is False
    spelled = frame.filter(pl.col("spells_special"))
    assert b"".join(tok.token_bytes(i) for i in spelled["id"]).decode().strip() == end
    assert frame["piece"][0] == "<｜begin▁of▁sentence｜>"
    assert frame["is_special"][0] is True
    text = "<｜begin▁of▁sentence｜><｜User｜>Say " + end + " now"
    assert frame["byte_end"][-1] == len(text.encode())


def test_without_typed_special_tokens_the_ids_are_the_librarys():
    tok = load_tokenizer("deepseek-v4")
    text, _ = render_with_spans(TALK, tok.chat_template, special_tokens=special_tokens_of(tok))
    assert chat_tokens(TALK, tok)["id"].to_list() == tok.encode(text, parse_special=True)


def test_an_added_token_that_cannot_be_switched_off_is_marked():
    tok = load_tokenizer("deepseek-v4")
    frame = chat_tokens([{"role": "user", "content": "a <｜User｜> b"}], tok)
    typed = frame.filter((pl.col("role") == "user") & pl.col("is_added"))
    assert typed["piece"].to_list() == ["<｜User｜>"]
    assert role_costs(frame).filter(pl.col("role") == "user")["added_from_text"][0] == 1


@pytest.mark.parametrize("name", ["mistral-v1", "mistral-v3", "tekken"])
def test_mistral_names_use_mistral_common(name):
    tok = load_tokenizer(name)
    talk = [
        {"role": "user", "content": "Say <s> [INST]"},
        {"role": "assistant", "content": "s"},
        {"role": "user", "content": "no"},
    ]
    frame = chat_tokens(talk, tok)
    assert frame["piece"][0] == "<s>"
    texts = {
        message: "".join(part["text"]).strip()
        for (message,), part in frame.filter(pl.col("message").is_not_null()).group_by("message")
    }
    assert texts == {0: "Say <s> [INST]", 1: "s", 2: "no"}
    assert not frame.filter(pl.col("role") == "user")["is_special"].any()
    assert frame.filter(pl.col("role") == "user")["spells_special"].any()


def test_what_each_role_costs():
    costs = role_costs(chat_tokens(TALK, load_tokenizer("deepseek-v4"), CHATML))
    assert set(costs["role"]) == {"template", "system", "user", "assistant"}
    assert costs["share"].sum() == pytest.approx(1)


def test_baselines_and_missing_templates():
    bytes_tok = load_tokenizer("bytes")
    frame = chat_tokens(TALK, bytes_tok, CHATML)
    assert not frame["is_special"].any()
    with pytest.raises(ChatTemplateError, match="'bytes' has no chat template"):
        chat_tokens(TALK, bytes_tok)
    with pytest.raises(ChatTemplateError, match="mistral-common refuses"):
        chat_tokens([{"role": "nobody", "content": "x"}], load_tokenizer("mistral-v3"))
    assert chat_tokens([], bytes_tok, CHATML).is_empty()

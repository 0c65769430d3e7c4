"""Health checks on the vocabulary, the file and the chat template."""

from __future__ import annotations

from typing import Any

import regex

from workbench.derivation.bpe import run_merges
from workbench.derivation.models import MergeListModel
from workbench.vocabulary.classes import is_byte_level
from workbench.vocabulary.findings import Finding, Subject, shown

# Bytes that occur in UTF-8: C0, C1 and F5 to FF never do.
_UTF8_BYTES = [*range(0xC0), *range(0xC2, 0xF5)]
_CONTROL = regex.compile(r"<[|｜][^<>\s]{1,60}[|｜]>")
_TALK = [
    {"role": "user", "content": "One plus one?"},
    {"role": "assistant", "content": "Two."},
    {"role": "user", "content": "And one?"},
]


def unreachable_entries(subject: Subject) -> Finding:
    """Every entry can be produced by some text (a byte whose character has an entry aside)."""
    tok = subject.tokenizer
    dead = [
        (number, why)
        for number, (kind, why) in zip(subject.entries.ids, subject.status, strict=True)
        if kind == "unreachable" and not why.startswith("the same bytes")
    ]
    if dead:
        number, why = dead[0]
        text = tok.token_bytes(number).decode("utf-8", "backslashreplace")
        return Finding.failed(
            f"{len(dead):,} entries are never produced: {number} ({tok.piece(number)!r}) not in "
            f"tok.encode({shown(text)}): {why}",
            "Remove them (workbench.vocabulary.prune), or train with the pre-tokenizer and the "
            "normalizer that will be used: their embeddings are never trained.",
            severity="warning",
        )
    return Finding.ok(f"{len(subject.entries):,} entries: none is unreachable")


def dead_merges(subject: Subject) -> Finding:
    """Every merge fires on some text."""
    tok = subject.tokenizer
    if tok.library != "tokenizers" or tok.algorithm != "BPE":
        return Finding.not_applicable("there is no list of merges")
    model = tok.definition["model"]
    suspects = [
        number
        for number, (kind, _) in zip(subject.entries.ids, subject.status, strict=True)
        if kind in {"unreachable", "undecodable"} and number in subject.parents
    ]
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        suspects = []
    replay = MergeListModel(model) if suspects else None
    dead: list[int] = []
    for number in suspects:
        assert replay is not None
        starting = [model["vocab"].get(character) for character in tok.piece(number)]
        symbols = [start for start in starting if start is not None]
        if len(symbols) < len(starting) or run_merges(
            symbols, replay.pair, record=False
        ).symbols != [number]:
            dead.append(number)
    if dead:
        parents = subject.parents[dead[0]]
        return Finding.failed(
            f"{len(dead):,} merges never fire, because earlier ones take their parts: merge "
            f"{parents.rank}, {tok.piece(parents.left)!r} + {tok.piece(parents.right)!r}",
            "Keep the merges in the order in which they were learned.",
            severity="warning",
        )
    return Finding.ok(f"{len(model['merges']):,} merges: none is cut off by earlier ones")


def missing_bytes(subject: Subject) -> Finding:
    """Every byte of UTF-8 has an entry, so that every text can be written."""
    tok = subject.tokenizer
    model = tok.definition["model"]
    by_bytes = {bytes([byte]) for byte in _UTF8_BYTES} - {
        data
        for number, data in zip(subject.entries.ids, subject.entries.data, strict=True)
        if len(data) == 1 and not tok.is_special(number)
    }
    byte_level = is_byte_level(tok)
    if tok.unk_id is not None and not byte_level and not model.get("byte_fallback"):
        return Finding.not_applicable("what has no entry becomes the unknown token")
    if model.get("byte_fallback"):
        missing = [b for b in _UTF8_BYTES if tok.id_of(f"<0x{b:02X}>") is None]
    else:
        missing = sorted(data[0] for data in by_bytes)
    if missing:
        first = missing[0]
        text = chr(first) if first < 0x80 else ""
        paste = f": tok.encode({text!r})" if text else ""
        return Finding.failed(
            f"{len(missing)} bytes of UTF-8 have no entry, the first 0x{first:02X}{paste}",
            "Train with the whole byte alphabet (initial_alphabet=ByteLevel.alphabet()) or with "
            "byte fallback.",
        )
    return Finding.ok("all 243 bytes that occur in UTF-8 have an entry")


def vocabulary_holes(subject: Subject) -> Finding:
    """Ids run from 0 without gaps."""
    ids = subject.entries.ids
    if not ids:
        return Finding.failed("the vocabulary is empty", "Load another file.")
    known = set(ids)
    holes = [number for number in range(ids[-1]) if number not in known]
    if holes:
        return Finding.failed(
            f"{len(holes):,} ids up to {ids[-1]:,} have no entry, the first {holes[0]:,}: "
            f"tok.decode([{holes[0]}])",
            "A model's output layer has rows for them: mask those ids when sampling.",
            severity="note",
        )
    return Finding.ok(f"ids run from 0 to {ids[-1]:,}")


def duplicate_entries(subject: Subject) -> Finding:
    """No two entries stand for the same bytes (a byte whose character has an entry aside)."""
    tok = subject.tokenizer
    twins = [
        numbers
        for data, numbers in subject.entries.by_bytes.items()
        if len(numbers) > 1
        and data
        and not any(tok.piece(number) == f"<0x{data[0]:02X}>" for number in numbers)
        # WordPiece's `##a` and `a` are one text at two places.
        and tok.algorithm != "WordPiece"
    ]
    if twins:
        one, other = twins[0][:2]
        return Finding.failed(
            f"{len(twins):,} pairs stand for the same bytes: tok.token_bytes({one}) == "
            f"tok.token_bytes({other}), {tok.piece(one)!r} and {tok.piece(other)!r}",
            "Keep one of each: the other's embedding is never trained.",
            severity="warning",
        )
    return Finding.ok("no two entries stand for the same bytes")


def stored_settings(subject: Subject) -> Finding:
    """No padding, truncation or dropout is left on in the file."""
    if subject.tokenizer.library != "tokenizers":
        return Finding.not_applicable("only a tokenizer.json stores padding and truncation")
    if subject.stored is None:
        return Finding.not_applicable(
            "the workbench switches padding, truncation and dropout off when it loads; give the "
            "path or the live object to have the file examined"
        )
    left_on = {name: value for name, value in subject.stored.items() if value}
    if left_on:
        said = ", ".join(f"{name}: {str(value)[:80]}" for name, value in left_on.items())
        return Finding.failed(
            f"left on in the file: {said}",
            "Call no_padding() and no_truncation() and set dropout to None before saving: they "
            "change counts by up to three times.",
        )
    return Finding.ok("padding, truncation and dropout are off in the file")


def chat_template(subject: Subject) -> Finding:
    """The chat template renders, ends, uses tokens that exist, and adds no second BOS."""
    from workbench.chat import ChatTemplateError, render_chat, special_tokens_of

    tok = subject.tokenizer
    if tok.chat_template is None:
        return Finding.not_applicable("there is no chat template")
    named = special_tokens_of(tok)

    def render(talk: list[dict[str, str]], **options: Any) -> str:
        return render_chat(talk, tok.chat_template or "", special_tokens=named, **options)

    try:
        plain = render(_TALK)
        prompted = render(_TALK, add_generation_prompt=True)
    except ChatTemplateError as error:
        return Finding.failed(
            f"render_chat([{{'role': 'user', …}}], tok.chat_template): {error}",
            "Mend the template, or ship none.",
        )
    for message in _TALK:
        times = plain.count(message["content"])
        if times != 1:
            return Finding.failed(
                f"the message {message['content']!r} is rendered {times} times",
                "Print each message once.",
            )
    if not prompted.startswith(plain.rstrip()) and plain not in prompted:
        return Finding.failed(
            "with add_generation_prompt the text is another one, not the same and a beginning of "
            f"an answer: {shown(prompted[-40:])}",
            "Use add_generation_prompt only to add the beginning of the assistant's turn.",
            severity="warning",
        )
    for spelled in dict.fromkeys(_CONTROL.findall(prompted)):
        if len(tok.encode(spelled, parse_special=True)) != 1:
            return Finding.failed(
                f"the template writes {spelled!r}, which is no entry: "
                f"tok.encode({spelled!r}, parse_special=True) has more than one id",
                "Add it to the vocabulary as a special token, or take another template.",
            )
    bos = named["bos_token"]
    added = tok.encode("", add_special_tokens=True)
    if bos and plain.startswith(bos) and added[:1] == [tok.id_of(bos)]:
        return Finding.failed(
            f"BOS would stand twice: the template begins with {bos!r}, and encode with "
            "add_special_tokens=True adds it again",
            "Encode the rendered text with add_special_tokens=False.",
            severity="note",
        )
    return Finding.ok("it renders, and all the control tokens it writes are entries")

"""Messages in, the template's text out, and which stretch of it each message wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.chat.sandbox import ChatTemplateError, run_template

#: Message: a mapping with at least ``role`` and, for most templates, ``content``.
Message = Mapping[str, Any]

# Private-use characters in pairs mark where a message's text begins and ends in a second rendering.
_FIRST_MARK = 0xF0000
_MOST_TEXTS = 0x7FFF


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of a rendering was written by a message."""

    start: int
    end: int
    message: int
    role: str


def check_messages(messages: Sequence[Message]) -> None:
    """Refuse what no template can render.

    Raises:
        ChatTemplateError: naming the message and what is wrong with it.
    """
    if isinstance(messages, str | Mapping) or not isinstance(messages, Sequence):
        raise ChatTemplateError(
            "messages are a list of dictionaries such as {'role': 'user', 'content': 'Hello'}, "
            f"not {type(messages).__name__}"
        )
    for place, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise ChatTemplateError(
                f"message {place} has no role: expected something like "
                f"{{'role': 'user', 'content': 'Hello'}}, not {message!r:.80}"
            )
        content = message.get("content")
        if content is not None and not isinstance(content, str | list | tuple):
            raise ChatTemplateError(
                f"the content of message {place} is {type(content).__name__}: expected text, or "
                "a list of parts such as {'type': 'text', 'text': 'Hello'}"
            )


def render_chat(
    messages: Sequence[Message],
    template: str,
    *,
    special_tokens: Mapping[str, str] | None = None,
    add_generation_prompt: bool = False,
    **variables: Any,
) -> str:
    """Render messages with a chat template, in a sandbox that always comes to an end.

    Args:
        messages: dictionaries with ``role`` and ``content``.
        template: Jinja, as in ``tokenizer_config.json``. Available are ``raise_exception``,
            ``strftime_now``, ``tojson``, ``break`` and ``continue``, and ``generation`` blocks.
        special_tokens: ``bos_token``, ``eos_token`` and so on, as text.
        add_generation_prompt: end with the beginning of the assistant's answer.
        variables: whatever else the template reads (``tools``, ``documents``, …).

    Returns:
        The text.

    Raises:
        ChatTemplateError: the template is broken, refuses the messages, does what the sandbox
            forbids, or does not end.

    Example:
        >>> render_chat(
        ...     [{"role": "user", "content": "Hi"}],
        ...     "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}",
        ...     special_tokens={"bos_token": "<s>"},
        ... )
        '<s>[user] Hi'

    Source: the conventions of ``transformers``' ``apply_chat_template``.
    """
    check_messages(messages)
    if not isinstance(template, str):
        raise ChatTemplateError(f"a chat template is text (Jinja), not {type(template).__name__}")
    return run_template(
        template,
        {
            "tools": None,
            "documents": None,
            **(special_tokens or {}),
            **variables,
            "messages": list(messages),
            "add_generation_prompt": add_generation_prompt,
        },
    )


def render_with_spans(
    messages: Sequence[Message],
    template: str,
    *,
    special_tokens: Mapping[str, str] | None = None,
    add_generation_prompt: bool = False,
    **variables: Any,
) -> tuple[str, list[Span]]:
    """Render, and say which stretches of the text the messages wrote.

    The template is run again with invisible marks in the messages' texts; where the marks change
    what it does, the texts are searched for in the plain rendering instead.

    Returns:
        The text, and its spans in order, without overlaps.
    """
    options: dict[str, Any] = {
        "special_tokens": special_tokens,
        "add_generation_prompt": add_generation_prompt,
        **variables,
    }
    plain = render_chat(messages, template, **options)

    def render(marked: Sequence[Message]) -> str:
        return render_chat(marked, template, **options)

    return plain, spans_by_marks(messages, plain, render)


def spans_by_marks(
    messages: Sequence[Message], plain: str, render: Callable[[Sequence[Message]], str]
) -> list[Span]:
    """The stretches of ``plain`` that the messages wrote, by rendering them with marks.

    First the marks stand around the whole texts; where that changes the rendering, most often
    because a template trims, they stand inside the white space; where that does too, the texts
    are searched for.
    """
    for trimmed in (False, True):
        marked, texts = mark_texts(messages, trimmed=trimmed)
        if not texts:
            return []
        try:
            spans = read_marks(render(marked), plain, texts)
        except ChatTemplateError:
            spans = None
        if spans is not None:
            return spans
    return find_texts(messages, plain)


def find_texts(messages: Sequence[Message], rendered: str) -> list[Span]:
    """Search the messages' texts in a rendering, in order, trimmed of white space."""
    _, texts = mark_texts(messages, trimmed=True)
    found: list[tuple[int, int, int]] = []
    for which, (_, _, text) in enumerate(texts):
        bare = text.strip()
        start = rendered.find(bare)
        while start >= 0 and any(a < start + len(bare) and start < b for a, b, _ in found):
            start = rendered.find(bare, start + 1)
        if start >= 0:
            found.append((start, start + len(bare), which))
    return _in_order(found, texts)


def mark_texts(
    messages: Sequence[Message], *, trimmed: bool
) -> tuple[list[dict[str, Any]], list[tuple[int, str, str]]]:
    """Put invisible marks around the messages' texts, or inside the white space around them.

    Returns:
        The marked messages, and the texts as (message, role, text), for :func:`read_marks`.
    """
    texts: list[tuple[int, str, str]] = []

    def mark(text: str, message: int, role: str) -> str:
        if not text.strip() or len(texts) >= _MOST_TEXTS:
            return text
        first = chr(_FIRST_MARK + 2 * len(texts))
        last = chr(_FIRST_MARK + 2 * len(texts) + 1)
        texts.append((message, role, text))
        bare = text.strip() if trimmed else text
        start = text.index(bare)
        return text[:start] + first + bare + last + text[start + len(bare) :]

    marked: list[dict[str, Any]] = []
    for place, message in enumerate(messages):
        copy = dict(message)
        content = copy.get("content")
        if isinstance(content, str):
            copy["content"] = mark(content, place, message["role"])
        elif isinstance(content, list | tuple):
            parts: list[Any] = []
            for part in content:
                if isinstance(part, Mapping) and isinstance(part.get("text"), str):
                    parts.append({**part, "text": mark(part["text"], place, message["role"])})
                elif isinstance(part, str):
                    parts.append(mark(part, place, message["role"]))
                else:
                    parts.append(part)
            copy["content"] = parts
        marked.append(copy)
    return marked, texts


def read_marks(marked: str, plain: str, texts: list[tuple[int, str, str]]) -> list[Span] | None:
    """The stretches of ``plain`` that the marks of a second rendering surround.

    Returns:
        Spans in order, without overlaps; None where the marks changed the rendering.
    """
    last_mark = _FIRST_MARK + 2 * len(texts) - 1
    if any(_FIRST_MARK <= ord(character) <= last_mark for character in plain):
        return None
    bare: list[str] = []
    found: list[tuple[int, int, int]] = []
    opened: dict[int, int] = {}
    for character in marked:
        point = ord(character) - _FIRST_MARK
        if not 0 <= point < 2 * len(texts):
            bare.append(character)
            continue
        which, closes = divmod(point, 2)
        if not closes:
            opened[which] = len(bare)
        elif which in opened:
            found.append((opened.pop(which), len(bare), which))
        else:  # the template kept only the end of the text
            size = _shared_end(texts[which][2], "".join(bare))
            found.append((len(bare) - size, len(bare), which))
    if "".join(bare) != plain:
        return None
    for which, start in opened.items():  # … or only its beginning
        size = _shared_start(texts[which][2], plain[start:])
        found.append((start, start + size, which))
    return _in_order(found, texts)


def _in_order(found: list[tuple[int, int, int]], texts: list[tuple[int, str, str]]) -> list[Span]:
    """Places as spans, in order, empty and overlapping ones left out."""
    spans: list[Span] = []
    for start, end, which in sorted(found):
        if start < end and start >= (spans[-1].end if spans else 0):
            spans.append(Span(start, end, *texts[which][:2]))
    return spans


def _shared_end(text: str, rendered: str) -> int:
    size = 0
    while size < min(len(text), len(rendered)) and text[-1 - size] == rendered[-1 - size]:
        size += 1
    return size


def _shared_start(text: str, rendered: str) -> int:
    size = 0
    while size < min(len(text), len(rendered)) and text[size] == rendered[size]:
        size += 1
    return size

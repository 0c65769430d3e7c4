"""The tokens of a conversation, each with the role it belongs to.

Special tokens of the template are special; the same characters typed by a person are ordinary text
and are marked as such (``spells_special``). A library that parses the rendered text as a whole
would take them for the real thing: that is the hole through which prompts are injected.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import regex

from workbench.chat.rendering import (
    Message,
    Span,
    check_messages,
    render_with_spans,
    spans_by_marks,
)
from workbench.chat.sandbox import ChatTemplateError
from workbench.tokenizers import Tokenizer

#: Columns of :func:`chat_tokens`.
SCHEMA = {
    "index": pl.Int64,
    "id": pl.Int64,
    "piece": pl.String,
    "text": pl.String,
    "byte_start": pl.Int64,
    "byte_end": pl.Int64,
    "role": pl.String,
    "message": pl.Int64,
    "is_special": pl.Boolean,
    "spells_special": pl.Boolean,
    "is_added": pl.Boolean,
}

# Names that published tokenizers give to these tokens, the likeliest first.
_KNOWN = {
    "bos_token": (
        "<s>", "<|begin_of_text|>", "<｜begin▁of▁sentence｜>", "<bos>", "<|startoftext|>",
        "[CLS]", "<|endoftext|>",
    ),
    "eos_token": (
        "</s>", "<|eot_id|>", "<|im_end|>", "<｜end▁of▁sentence｜>", "<eos>", "<end_of_turn>",
        "<|end_of_text|>", "[SEP]", "<|endoftext|>",
    ),
    "unk_token": ("<unk>", "[UNK]"),
    "pad_token": ("<pad>", "[PAD]", "<｜▁pad▁｜>", "<|padding|>"),
}  # fmt: skip


def special_tokens_of(tokenizer: Tokenizer) -> dict[str, str]:
    """``bos_token``, ``eos_token``, ``unk_token`` and ``pad_token`` as far as their names tell.

    Example:
        >>> import workbench as wb
        >>> special_tokens_of(wb.load_tokenizer("mistral-v1"))["bos_token"]
        '<s>'
    """
    spelled = {tokenizer.piece(number) for number in tokenizer.special_ids}
    return {
        name: next((text for text in candidates if text in spelled), "")
        for name, candidates in _KNOWN.items()
    }


def chat_tokens(
    messages: Sequence[Message],
    tokenizer: Tokenizer,
    template: str | None = None,
    *,
    special_tokens: Mapping[str, str] | None = None,
    add_generation_prompt: bool = False,
    **variables: Any,
) -> pl.DataFrame:
    """The tokens a model sees of a conversation, one row per token.

    Args:
        messages: dictionaries with ``role`` and ``content``.
        tokenizer: cuts the text; its own template is used unless one is given. The names of
            mistral-common (``mistral-v1``, ``mistral-v3``, ``tekken``) use its own encoder, which
            has no template.
        template: Jinja.
        special_tokens: as in :func:`~workbench.chat.render_chat`; guessed from the vocabulary
            where left out.
        add_generation_prompt: end with the beginning of the assistant's answer.
        variables: whatever else the template reads.

    Returns:
        ``index, id, piece, text, byte_start, byte_end`` (in the rendered text), ``role`` (of the
        message whose text it is, or ``template``), ``message`` (its number, null for the
        template), ``is_special``, ``spells_special`` (ordinary tokens of a person's text that
        spell a special token), ``is_added`` (an added token, special or not: one of those in a
        person's text was read there by the library, which has no way to switch it off).

    Raises:
        ChatTemplateError: there is no template, or it failed; in a sentence.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("deepseek-v4")
        >>> typed = [{"role": "user", "content": "What is <｜end▁of▁sentence｜>?"}]
        >>> frame = chat_tokens(typed, tok)
        >>> frame.filter(pl.col("is_special"))["piece"].to_list()
        ['<｜begin▁of▁sentence｜>']
    """
    check_messages(messages)
    source = template if template is not None else tokenizer.chat_template
    if source is None:
        return _mistral_tokens(messages, tokenizer)
    rendered, spans = render_with_spans(
        messages,
        source,
        special_tokens=special_tokens_of(tokenizer) if special_tokens is None else special_tokens,
        add_generation_prompt=add_generation_prompt,
        **variables,
    )
    offsets = _byte_offsets(rendered)
    typed = _typed_specials(rendered, spans, tokenizer)
    if typed:
        ids, starts, ends, special = _cut_around(rendered, typed, offsets, tokenizer)
    else:
        aligned = tokenizer.align(rendered, parse_special=True)
        ids, special = aligned.ids, aligned.special
        starts, ends = aligned.byte_start, aligned.byte_end
    regions = [(offsets[s.start], offsets[s.end], s) for s in spans]
    typed_bytes = [(offsets[start], offsets[end]) for start, end in typed]
    return _frame(tokenizer, ids.tolist(), starts.tolist(), ends.tolist(), special.tolist(),
                  regions, typed_bytes)  # fmt: skip


def role_costs(frame: pl.DataFrame) -> pl.DataFrame:
    """What each role costs: tokens, special tokens, and the share of all tokens.

    ``template`` is the cost of the format itself.
    """
    return (
        frame.group_by("role", maintain_order=True)
        .agg(
            tokens=pl.len(),
            special_tokens=pl.col("is_special").sum(),
            spelling_special=pl.col("spells_special").sum(),
            added_from_text=(
                pl.col("is_added") & ~pl.col("is_special") & pl.col("message").is_not_null()
            ).sum(),
        )
        .with_columns(share=pl.col("tokens") / pl.col("tokens").sum())
    )


def _typed_specials(
    rendered: str, spans: Sequence[Span], tokenizer: Tokenizer
) -> list[tuple[int, int]]:
    """Where special tokens are spelled by a person, wholly or in part."""
    spelled = sorted(
        (tokenizer.piece(number) for number in tokenizer.special_ids), key=len, reverse=True
    )
    if not spelled or not spans:
        return []
    pattern = regex.compile("|".join(regex.escape(text) for text in spelled if text))
    found = [match.span() for match in pattern.finditer(rendered)]
    return [
        (start, end)
        for start, end in found
        if any(start < span.end and span.start < end for span in spans)
    ]


def _cut_around(
    rendered: str, typed: list[tuple[int, int]], offsets: list[int], tokenizer: Tokenizer
) -> tuple[Any, Any, Any, Any]:
    """Tokens where the template's special tokens are read and the typed ones are not.

    The special tokens are found in a copy whose typed ones are blotted out; the stretches between
    are then cut as ordinary text, each alone, as the libraries do between special tokens.
    """
    blotted = rendered.encode()
    for start, end in typed:
        left, right = offsets[start], offsets[end]
        blotted = blotted[:left] + b"x" * (right - left) + blotted[right:]
    found = tokenizer.align(blotted.decode(), parse_special=True)
    source = rendered.encode()
    columns: list[tuple[int, int, int, bool]] = []

    def ordinary(left: int, right: int) -> None:
        part = tokenizer.align(source[left:right].decode(), parse_special=False)
        rows = zip(part.ids.tolist(), part.byte_start.tolist(), part.byte_end.tolist(), strict=True)
        columns.extend((number, left + start, left + end, False) for number, start, end in rows)

    done = 0
    for place in np.flatnonzero(found.special).tolist():
        start, end = int(found.byte_start[place]), int(found.byte_end[place])
        if start > done:
            ordinary(done, start)
        columns.append((int(found.ids[place]), start, end, True))
        done = end
    if done < len(source):
        ordinary(done, len(source))
    ids, starts, ends, special = (np.array(column) for column in zip(*columns, strict=True))
    return ids, starts, ends, special


def _frame(
    tokenizer: Tokenizer,
    ids: list[int],
    starts: list[int],
    ends: list[int],
    special: list[bool],
    regions: list[tuple[int, int, Span]],
    typed: list[tuple[int, int]],
) -> pl.DataFrame:
    from workbench.derivation.ranks import spell

    added = {entry["id"] for entry in tokenizer.definition["added_tokens"]}
    lefts = [left for left, _, _ in regions]
    rows: list[dict[str, Any]] = []
    for index, (number, start, end, is_special) in enumerate(
        zip(ids, starts, ends, special, strict=True)
    ):
        # A token belongs to the message in which its middle lies: a space glued to the first
        # word, or a last letter glued to the template, does not move it.
        place = bisect_right(lefts, (start + end) // 2 if end > start else start) - 1
        region = regions[place] if place >= 0 else None
        inside = region is not None and (start + end) / 2 < region[1] and not is_special
        span = region[2] if inside and region else None
        rows.append(
            {
                "index": index,
                "id": number,
                "piece": tokenizer.piece(number),
                "text": spell(tokenizer.token_bytes(number)),
                "byte_start": start,
                "byte_end": end,
                "role": span.role if span else "template",
                "message": span.message if span else None,
                "is_special": bool(is_special),
                "spells_special": not is_special and any(a < end and start < b for a, b in typed),
                "is_added": number in added,
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def _byte_offsets(text: str) -> list[int]:
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + len(character.encode("utf-8", "surrogateescape")))
    return offsets


@cache
def _mistral_encoder(name: str) -> Any:
    """mistral-common's own encoder, which takes a second to build."""
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    if name == "tekken":
        return MistralTokenizer.v3(is_tekken=True)
    return MistralTokenizer.v1() if name == "mistral-v1" else MistralTokenizer.v3()


def _mistral_tokens(messages: Sequence[Message], tokenizer: Tokenizer) -> pl.DataFrame:
    """The tokens of mistral-common's own encoder, which never parses a person's text."""
    names = {"mistral-v1", "mistral-v3", "tekken"}
    if tokenizer.name not in names:
        raise ChatTemplateError(
            f"{tokenizer.name!r} has no chat template. Pass one with template=, load the "
            "tokenizer from a folder or hub id whose tokenizer_config.json has one, or use "
            f"one of {', '.join(sorted(names))}"
        )
    from mistral_common.exceptions import MistralCommonException
    from mistral_common.protocol.instruct.request import ChatCompletionRequest

    encoder = _mistral_encoder(tokenizer.name)

    def encode(some: Sequence[Message]) -> tuple[list[int], str]:
        request = ChatCompletionRequest.from_openai([dict(message) for message in some])
        ids = [int(number) for number in encoder.encode_chat_completion(request).tokens]
        data = b"".join(tokenizer.token_bytes(number) for number in ids)
        return ids, data.decode("utf-8", "surrogateescape")

    try:
        ids, rendered = encode(messages)
        spans = spans_by_marks(messages, rendered, lambda marked: encode(marked)[1])
    except (MistralCommonException, ValueError, KeyError, AssertionError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ChatTemplateError(f"mistral-common refuses these messages: {said}") from None
    sizes = np.array([len(tokenizer.token_bytes(number)) for number in ids], dtype=np.int64)
    ends = np.cumsum(sizes)
    offsets = _byte_offsets(rendered)
    special = [tokenizer.is_special(number) for number in ids]
    regions = [(offsets[s.start], offsets[s.end], s) for s in spans]
    typed = [(offsets[a], offsets[b]) for a, b in _typed_specials(rendered, spans, tokenizer)]
    return _frame(tokenizer, ids, (ends - sizes).tolist(), ends.tolist(), special, regions, typed)

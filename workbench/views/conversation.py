"""A conversation as the model sees it, ready to be drawn: tokens by role, and what each costs."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.tokenizers import Tokenizer
from workbench.views.marks import spoken
from workbench.views.wire import parts_json

__all__ = ["render"]


def render(tokenizer: Tokenizer, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tokens of a conversation and the price of each role.

    Args:
        tokenizer: whose template, or mistral-common's encoder for its own tokenizers.
        messages: dictionaries with `role` and `content`.

    Returns:
        `tokens` (each with its `id`, `parts`, `role`, whether it is special, and whether it only
        spells a special token) and `roles` (tokens, special tokens and share).

    Raises:
        ChatTemplateError: if there is no template, or it refuses the messages.
    """
    from workbench.chat import chat_tokens, role_costs

    if tokenizer.chat_template is None:
        frame = chat_tokens(messages, tokenizer)
    else:
        # Ask for the answer's beginning, as an application does before it generates.
        last = messages[-1]["role"] if messages else "user"
        frame = chat_tokens(messages, tokenizer, add_generation_prompt=last != "assistant")
    tokens = []
    for row in frame.iter_rows(named=True):
        data = tokenizer.token_bytes(row["id"])
        tokens.append(
            {
                "id": row["id"],
                "parts": parts_json(row["piece"].encode() if row["is_special"] else data),
                "said": spoken(data),
                "role": row["role"],
                "special": row["is_special"],
                "spells": row["spells_special"],
            }
        )
    return {
        "tokenizer": tokenizer.name,
        "count": len(tokens),
        "tokens": tokens,
        "roles": [
            {
                "role": row["role"],
                "tokens": row["tokens"],
                "special": row["special_tokens"],
                "spells": row["spelling_special"],
                "share": f"{row['share']:.0%}",
            }
            for row in role_costs(frame).iter_rows(named=True)
        ],
    }

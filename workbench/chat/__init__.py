"""Chat templates: messages in, the text and the tokens a model sees, each with its role."""

from workbench.chat.rendering import Message, Span, render_chat, render_with_spans
from workbench.chat.sandbox import ChatTemplateError
from workbench.chat.tokens import chat_tokens, role_costs, special_tokens_of

__all__ = [
    "ChatTemplateError",
    "Message",
    "Span",
    "chat_tokens",
    "render_chat",
    "render_with_spans",
    "role_costs",
    "special_tokens_of",
]

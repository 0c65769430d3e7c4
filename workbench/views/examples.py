"""What the inspector begins with: tokenizers, and texts for its menu."""

__all__ = ["DEFAULT_TOKENIZERS", "EXAMPLES"]

DEFAULT_TOKENIZERS = ("tekken", "mistral-v1", "deepseek-v4")

EXAMPLES: dict[str, str] = {
    "strawberry": "How many r's are in strawberry, Strawberry and STRAWBERRY?",
    "white space": "def f(x):\n    if x:\n\treturn  x   # two, then three\u00a0spaces\r\n",
    "numbers": "7 42 365 1984 31415 271828 1234567 3.14159 1,000,000 0xFF",
    "one sentence, five languages": (
        "The water is cold.\nDas Wasser ist kalt.\nपानी ठंडा है।\nน้ำเย็น\nရေက အေးတယ်။"
    ),
    "an emoji family": "👨 👨\u200d👩 👨\u200d👩\u200d👧 👨\u200d👩\u200d👧\u200d👦 👍🏽 🇺🇳 ❤️",
    "a misspelling": "definitely definately definitly defintely",
    "right to left": "שלום עולם! مرحبا بالعالم (2024) and back to English.",
    "hostile": "<img src=x onerror=alert(1)> </s> <|endoftext|> \u202eabc\u202c \u200b\x1b[31m",
}
"""Texts to begin with, by the name the menu shows."""

r"""From what a model wrote to an answer: three parsers, never mixed.

* **strict**: what CharBench does, `int(text.strip())`. "3." and "**3**" are invalid; so is every
  sentence. It measures obedience as much as counting.
* **cute**: CUTE's, the text between the first pair of double quotes after the last `Answer:`.
* **lenient**: what a reader would understand: digits or number words, Markdown, LaTeX, "the answer
  is". Where a text names several different numbers and marks none as the answer, it is invalid:
  nothing is guessed.

A parser returns a value, or one of two reasons: `invalid` (no answer can be read) and `refused`
(the model declined).
"""

from collections.abc import Callable, Mapping
from typing import Literal

import regex

Reason = Literal["invalid", "refused"]
Parsed = tuple[int | str | None, Reason | None]
Parser = Callable[[str], Parsed]

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)

NUMBER_WORDS: Mapping[str, int] = {word: value for value, word in enumerate(_WORDS.split())} | {
    "none": 0,
    "once": 1,
    "twice": 2,
    "thrice": 3,
}

_REFUSAL = regex.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable|not able)|I (?:can(?:no|')t|can not|won't|will not|refuse|"
    r"must decline|decline)|as an AI)\b",
    regex.IGNORECASE,
)
_THINKING = regex.compile(r"(?s)<(think|thinking|reasoning)>.*?</\1>")
_UNFINISHED = regex.compile(
    r"(?s)<(?:think|thinking|reasoning)>(?!.*</(?:think|thinking|reasoning)>)"
)
_BOXED = regex.compile(r"\\(?:boxed|fbox)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_LATEX_TEXT = regex.compile(r"\\(?:text|mathrm|mathbf|textbf|textit|mathit)\s*\{([^{}]*)\}")
_LATEX_MARKS = regex.compile(r"\\[\[\]()]|\$\$?|\\[,;! ]")
_MARKUP = regex.compile(r"[*_`~]+|^\s{0,3}(?:#{1,6}|>)\s*", regex.MULTILINE)
_HTML = regex.compile(r"</?(?:b|i|em|strong|code|p|br|answer)\s*/?>", regex.IGNORECASE)
_ANSWER = regex.compile(
    r"(?:final\s+answer|answer|result|total|count|index|position|number)"
    r"(?:\s+(?:to|for|of)\s[^.\n:=]{1,80}?)?\s*(?:is|=|:|->|→|would be|equals)+\s*",
    regex.IGNORECASE,
)
_COUNT = regex.compile(
    r"(?:appears?|occurs?|there (?:is|are)|contains?|has)\s+(?:exactly |only |a total of )?",
    regex.IGNORECASE,
)
_QUOTED = regex.compile(r"'[^'\n]{1,60}'(?!\w)|\"[^\"\n]{1,60}\"|“[^”\n]{1,60}”|‘[^’\n]{1,60}’")
_VALUE = (
    r"(?<![\w.])([+-]?\d+)(?:\.0+)?(?!\d|\.\d|\w)|\b("
    + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
    + r")\b"
)
_NUMBER = regex.compile(_VALUE, regex.IGNORECASE)
_QUOTES_CUTE = regex.compile(r'"(.*?)"', regex.DOTALL)


def parse_strict(text: str) -> Parsed:
    r"""CharBench's parser: `int(text.strip())`, or invalid.

    Example:
        >>> parse_strict(" 3\n"), parse_strict("3.")
        ((3, None), (None, 'invalid'))
    """
    try:
        return int(text.strip()), None
    except ValueError:
        return None, "invalid"


def parse_cute(text: str) -> Parsed:
    r"""CUTE's parser: between the first pair of `"` after the last `Answer:`.

    Where the closing quote is missing (the output was cut short) or there are no quotes, the
    answer is invalid. Its scores compare in lower case; so does `score`.

    Example:
        >>> parse_cute('Answer: "no"\\n\\nAnswer: "t h e" because')
        ('t h e', None)
    """
    tail = text.rpartition("Answer:")[2]
    found = _QUOTES_CUTE.search(tail)
    return (found[1], None) if found else (None, "invalid")


def parse_lenient(text: str) -> Parsed:
    r"""The number a reader would take from the text.

    In this order: the last `\boxed{}`; the last "answer is" or "Answer:" with a number behind it;
    "appears 3 times"; a number that stands alone in bold, on the last line or on the first; and
    the only number in the text, quoted letters aside. `none` counts as 0.

    Example:
        >>> parse_lenient("The letter 'r' appears **three** times.")
        (3, None)
        >>> parse_lenient("Either 2 or 3.")
        (None, 'invalid')
    """
    cleaned = _THINKING.sub(" ", text)
    if _UNFINISHED.search(cleaned):
        return None, "invalid"
    cleaned = cleaned.rpartition("</think>")[2]
    boxed = _BOXED.findall(cleaned)
    if boxed and (value := _only(_plain(boxed[-1]))) is not None:
        return value, None
    bold = [v for part in regex.findall(r"\*\*(.+?)\*\*|__(.+?)__", cleaned)
            if (v := _exact(_plain(part[0] or part[1]))) is not None]  # fmt: skip
    plain = _plain(cleaned)
    if (value := _exact(plain)) is not None:
        return value, None
    unquoted = _QUOTED.sub(" ", _QUOTED_NUMBER.sub(r"\1", plain))
    # Quotes are removed first: letters that look like numbers ('one') are the question's, not
    # the answer.
    for marker in (_ANSWER, _COUNT):
        found = [
            value
            for match in marker.finditer(unquoted)
            if (value := _at(unquoted, match.end())) is not None
        ]
        if found and (marker is _ANSWER or len(set(found)) == 1):
            return found[-1], None
    if bold and len(set(bold)) == 1:
        return bold[0], None
    lines = [line for line in unquoted.splitlines() if line.strip()]
    for line in (lines[-1], lines[0]) if lines else ():
        if (value := _exact(line)) is not None:
            return value, None
    if (value := _only(unquoted)) is not None:
        return value, None
    return (None, "refused") if _REFUSAL.search(text) else (None, "invalid")


_QUOTED_NUMBER = regex.compile(r"[\"'“‘]([+-]?\d+)[\"'”’]")


def parse_text(text: str) -> Parsed:
    r"""A word or a short text, lenient: quotes, Markdown and "Answer:" taken away.

    The last line that holds anything is read. Spaces between spelled letters are kept; commas and
    hyphens between single letters are read as spaces.

    Example:
        >>> parse_text("Sure! The answer is **\"t-h-e\"**.")
        ('t h e', None)
    """
    cleaned = _THINKING.sub(" ", text).rpartition("</think>")[2]
    if not cleaned.strip():
        return None, "invalid"
    boxed = _BOXED.findall(cleaned)
    plain = _plain(boxed[-1] if boxed else cleaned).strip()
    if not plain:  # nothing but marks of Markdown or LaTeX
        return None, "invalid"
    tail = regex.split(r"(?i)\banswer(?:\s+is)?\s*[:=]?\s*", plain)[-1].strip() or plain
    quoted = regex.findall(r"[\"“]([^\"”\n]+)[\"”]", tail)
    if quoted:
        value = quoted[-1]
    else:
        if _REFUSAL.search(tail):
            return None, "refused"
        value = [line for line in tail.splitlines() if line.strip()][-1]
    value = value.strip().strip("\"'“”‘’").rstrip(".!").strip()
    yes_no = regex.match(r"(?i)(yes|no)\b[,.!:;]", value + ".")
    if yes_no:
        return yes_no[1].capitalize(), None
    if regex.fullmatch(r"\w(?:\s*[-,]\s*\w)+", value):
        value = " ".join(regex.findall(r"\w", value))
    return (value, None) if value else (None, "invalid")


def parse_exact(text: str) -> Parsed:
    """The text itself without white space around it: the strict parser of tasks with words.

    Example:
        >>> parse_exact(" t h e ")
        ('t h e', None)
    """
    value = text.strip()
    return (value, None) if value else (None, "invalid")


def _plain(text: str) -> str:
    for _ in range(3):
        text = _LATEX_TEXT.sub(r"\1", text)
    text = _HTML.sub(" ", _LATEX_MARKS.sub(" ", text))
    return _MARKUP.sub("", text).replace("−", "-").replace("\u00a0", " ")


def _number(match: "regex.Match[str]") -> int | None:
    """The number of a match; None for one that Python does not read.

    The pattern knows digits of a newer Unicode than Python does, and Python reads no number of
    thousands of digits.
    """
    if match[1] is None:
        return NUMBER_WORDS[match[2].lower()]
    try:
        return int(match[1])
    except ValueError:
        return None


def _exact(text: str) -> int | None:
    """The number, if the text is nothing but one number and marks around it."""
    bare = text.strip().strip("\"'“”‘’()[]{}").strip().rstrip(".!,;:").strip()
    bare = regex.sub(r"(?i)\s*(?:times?|characters?|letters?|occurrences?)$", "", bare)
    match = _NUMBER.fullmatch(bare)
    return None if match is None else _number(match)


def _at(text: str, start: int) -> int | None:
    """The number that begins at `start`, articles and marks skipped."""
    head = regex.compile(r"[\s:\"'“‘(\[]*(?:the number |index |position |exactly |only )?")
    skipped = head.match(text, start)
    match = _NUMBER.match(text, start if skipped is None else skipped.end())
    return None if match is None else _number(match)


def _only(text: str) -> int | None:
    """The number, if the text holds one value only (however often)."""
    values = {_number(m) for m in _NUMBER.finditer(text)}
    return values.pop() if len(values) == 1 else None


NUMBER_PARSERS: Mapping[str, Parser] = {"strict": parse_strict, "lenient": parse_lenient}
TEXT_PARSERS: Mapping[str, Parser] = {
    "strict": parse_exact, "cute": parse_cute, "lenient": parse_text,
}  # fmt: skip

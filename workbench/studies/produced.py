r"""Which beginnings of token sequences a tokenizer can produce.

A beginning is produced if there is a text whose encoding begins with its tokens. What follows may
matter: a pre-tokenizer that looks ahead, as ``\s+(?!\S)`` does, leaves the last white space to the
word after it, and SentencePiece's space before a text is a token of its own before some texts and
never before none. So a tokenizer is given the bytes of the beginning, and where they end in white
space, or in another character that shows nothing, the same with a rare letter, digit, sign or
unassigned character after them.

* If one of these texts begins with the tokens they are produced: that text shows it.
* If none does they are not. That is exact where the last characters of a text are cut apart
  otherwise only by white space after them: BPE, unigram and greedy tokenizers without a
  pre-tokenizer, and with one that cuts words, punctuation, white space and runs of digits from the
  left. It can be wrong for one that looks further, such as at the length of a run of digits, or
  where every such character joins the white space before it into one token.
* Bytes that end inside a character are no text, and what may follow is not tried out: they count
  as produced, which is an upper bound. The next token settles it.
* Bytes that no text begins with are not produced.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Produced"]

History = tuple[int, ...]

_FOLLOWERS = [character.encode() for character in "\u07ca\u07c0\u07f7\ue000"]
"""A letter, a digit and a sign of N'Ko, and a character for private use."""
_IDS_KEPT = 8_000_000  # of the beginnings that are remembered


class Produced:
    """Asks a tokenizer which beginnings it can produce, and remembers the answers.

    Args:
        vocabulary: Bytes by id.
        encode: Ids of the tokenizer for many texts, given as bytes.
        lead: Bytes that the tokenizer puts before every text; the texts begin with it.

    >>> encode = lambda texts: [[2] * (len(t) // 2) + [0] * (len(t) % 2) for t in texts]
    >>> produced = Produced({0: b"A", 2: b"AA"}, encode)
    >>> produced([(0,), (0, 0), (2, 0)])
    [True, False, True]
    """

    def __init__(
        self,
        vocabulary: Mapping[int, bytes],
        encode: Callable[[Sequence[bytes]], Sequence[Sequence[int]]],
        lead: bytes = b"",
    ) -> None:
        self._vocabulary = vocabulary
        self._encode = encode
        self._lead = lead
        self._known: dict[History, bool] = {}
        self._held = 0

    def __call__(self, histories: Iterable[History]) -> list[bool]:
        """Whether the tokenizer can produce each of these beginnings."""
        many = list(histories)
        if self._held > _IDS_KEPT:
            self._known, self._held = {}, 0
        texts: dict[History, bytes] = {}
        for history in many:
            if history not in self._known:
                data = b"".join(self._vocabulary[token] for token in history)
                answer = self._without_asking(data)
                if answer is None:
                    texts[history] = data
                self._known[history] = bool(answer)
                self._held += len(history)
        self._ask(texts, [b""])
        left = {h: data for h, data in texts.items() if not self._known[h] and _ends_unseen(data)}
        self._ask(left, _FOLLOWERS)
        return [self._known[history] for history in many]

    def _without_asking(self, data: bytes) -> bool | None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(data)
        except UnicodeDecodeError:
            return False
        inside = bool(decoder.getstate()[0]) or len(data) < len(self._lead)
        return True if inside else None

    def _ask(self, texts: Mapping[History, bytes], followers: Sequence[bytes]) -> None:
        made = iter(self._encode([data + after for data in texts.values() for after in followers]))
        for history in texts:
            begun = [tuple(next(made)[: len(history)]) == history for _ in followers]
            self._known[history] = any(begun)


def _ends_unseen(data: bytes) -> bool:
    """Whether a text ends in a separator, control or other character that shows nothing."""
    return bool(data) and unicodedata.category(data.decode()[-1])[0] in "ZC"

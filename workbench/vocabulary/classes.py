"""Classes of entries: Qtok's scheme, and plainer columns beside it (kind, script).

Qtok sorts entries by where they stand (one character, after a space, inside a word) and by the
first word of each character's Unicode name. Its scheme is kept exactly, odd corners included,
because published tables rest on it:

- one character of those that byte-level BPE uses to write bytes (``A``, ``é``) counts as *inner,
  other* in a vocabulary that is not byte-level, and as *pure bytes* in one that is;
- a control character has no name, so an entry that holds one is an *error*.

The names come from this Python's ``unicodedata`` (:data:`UNICODE_VERSION`); an entry with a
character that is newer than that is an *error* too.

Source: Chelombitko et al. 2024, Qtok (arXiv 2410.12989).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from functools import cache

import regex

from workbench.tokenizers import Tokenizer
from workbench.vocabulary.entries import Entries

UNICODE_VERSION = unicodedata.unidata_version

QTOK_CLASSES = (
    "control", "pure bytes", "character-alphabetic", "spaced-alphabetic", "inner-alphabetic",
    "character-other", "spaced-other", "inner-other", "flank", "character-error", "spaced-error",
    "inner-error",
)  # fmt: skip

# First words of Unicode names that Qtok takes for scripts.
_WORD_LIST = """ADLAM ARABIC ARABIC-INDIC ARMENIAN BALINESE BAMUM BATAK BENGALI BLACK-LETTER
    BOPOMOFO
    BRAILLE BUGINESE CANADIAN CHAKMA CHAM CHEROKEE CJK COPTIC CYRILLIC DESERET DEVANAGARI DINGBAT
    EGYPTIAN ETHIOPIC GEORGIAN GLAGOLITIC GOTHIC GREEK GUJARATI GURMUKHI HALFWIDTH HANGUL HEBREW
    HIRAGANA INSCRIPTIONAL JAVANESE KAITHI KANGXI KANNADA KATAKANA KHMER LAO LATIN LEPCHA LIMBU
    LISU MALAYALAM MANDAIC MEETEI MODI MONGOLIAN MYANMAR NKO OGHAM OL OLD ORIYA PHAGS-PA PHOENICIAN
    RUNIC SAMARITAN SHAVIAN SINHALA SUNDANESE SYRIAC TAGALOG TAGBANWA TAI TAMIL TELUGU THAANA THAI
    TIBETAN TIFINAGH YI"""
_SCRIPT_WORDS = frozenset(_WORD_LIST.split())
# Names of HTML elements, which Qtok does not take for control tokens.
_ELEMENTS = "br h1 h2 h3 h4 h5 h6 b img li tr td p th u em"
_HTML = frozenset(_ELEMENTS.split())
_PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
#: Characters that byte-level BPE writes bytes with.
_BYTE_CHARACTERS = frozenset(
    [chr(byte) for byte in _PRINTABLE] + [chr(0x100 + n) for n in range(256 - len(_PRINTABLE))]
)


@cache
def _first_word(character: str) -> str | None:
    name = unicodedata.name(character, "")
    return name.split(" ", 1)[0] if name else None


def is_byte_level(tokenizer: Tokenizer) -> bool:
    """Whether the entries are byte strings, rather than text with a fallback to bytes."""
    if tokenizer.library in {"tiktoken", "workbench"}:
        return tokenizer.algorithm in {"BPE", "bytes"}
    parts = {name: tokenizer.definition.get(name) for name in ("normalizer", "pre_tokenizer")}
    return tokenizer.library == "tokenizers" and '"ByteLevel"' in json.dumps(parts)


def qtok_class(text: str) -> str:
    r"""The class of an entry, spelled with a leading space where it begins a word.

    Args:
        text: the entry as text; one of more than one character whose bytes are no text is the
            caller's *flank*.

    Returns:
        One of :data:`QTOK_CLASSES`.

    Example:
        >>> [qtok_class(text) for text in (" the", "ing", "好", " 12", "<s>", "\r\n")]
        ... # doctest: +NORMALIZE_WHITESPACE
        ['spaced-alphabetic', 'inner-alphabetic', 'character-alphabetic', 'spaced-other',
         'control', 'inner-error']
    """
    if len(text) == 1:
        if text in _BYTE_CHARACTERS:
            return "pure bytes"
        word = _first_word(text)
        if word is None:
            return "character-error"
        return "character-alphabetic" if word in _SCRIPT_WORDS else "character-other"
    if text.startswith(" "):
        return "spaced-" + _sort(text[1:])
    bracketed = (text[:1], text[-1:]) in {("<", ">"), ("[", "]")}
    if bracketed and text[1:-1].lower().replace("/", "") not in _HTML:
        return "control"
    return "inner-" + _sort(text)


def _sort(text: str) -> str:
    words = {_first_word(character) for character in text}
    if None in words:
        return "error"
    return "alphabetic" if len(words) == 1 and words <= _SCRIPT_WORDS else "other"


def qtok_classes(entries: Entries) -> list[str]:
    """Qtok's class of every entry of a vocabulary."""
    tokenizer = entries.tokenizer
    added = {entry["id"] for entry in tokenizer.definition["added_tokens"]}
    byte_level = is_byte_level(tokenizer)
    found: list[str] = []
    for number, piece, text in zip(entries.ids, entries.pieces, entries.texts, strict=True):
        if number in added or tokenizer.is_special(number):
            found.append(qtok_class(piece) if piece else "inner-other")
        elif byte_level:
            found.append("flank" if text is None else qtok_class(text))
        elif piece[:3].lower() == "<0x":
            found.append("pure bytes")
        elif piece in _BYTE_CHARACTERS:
            # Qtok names it by its hexadecimal number: letters and digits, hence no one script.
            found.append("inner-other")
        elif len(piece) > 1 and piece[0] == "▁":
            found.append(qtok_class(" " + piece[1:]))
        else:
            found.append(qtok_class(piece))
    return found


# Names of the values of Unicode's property Script; those that this `regex` does not know are
# passed over.
_SCRIPT_LIST = """Latin Han Cyrillic Arabic Greek Hangul Hiragana Katakana Devanagari Hebrew Thai
Armenian Georgian Bengali Tamil Telugu Kannada Malayalam Gujarati Gurmukhi Oriya Sinhala Lao Khmer
Myanmar Tibetan Ethiopic Mongolian Bopomofo Syriac Thaana Nko Samaritan Mandaic Cherokee
Canadian_Aboriginal Ogham Runic Tagalog Hanunoo Buhid Tagbanwa Limbu Tai_Le New_Tai_Lue Buginese
Tai_Tham Balinese Sundanese Batak Lepcha Ol_Chiki Braille Glagolitic Tifinagh Yi Lisu Vai Bamum
Syloti_Nagri Phags_Pa Saurashtra Kayah_Li Rejang Javanese Cham Tai_Viet Meetei_Mayek Linear_B
Lycian Carian Old_Italic Gothic Old_Permic Ugaritic Old_Persian Deseret Shavian Osmanya Osage
Elbasan Caucasian_Albanian Vithkuqi Todhri Linear_A Cypriot Imperial_Aramaic Palmyrene Nabataean
Hatran Phoenician Lydian Sidetic Meroitic_Hieroglyphs Meroitic_Cursive Kharoshthi Old_South_Arabian
Old_North_Arabian Manichaean Avestan Inscriptional_Parthian Inscriptional_Pahlavi Psalter_Pahlavi
Old_Turkic Old_Hungarian Hanifi_Rohingya Garay Yezidi Old_Sogdian Sogdian Old_Uyghur Chorasmian
Elymaic Brahmi Kaithi Sora_Sompeng Chakma Mahajani Sharada Khojki Multani Khudawadi Grantha
Tulu_Tigalari Newa Tirhuta Siddham Modi Takri Ahom Dogra Warang_Citi Dives_Akuru Nandinagari
Zanabazar_Square Soyombo Pau_Cin_Hau Sunuwar Bhaiksuki Marchen Masaram_Gondi Gunjala_Gondi
Tolong_Siki Makasar Kawi Cuneiform Cypro_Minoan Egyptian_Hieroglyphs Anatolian_Hieroglyphs
Gurung_Khema Mro Tangsa Bassa_Vah Pahawh_Hmong Kirat_Rai Medefaidrin Beria_Erfe Miao Tangut Nushu
Khitan_Small_Script Duployan SignWriting Nyiakeng_Puachue_Hmong Toto Wancho Nag_Mundari Ol_Onal
Tai_Yo Mende_Kikakui Adlam Coptic Common Inherited"""
_SCRIPTS = _SCRIPT_LIST.split()


def scripts_of(characters: Iterable[str]) -> dict[str, str]:
    """The Unicode script of each character; ``Unknown`` for unassigned ones.

    Example:
        >>> scripts_of("aж好1")
        {'a': 'Latin', 'ж': 'Cyrillic', '好': 'Han', '1': 'Common'}
    """
    asked = dict.fromkeys(characters)
    left = "".join(asked)
    found: dict[str, str] = {}
    for script in _SCRIPTS:
        if not left:
            break
        try:
            pattern = regex.compile(rf"\p{{Script={script}}}+")
        except regex.error:
            continue
        matched = "".join(pattern.findall(left))
        if matched:
            found.update(dict.fromkeys(matched, script))
            left = pattern.sub("", left)
    found.update(dict.fromkeys(left, "Unknown"))
    return {character: found[character] for character in asked}


def entry_scripts(entries: Entries) -> list[str | None]:
    """The script of each entry.

    ``Common`` where only signs, digits and spaces stand, ``Mixed`` where several scripts do, None
    for special tokens and for entries that are no whole UTF-8.
    """
    tokenizer = entries.tokenizer
    texts = [
        None if tokenizer.is_special(number) else text
        for number, text in zip(entries.ids, entries.texts, strict=True)
    ]
    script = scripts_of({character for text in texts if text for character in text})
    found: list[str | None] = []
    for text in texts:
        if text is None:
            found.append(None)
            continue
        here = {script[character] for character in text} - {"Common", "Inherited"}
        found.append("Mixed" if len(here) > 1 else next(iter(here), "Common"))
    return found


_KINDS = (
    ("white space", regex.compile(r"\s+")),
    ("letters", regex.compile(r"[\p{L}\p{M}\u200c\u200d]+")),
    ("digits", regex.compile(r"\p{N}+")),
    ("punctuation", regex.compile(r"[\p{P}\p{S}\u200d\ufe0f]+")),
    ("control", regex.compile(r"[\p{C}]+")),
)


def kind_of(text: str) -> str:
    """Letters, digits, punctuation, white space, control, or mixed; a leading space is left out.

    Example:
        >>> [kind_of(text) for text in (" the", "12", "!!", "  ", "x1")]
        ['letters', 'digits', 'punctuation', 'white space', 'mixed']
    """
    bare = text[1:] if len(text) > 1 and text[0] == " " and not text.isspace() else text
    return next((name for name, pattern in _KINDS if pattern.fullmatch(bare)), "mixed")

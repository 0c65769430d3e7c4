"""Texts that break tokenizer tools, and a hypothesis strategy over all of Unicode."""

from hypothesis import strategies as st

NASTY = {
    "empty": "",
    "spaces": "   ",
    "mixed white space": " \t\u00a0\u3000\n\r\n\u2028 x ",
    "emoji with joiners": "👨‍👩‍👧‍👦 and 🏳️‍🌈",
    "flags": "🇩🇪🇹🇷🇯🇵🇺",
    "skin tones": "👍🏽👍🏿",
    "combining marks": "e\u0301 Z\u0351\u036bͨa\u0328\u0301 x",
    "precomposed": "é Å ﬁ ½ ² Ⅷ ㍿ ﷺ",
    "Devanagari conjuncts": "क्षत्रिय स्त्री र्‍य",
    "Hangul jamo": "\u1112\u1161\u11ab\u1100\u1173\u11af 한글",
    "right to left with marks": "שָׁלוֹם \u200fعَرَبِيّ\u200e 12",
    "bidi controls": "a\u202eb\u202cc\u2066d\u2069",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u2060",
    "NUL and controls": "a\x00b\x01\x7f\x85\x1b[0m",
    "specials typed by a user": "a</s>b <s> <unk> [INST] <|endoftext|> [CLS] <pad> <0x0A> ##ing",
    "meta symbols": "▁▁a ▁ Ġ Ċ </w> ##",
    "noncharacters": "\ufffe\uffff\U0001fffe\U0010ffff\ufffd",
    "private use": "\ue000\U000f0000",
    "Thai": "ภาษาไทยเขียนติดกัน",
    "Turkish dots": "İIıi İSTANBUL",
    "CJK": "日本語の文章。中文，",
    "numbers": "1234567 3.14 1,000 ٣٤٥ Ⅳ x²",
    "code": "def f(x):\n\treturn x  # ok\r\n\r\n",
    "hostile": "<img src=x onerror=alert(1)>&lt;",
    "long run": "a" * 500,
    "no spaces": "supercalifragilistic" * 20,
    "Ethiopic": "ሰላም ለዓለም።",
}

# Characters whose normalization expands, composes, reorders or vanishes come up often.
_TRICKY = st.sampled_from(
    list("▁ĠĊ \t\n\r\x00ée\u0301\u0327ﬁ½İßΣς\u1100\u1161\u11a8\ufeff\u200d\u00ad🇩👍🏽क्ष<>/s#_日")
)
unicode_text = st.text(
    alphabet=st.one_of(
        _TRICKY,
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("abcXYZ019 .,'-"),
    ),
    max_size=60,
)

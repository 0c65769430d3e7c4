"""Build `data/words/<code>.tsv`: the thousand most frequent words of eight languages.

The words and frequencies come from the package wordfreq 3.1.1 (Robyn Speer; the data's licence is
CC BY-SA 4.0, and so is that of the lists). What is dropped, and why: entries that are not letters
of the language's own script from end to end (numbers, `eu:n`, `don't`, Latin words in a Russian
list), entries of fewer than two graphemes (too short for any task on characters), and a few
indecent words (the lists are used in classrooms). What is changed: German ß and the Greek final
sigma, which wordfreq folds away. The result is the same on every machine.

    python scripts/build_word_lists.py            # write data/words/*.tsv
    python scripts/build_word_lists.py --check    # change nothing; exit 1 if a file differs
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import unicodedata
from pathlib import Path

import regex
import wordfreq

WORDS = Path(__file__).resolve().parent.parent / "data" / "words"
WORDFREQ = "3.1.1"
LENGTH = 1000
# FLORES-200 code -> wordfreq's code and the Unicode name of the script.
LANGUAGES = {
    "arb_Arab": ("ar", "Arabic"),
    "deu_Latn": ("de", "Latin"),
    "ell_Grek": ("el", "Greek"),
    "eng_Latn": ("en", "Latin"),
    "fin_Latn": ("fi", "Latin"),
    "hin_Deva": ("hi", "Devanagari"),
    "rus_Cyrl": ("ru", "Cyrillic"),
    "tur_Latn": ("tr", "Latin"),
}
LEFT_OUT = frozenset(
    """
    ass bitch damn fuck fucked fucking shit sex sexual arsch fick scheisse
    paska paskaa perkele saatana saatanan vittu vitun amk bok escort lan seks siktir
    σεξ блядь блять нахуй пиздец сука хуй хуйня सेक्स
    """.split()  # noqa: SIM905 - thirty quoted words would take thirty lines
)
# wordfreq folds case in full, so its German list spells ß as ss: these are the words among the
# thousand that standard German spells with ß (rule: after a long vowel or a diphthong).
ESZETT_WORDS = (
    "außer",
    "außerdem",
    "fußball",
    "groß",
    "große",
    "großen",
    "großer",
    "größte",
    "größten",
    "heißt",
    "ließ",
    "schließlich",
    "spaß",
    "straße",
    "weiß",
)
ESZETT = {word.replace("ß", "ss"): word for word in ESZETT_WORDS}


def respell(entry: str, language: str) -> str:
    """Undo what full case folding did to the spelling of a word.

    Full case folding (the Unicode Standard, section 3.13) turns ß into ss and the final Greek
    sigma ς into σ. The sigma can be restored by rule, the ß only by a list.

    Args:
        entry: a word as wordfreq spells it.
        language: wordfreq's code, such as `"el"`.

    Returns:
        The word in NFC, with ς at the end of a Greek word and with the ß of the words in `ESZETT`.

    Example:
        >>> respell("μασ", "el"), respell("strasse", "de"), respell("wasser", "de")
        ('μας', 'straße', 'wasser')
    """
    word = unicodedata.normalize("NFC", entry)
    if language == "el":
        return regex.sub(r"σ$", "ς", word)
    return ESZETT.get(word, word) if language == "de" else word


def frequent_words(code: str, length: int = LENGTH) -> list[tuple[str, float]]:
    """Pick the most frequent words of a language.

    Args:
        code: one of `LANGUAGES`, such as `"fin_Latn"`.
        length: how many words.

    Returns:
        Pairs of the word (NFC, in the case wordfreq gives: lower) and its Zipf frequency, the
        base-10 logarithm of its occurrences in a billion words (van Heuven et al. 2014,
        https://doi.org/10.1080/17470218.2013.850521); most frequent first.

    Raises:
        KeyError: if `code` is not in `LANGUAGES`.
        ValueError: if wordfreq has fewer words than asked for.

    Example:
        >>> frequent_words("eng_Latn", 3)
        [('the', 7.73), ('to', 7.43), ('and', 7.41)]
    """
    language, script = LANGUAGES[code]
    letters = regex.compile(rf"(?:[\p{{L}}&&\p{{Script={script}}}]\p{{M}}*)+", regex.V1)
    found: list[tuple[str, float]] = []
    seen: set[str] = set()
    for entry in wordfreq.top_n_list(language, 4 * length):
        word = respell(entry, language)
        if word in seen or word in LEFT_OUT or not letters.fullmatch(word):
            continue
        if len(regex.findall(r"\X", word)) < 2:
            continue
        seen.add(word)
        found.append((word, wordfreq.zipf_frequency(entry, language)))
        if len(found) == length:
            return found
    raise ValueError(
        f"wordfreq has only {len(found)} usable words for {code!r}, {length} were asked for."
    )


def render(words: list[tuple[str, float]]) -> str:
    r"""Spell a list as tab-separated values with a header.

    Args:
        words: pairs of word and Zipf frequency.

    Returns:
        The file's text, with a final newline.

    Example:
        >>> render([("the", 7.73)])
        'word\tzipf\nthe\t7.73\n'
    """
    return "word\tzipf\n" + "".join(f"{word}\t{zipf:.2f}\n" for word, zipf in words)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; see the module's docstring.

    Args:
        arguments: the arguments after the program's name; None takes them from the process.

    Returns:
        The exit status: 0, or 1 where `--check` found a difference or wordfreq's version is
        not the one the lists are made from.

    Example:
        >>> main(["--check"])
        0
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    installed = importlib.metadata.version("wordfreq")
    if installed != WORDFREQ:
        print(
            f"The lists are made from wordfreq {WORDFREQ}, and {installed} is installed; "
            "install that version, or change WORDFREQ here and say so in data/sources.toml.",
            file=sys.stderr,
        )
        return 1
    WORDS.mkdir(exist_ok=True)
    different = []
    for code in LANGUAGES:
        path, text = WORDS / f"{code}.tsv", render(frequent_words(code))
        if options.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                different.append(path.name)
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.name}: {LENGTH} words")
    if different:
        print(f"Not what this script makes: {', '.join(different)}.", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

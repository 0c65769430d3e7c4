"""Small texts of many types, made from a seed and nothing else.

What is made up here is made up: no address is reachable (`example` domains are reserved by RFC
2606), no statute or case is cited for its content, no compound is claimed to be stable. The prose
is this project's own.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import regex

Maker = Callable[[random.Random], str]

_WORDS = (
    *("account", "archive", "batch", "border", "buffer", "cache", "channel", "client", "color"),
    *("column", "config", "counter", "customer", "delta", "draft", "entry", "event", "factor"),
    *("field", "filter", "group", "handler", "height", "index", "invoice", "item", "label"),
    *("layer", "ledger", "limit", "loader", "margin", "matrix", "message", "network", "number"),
    *("offset", "option", "order", "packet", "page", "parser", "payload", "plan", "profile"),
    *("query", "queue", "record", "region", "report", "request", "result", "row", "sample"),
    *("schema", "sensor", "session", "signal", "source", "stream", "summary", "table", "target"),
    *("ticket", "token", "total", "user", "value", "vector", "weight", "window", "worker", "zone"),
)
_STEMS = ("meth", "eth", "prop", "but", "pent", "hex", "hept", "oct", "non", "dec")
_GROUPS = (
    *("methyl", "ethyl", "propyl", "phenyl", "chloro", "bromo", "fluoro", "hydroxy", "amino"),
    *("nitro", "methoxy", "oxo", "cyano", "sulfanyl", "cyclopropyl", "trifluoromethyl"),
)
_TIMES = ("", "di", "tri", "tetra")
_ENDINGS = (
    "ane",
    "an-1-ol",
    "an-2-one",
    "anoic acid",
    "anal",
    "an-1-amine",
    "anamide",
    "anenitrile",
)
_TERMS = (
    *("res judicata", "force majeure", "habeas corpus", "indemnification", "severability"),
    *("estoppel", "subrogation", "fiduciary duty", "tortfeasor", "usufruct", "mens rea"),
    *("prima facie", "consideration", "covenant not to compete", "liquidated damages"),
    *("promissory note", "statute of limitations", "injunctive relief", "bona fide purchaser"),
    *("attorney-in-fact", "pro rata", "joint and several liability", "encumbrance", "escheat"),
)
_NAMES = ("Abbot", "Brandt", "Castle", "Dorn", "Ellery", "Falk", "Grove", "Hale", "Ibsen", "Jost")
_CODES = ("U.S.C.", "C.F.R.", "F.3d", "U.S.", "S. Ct.", "F. Supp. 2d")
_TAGS = ("div", "span", "li", "td", "p", "section", "label", "button")


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _hash(chance: random.Random) -> str:
    return f"{chance.getrandbits(256):064x}"


def _integer(chance: random.Random) -> str:
    return str(chance.randrange(10 ** chance.randint(1, 12)))


def _decimal(chance: random.Random) -> str:
    return f"{chance.uniform(-1, 1) * 10 ** chance.randint(0, 5):.{chance.randint(1, 6)}f}"


def _moment(chance: random.Random) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(2_000_000_000))


def _date(chance: random.Random) -> str:
    form = chance.choice(("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%Y-%m-%dT%H:%M:%SZ"))
    moment = _moment(chance)
    if "%B" in form:  # strftime would ask the machine for its language
        months = "January February March April May June July August September October November"
        month = [*months.split(), "December"][moment.month - 1]
        return f"{moment.day} {month} {moment.year}"
    return moment.strftime(form)


def _url(chance: random.Random) -> str:
    path = "/".join(chance.choices(_WORDS, k=chance.randint(1, 4)))
    pairs = (f"{chance.choice(_WORDS)}={_integer(chance)}" for _ in range(chance.randint(0, 2)))
    query = "&".join(pairs)
    site = chance.choice(("www", "api", "cdn", "docs"))
    host = f"{site}.example.{chance.choice(('com', 'org', 'net'))}"
    return f"https://{host}/{path}" + (f"?{query}" if query else "")


def _email(chance: random.Random) -> str:
    one, two = chance.sample(_WORDS, 2)
    return f"{one}.{two}{chance.randint(1, 99)}@example.org"


def _markup(chance: random.Random) -> str:
    tag = chance.choice(_TAGS)
    name, other = chance.sample(_WORDS, 2)
    return (
        f'<{tag} class="{name}-{other}" id="{name}{chance.randint(1, 99)}">'
        f'<a href="/{other}/{chance.randint(1, 999)}">{name.title()} {other}</a></{tag}>'
    )


def _json(chance: random.Random) -> str:
    a, b, c = chance.sample(_WORDS, 3)
    flag = chance.choice(("true", "false", "null"))
    return f'{{"{a}": {_integer(chance)}, "{b}": "{chance.choice(_WORDS)}", "{c}": [{flag}]}}'


def _camel(words: list[str]) -> str:
    return words[0] + "".join(word.title() for word in words[1:])


def _identifier(chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=chance.randint(2, 4))
    return chance.choice((_camel(words), "_".join(words), "_".join(words).upper()))


def _code(chance: random.Random) -> str:
    name, total, item = chance.sample(_WORDS, 3)
    limit = chance.randint(2, 500)
    return (
        f"def {name}_{total}({item}s: list[int], limit: int = {limit}) -> int:\n"
        f"    {total} = 0\n"
        f"    for {item} in {item}s:\n"
        f"        if {item} > limit:\n"
        f"            {total} += {item} * {chance.randint(2, 9)}\n"
        f"    return {total}\n"
    )


def _chemistry(chance: random.Random) -> str:
    number = chance.randint(1, 3)
    groups = sorted(chance.sample(_GROUPS, number))
    stem = chance.choice(_STEMS[number + 2 :])
    parts = []
    for group in groups:
        times = chance.randint(1, 3)
        places = ",".join(str(place) for place in sorted(chance.sample(range(2, 8), times)))
        parts.append(f"{places}-{_TIMES[times - 1]}{group}")
    return "-".join(parts) + stem + chance.choice(_ENDINGS)


def _formula(chance: random.Random) -> str:
    carbon, nitrogen = chance.randint(2, 30), chance.randint(0, 5)
    middle = f"N{nitrogen}" if nitrogen else ""
    return f"C{carbon}H{chance.randint(2, 2 * carbon + 2)}{middle}O{chance.randint(2, 9)}"


def _legal(chance: random.Random) -> str:
    how = chance.randrange(3)
    if how == 0:
        return chance.choice(_TERMS)
    code = chance.choice(_CODES)
    volume, page = chance.randint(1, 999), chance.randint(1, 1999)
    if how == 1:
        return f"{volume} {code} § {page}({chance.choice('abcdef')})({chance.randint(1, 9)})"
    one, two = chance.sample(_NAMES, 2)
    return f"{one} v. {two}, {volume} {code} {page}, {page + 3} ({chance.randint(1900, 2020)})"


@cache
def _sentences() -> tuple[str, ...]:
    from workbench.tokenizers.catalog import data_dir

    files = sorted((data_dir() / "prose").glob("eng_Latn_*.txt"))
    lines = (line for path in files for line in path.read_text("utf-8").splitlines())
    ends = regex.compile(r"(?<=[.!?])\s+(?=[\p{Lu}])")
    found = [s for line in lines if line[:1].isalpha() for s in ends.split(line)]
    return tuple(s for s in found if 40 <= len(s) <= 240 and s[-1] in ".!?")


def _prose(chance: random.Random) -> str:
    return chance.choice(_sentences())


MAKERS: Final[dict[str, tuple[Maker, str]]] = {
    "prose": (_prose, "English sentences of this project's prose"),
    "code": (_code, "small Python functions"),
    "identifiers": (_identifier, "names in camelCase, snake_case and capitals"),
    "markup": (_markup, "HTML elements with attributes"),
    "json": (_json, "JSON objects"),
    "urls": (_url, "web addresses with paths and queries"),
    "emails": (_email, "e-mail addresses"),
    "dates": (_date, "dates and times, ISO 8601 and as written in several countries"),
    "integers": (_integer, "whole numbers of 1 to 12 digits"),
    "decimals": (_decimal, "decimal numbers"),
    "uuids": (_uuid, "UUIDs, version 4"),
    "hashes": (_hash, "SHA-256 sums in hexadecimal"),
    "chemistry": (_chemistry, "systematic names of organic compounds"),
    "formulas": (_formula, "sum formulas of organic compounds"),
    "legal": (_legal, "legal terms and citations"),
}
"""Makers and summaries by type of text."""


def sample_texts(kind: str, count: int = 200, seed: int = 0) -> list[str]:
    """Texts of one type.

    Args:
        kind: A name of `MAKERS`.
        count: How many.
        seed: The same seed gives the same texts on every machine, and more of them are the same
            and more.

    Returns:
        The texts; a type with few forms repeats some.

    Raises:
        ValueError: If there is no such type, or the count is not positive.

    Example:
        >>> sample_texts("dates", 2)
        ['10.11.1998', '1975-03-07']
    """
    if kind not in MAKERS:
        raise ValueError(f"there is no type of text {kind!r}; there are {', '.join(MAKERS)}")
    if count < 1:
        raise ValueError(f"count is the number of texts, at least 1, not {count!r}")
    make = MAKERS[kind][0]
    return [make(random.Random(f"{kind}:{seed}:{i}")) for i in range(count)]  # noqa: S311 - samples

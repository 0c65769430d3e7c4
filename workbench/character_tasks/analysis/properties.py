"""What each item looked like to each model: the properties that errors are laid against.

The paper's six: `wl` word length, `gt` gold answer, `gt_wl` their ratio, `nt` number of tokens,
`cr` characters a token (`wl / nt`), `ttl` length of the token that holds the gold position (index
tasks only). The last three exist twice: of the word **in the prompt as it was sent**, chat
template included, and (`_bare`) of the word alone, as the paper has it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.cuts import Cuts, WordSpans, cut_words
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import INDEX_TASKS
from workbench.character_tasks.prompts import Message, default_prompt, get_prompt
from workbench.character_tasks.wordlists import zipf_frequencies
from workbench.tokenizers import Tokenizer

Template = str | Callable[[list[Message]], str] | None

PAPER_PROPERTIES = ("wl", "gt", "gt_wl", "nt", "cr", "ttl")
TOKEN_PROPERTIES = ("nt", "cr", "ttl")

_MARK = "⟦the-question⟧"
_EXACT_UP_TO = 4_000
_CHECKED = 500


@dataclass(frozen=True, eq=False)
class ModelView:
    """A model's tokenizer and chat template.

    Attributes:
        tokenizer: What cuts the prompt.
        template: A Jinja chat template, a callable from messages to the prompt, or None: the
            tokenizer's own template where it has one, else the messages' contents with blank
            lines between.
        bare: The model is given the word by itself, and the question otherwise than as text, as
            the laboratory's models are: then the word in the prompt is the word alone.
    """

    tokenizer: Tokenizer
    template: Template = None
    bare: bool = False

    @classmethod
    def of(cls, given: Any) -> "ModelView":
        """A tokenizer, a pair (tokenizer, chat template), or a view, as a view.

        Raises:
            CharacterTaskError: If it is neither.
        """
        if isinstance(given, ModelView):
            return given
        pair = given if isinstance(given, tuple) else (given, None)
        if len(pair) != 2 or not isinstance(pair[0], Tokenizer):
            raise CharacterTaskError(
                f"{given!r} is no tokenizer and no pair (tokenizer, chat_template): use "
                "load_tokenizer(name), or (load_tokenizer(name), template)."
            )
        return cls(pair[0], pair[1])

    def render(self, messages: list[Message]) -> str:
        r"""The prompt as sent.

        Example:
            >>> from workbench.tokenizers import load_tokenizer
            >>> view = ModelView(load_tokenizer("characters"))
            >>> view.render([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
            'a\n\nb'
        """
        template = self.template
        if template is None:
            template = getattr(self.tokenizer, "chat_template", None)
        if template is None:
            return "\n\n".join(message["content"] for message in messages)
        if callable(template):
            return template(messages)
        from workbench.chat import render_chat, special_tokens_of

        return render_chat(
            messages,
            template,
            special_tokens=special_tokens_of(self.tokenizer),
            add_generation_prompt=True,
        )


def prompts_of(items: pl.DataFrame, view: ModelView, prompt: str | None = None) -> list[str]:
    """The prompt of every item as the model gets it.

    A template is rendered once per task with a mark in the question's place, and the result is
    checked against a true rendering of the first and last question; where a template does more
    than insert the text, every prompt is rendered by itself.

    Args:
        items: A set (`question`, `task`, and `prompt` where several were used).
        view: Tokenizer and template.
        prompt: A prompt's name for all items; None takes the column `prompt`, else the task's
            default.
    """
    result: list[str] = [""] * items.height
    names = pl.col("prompt") if "prompt" in items.columns and prompt is None else pl.lit("")
    rows = items.select("question", "task", _name=names).with_row_index("_row")
    for (task, name), part in rows.group_by("task", "_name", maintain_order=True):
        chosen = get_prompt(str(name) or prompt or default_prompt(str(task)))
        questions = part["question"].to_list()

        def render(question: str, chosen: Any = chosen, task: Any = task) -> str:
            return view.render(chosen.messages(question, str(task)))

        before, mark, after = render(_MARK).partition(_MARK)
        plain = bool(mark) and _MARK not in after
        plain = plain and all(
            render(question) == before + question + after
            for question in (questions[0], questions[-1])
        )
        made = [before + q + after if plain else render(q) for q in questions]
        for row, text in zip(part["_row"].to_list(), made, strict=True):
            result[row] = text
    return result


def item_properties(
    items: pl.DataFrame, *, language: str | None = "en", log_frequency: str | None = None
) -> pl.DataFrame:
    """What does not depend on a tokenizer.

    Args:
        items: A set; `answer` may be text, then `gt` is null.
        language: Whose `wordfreq` list gives frequencies; None gives none.
        log_frequency: A column of `items` to use instead.

    Returns:
        `question_idx`, `word`, `task`, `wl`, `gt`, `gt_wl`, `zipf` (base-10 logarithm of the
        frequency per billion words; words that the list lacks stand half a unit below its
        rarest), `zipf_absent`, and `case` (`lower`, `title`, `upper`, `mixed`, `none`).
    """
    word = pl.col("word")
    numbers = items["answer"].dtype.is_integer()
    lower, upper = word.str.to_lowercase(), word.str.to_uppercase()
    first, rest = word.str.slice(0, 1), word.str.slice(1)
    table = items.select(
        "question_idx",
        "word",
        "task",
        wl=word.str.len_chars().cast(pl.Int64),
        gt=pl.col("answer") if numbers else pl.lit(None, pl.Int64),
        case=pl.when(lower == upper)
        .then(pl.lit("none"))
        .when(word == lower)
        .then(pl.lit("lower"))
        .when(word == upper)
        .then(pl.lit("upper"))
        .when((first == first.str.to_uppercase()) & (rest == rest.str.to_lowercase()))
        .then(pl.lit("title"))
        .otherwise(pl.lit("mixed")),
        zipf=pl.col(log_frequency).cast(pl.Float64) if log_frequency else pl.lit(None, pl.Float64),
    )
    if log_frequency is None and language is not None:
        table = table.drop("zipf").join(
            zipf_frequencies(table["word"], language), on="word", how="left", maintain_order="left"
        )
    floor = table["zipf"].min()
    low = float(floor) - 0.5 if isinstance(floor, float) else 0.0
    return table.with_columns(
        gt_wl=pl.col("gt") / pl.col("wl"),
        zipf_absent=pl.col("zipf").is_null(),
        zipf=pl.col("zipf").fill_null(low),
    )


@dataclass(frozen=True, eq=False)
class TokenView:
    """Token properties of a set under one model's view.

    Attributes:
        table: `question_idx`, `nt`, `cr`, `ttl`, `nt_bare`, `cr_bare`, `ttl_bare`, `cut_differs`
            (the boundaries inside the word are other ones in the prompt than alone).
        prompts: Distinct prompts that were cut.
        whole: Whether every prompt was cut whole; else the surroundings of the word were cut,
            after `checked` whole prompts agreed with them.
        checked: Whole prompts that were compared.
        bare: The model gets the word alone; there are no prompts.
    """

    table: pl.DataFrame
    prompts: int
    whole: bool
    checked: int
    bare: bool = False


class Asked:
    """The distinct prompts of a set, and where their words stand: shared by all tokenizers."""

    def __init__(self, items: pl.DataFrame) -> None:
        self.keys = ["question", "task", "word", "answer"]
        self.keys += [c for c in ("prompt",) if c in items.columns]
        self.items = items
        self.distinct = items.unique(self.keys, keep="first", maintain_order=True)
        self.words: list[str] = self.distinct["word"].to_list()
        self.questions: list[str] = self.distinct["question"].to_list()
        self.index_task = self.distinct["task"].is_in(list(INDEX_TASKS)).to_numpy()
        numbers = self.distinct["answer"].dtype.is_integer()
        gold = self.distinct["answer"].to_numpy() if numbers else np.zeros(len(self.words))
        self.positions = np.where(self.index_task, gold, -1).astype(np.int64)
        pairs = zip(self.questions, self.words, strict=True)
        self.places = [_place(question, word) for question, word in pairs]

    def whole(self, rows: Any, view: ModelView, prompt: str | None) -> WordSpans:
        """The words of some rows in their prompts as sent."""
        texts = prompts_of(self.distinct[rows], view, prompt)
        starts = [
            len(text[: _at(text, self.questions[i], self.places[i])].encode())
            for text, i in zip(texts, rows.tolist(), strict=True)
        ]
        words = [self.words[i] for i in rows.tolist()]
        return WordSpans(texts, words, np.array(starts, dtype=np.int64), self.positions[rows])

    def bare(self) -> WordSpans:
        """The words alone."""
        return WordSpans(
            self.words, self.words, np.zeros(len(self.words), np.int64), self.positions
        )

    @cached_property
    def windows(self) -> WordSpans:
        """The words with two words before them and all that follows in the question."""
        texts, starts = [], []
        for question, place in zip(self.questions, self.places, strict=True):
            cut = max(question.rfind(" ", 0, question.rfind(" ", 0, max(place - 1, 0))), 0)
            texts.append(question[cut:])
            starts.append(place - cut)
        if not all(map(str.isascii, texts)):
            starts = [len(t[:s].encode()) for t, s in zip(texts, starts, strict=True)]
        return WordSpans(texts, self.words, np.array(starts, dtype=np.int64), self.positions)


def token_properties(
    items: "pl.DataFrame | Asked",
    view: ModelView,
    prompt: str | None = None,
    *,
    whole: bool | None = None,
) -> TokenView:
    """Tokens of every word, in the prompt as sent and alone.

    Args:
        items: A set.
        view: Tokenizer and template.
        prompt: As in `prompts_of`.
        whole: True cuts every prompt whole with the tokenizer's own library. None does so up to
            4,000 prompts; above, it cuts the word with its neighbours (from two words before it
            to the question's end), by the fastest engine that knows the tokenizer. That is
            trusted only after 500 whole prompts and 500 bare words, spread over the set, gave
            the very same cuts by the library; one difference, and it is not.

    Raises:
        CharacterTaskError: If a question does not hold its word.
    """
    asked = items if isinstance(items, Asked) else Asked(items)
    n = len(asked.words)
    tokenizer = view.tokenizer
    if view.bare:
        alone = cut_words(tokenizer, asked.bare())
        return TokenView(_token_table(asked, alone, alone), n, whole=True, checked=0, bare=True)
    some = np.unique(np.linspace(0, max(n - 1, 0), min(n, _CHECKED)).astype(np.int64))
    cut_whole = n <= _EXACT_UP_TO if whole is None else whole
    cuts: Cuts | None = None
    bare: Cuts | None = None
    checked = 0
    if not cut_whole:
        truth = cut_words(tokenizer, asked.whole(some, view, prompt), parse_special=True)
        alone = cut_words(tokenizer, asked.bare().take(some))
        checked = len(some)
        for engine in _engines(tokenizer):
            fast = cut_words(tokenizer, asked.windows, engine=engine)
            fast_bare = cut_words(tokenizer, asked.bare(), engine=engine)
            if fast_bare.agrees(alone, some):
                bare = fast_bare
                if fast.agrees(truth, some):
                    cuts = fast
                    break
    if cuts is None:
        cut_whole = True
        cuts = cut_words(tokenizer, asked.whole(np.arange(n), view, prompt), parse_special=True)
    if bare is None:
        bare = cut_words(tokenizer, asked.bare())
    return TokenView(_token_table(asked, cuts, bare), n, cut_whole, checked)


def _token_table(asked: Asked, cuts: Cuts, bare: Cuts) -> pl.DataFrame:
    length = asked.distinct["word"].str.len_chars().cast(pl.Float64).to_numpy()
    columns: dict[str, Any] = {}
    for suffix, found in (("", cuts), ("_bare", bare)):
        columns[f"nt{suffix}"] = found.tokens
        columns[f"cr{suffix}"] = length / np.maximum(found.tokens, 1)
        columns[f"ttl{suffix}"] = pl.Series(found.target, dtype=pl.Int64).set(
            pl.Series(~asked.index_task), None
        )
    differs = pl.Series(cuts.inner != bare.inner)
    if asked.distinct.height == asked.items.height:
        return asked.distinct.select("question_idx").with_columns(**columns, cut_differs=differs)
    return asked.items.select("question_idx", *asked.keys).join(
        asked.distinct.select(asked.keys).with_columns(**columns, cut_differs=differs),
        on=asked.keys, how="left", maintain_order="left", nulls_equal=True,
    ).drop(asked.keys)  # fmt: skip


def _engines(tokenizer: Tokenizer) -> Iterator[Any]:
    """Ways to encode many texts, the fastest first; None is the library itself."""
    from workbench.counting.cache import default_folder
    from workbench.counting.engines import make_engine

    # A ValueError says that it is no BPE that gigatoken runs: then the library does it.
    with suppress(ValueError):
        yield make_engine(tokenizer, "gigatoken", default_folder())
    yield None


def _place(question: str, word: str) -> int:
    """Where the word that is asked about stands in the question, in characters."""
    place = question.rfind(f"'{word}'")
    if place >= 0:
        return place + 1
    quoted = question.rfind(f'"{word}"')
    place = quoted + 1 if quoted >= 0 else question.rfind(word)
    if place < 0:
        spelled = question.find(" ".join(word))
        if spelled < 0:
            raise CharacterTaskError(
                f"The question {question!r} does not hold its word {word!r}: the tokens of the "
                "word in the prompt cannot be told."
            )
        return spelled
    return place


def _at(prompt: str, question: str, place: int) -> int:
    start = prompt.rfind(question)
    if start < 0:
        raise CharacterTaskError(
            f"The chat template changed the question {question[:60]!r}: its tokens cannot be "
            "found in the prompt. Give a template that leaves the text as it is."
        )
    return start + place


def all_views(
    items: pl.DataFrame, models: Mapping[str, Any], prompt: str | None = None
) -> dict[str, TokenView]:
    """Token properties for every model; models that see the same prompts the same way share them.

    Each distinct prompt is cut once per tokenizer and template.
    """
    made: dict[tuple[str, str, bool], TokenView] = {}
    asked = Asked(items) if models else None
    result = {}
    for name, given in models.items():
        view = ModelView.of(given)
        template = view.template if isinstance(view.template, str) else str(id(view.template))
        key = (view.tokenizer.fingerprint, "" if view.template is None else template, view.bare)
        if key not in made and asked is not None:
            made[key] = token_properties(asked, view, prompt)
        result[name] = made[key]
    return result

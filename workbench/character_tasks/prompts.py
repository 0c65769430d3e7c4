"""How an item becomes the messages that a model is sent.

A prompt is a system message, a user message with the question in it, and nothing else; which one
was used is a column of the answers. `charbench` is CharBench's own; `cute` shows four solved
examples and wants the answer in quotes; the others are this project's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from workbench.character_tasks.cute import CUTE_TASKS, cute_shots
from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError

Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """A way of asking.

    Attributes:
        name: What tables call it.
        system: The system message; None sends none.
        user: The user message, with `{question}` (and `{shots}`, solved examples of the task).
    """

    name: str
    system: str | None
    user: str

    def messages(self, question: str, task: str = "") -> list[Message]:
        r"""The messages for one question, in the form every chat interface takes.

        Example:
            >>> PROMPTS["plain"].messages("How many?")
            [{'role': 'user', 'content': 'How many?\nAnswer:'}]
        """
        shots = cute_shots(task) if "{shots}" in self.user and task in CUTE_TASKS else ""
        # str.replace, not str.format: a question may hold braces.
        content = self.user.replace("{shots}", shots).replace("{question}", question)
        head = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*head, {"role": "user", "content": content}]


_SYSTEM = "You are a helpful assistant that answers questions."

PROMPTS: Mapping[str, Prompt] = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            "charbench",
            _SYSTEM,
            "Answer this question only with the final number, without any other text. Lower case "
            "and upper case letters are considered different characters.\n\nQuestion: {question}",
        ),
        Prompt("plain", None, "{question}\nAnswer:"),
        Prompt(
            "spell_first",
            _SYSTEM,
            "First write the string one character at a time, then answer. Upper and lower case "
            "are different characters. End with a line of the form `Answer: N`.\n\n"
            "Question: {question}",
        ),
        Prompt(
            "think",
            _SYSTEM,
            "Think step by step. Upper and lower case are different characters. End with a line "
            "of the form `Answer: N`.\n\nQuestion: {question}",
        ),
        Prompt(
            "cute",
            None,
            "Answer as in the examples, with the answer in double quotes.\n\n{shots}\n\n"
            "Question: {question}\nAnswer:",
        ),
        Prompt("choice", None, "{question} Answer with one of the words and nothing else."),
    )
}
"""The prompts by name."""


def get_prompt(prompt: "str | Prompt") -> Prompt:
    """A prompt by its name, or as given.

    Raises:
        CharacterTaskError: If the name is unknown, or the prompt has no place for the question.
    """
    if isinstance(prompt, Prompt):
        if "{question}" not in prompt.user:
            raise CharacterTaskError(
                f"The prompt {prompt.name!r} has no {{question}} in its user message."
            )
        return prompt
    if prompt not in PROMPTS:
        raise CharacterTaskError(f"Unknown prompt {prompt!r}. Known: {', '.join(PROMPTS)}.")
    return PROMPTS[prompt]


def default_prompt(task: str) -> str:
    """The prompt that suits a task: CharBench's for numbers, CUTE's form for CUTE's tasks."""
    from workbench.character_tasks.langgame import LANGGAME_TASKS

    if task in CUTE_TASKS:
        return "cute"
    return "choice" if task in LANGGAME_TASKS else "charbench"


def with_prompts(items: pl.DataFrame, prompts: Sequence[str]) -> pl.DataFrame:
    """Every item once per prompt: repeated words are what clustered errors are for.

    Args:
        items: Any set.
        prompts: Names from `PROMPTS`.

    Returns:
        The set with new `question_idx` (old number times prompts, plus the prompt's place), and
        the columns `prompt` and `item_idx` (the number before).
    """
    names = [get_prompt(name).name for name in prompts]
    if not names:
        raise CharacterTaskError("prompts is empty: name at least one prompt.")
    parts = [
        items.with_columns(
            item_idx=pl.col("question_idx"),
            question_idx=pl.col("question_idx") * len(names) + k,
            prompt=pl.lit(name),
        )
        for k, name in enumerate(names)
    ]
    return pl.concat(parts).sort("question_idx")


SENTENCES: tuple[str, ...] = (
    "The word {word} was written on the wall of the old station.",
    "Somebody had typed {word} three times before the letter ended.",
    "Nobody at the table knew what {word} meant.",
    "On the second page stands {word}, underlined in red.",
    "She read {word} aloud and closed the book.",
    "Between two commas the clerk found {word} and nothing else.",
)
"""Carrier sentences of this project's own."""


def in_sentence(items: pl.DataFrame, seed: int = 7) -> pl.DataFrame:
    """The same questions about a word that stands in a sentence, without quotes around it.

    The gold stays that of the word alone; a space before the word lets a tokenizer cut it as it
    does in running text.

    Returns:
        The set with new questions and a column `sentence`.

    Example:
        >>> from workbench.character_tasks.items import build_items
        >>> items = build_items(["tree"], ["count_unique_chars"], 1, lengths=[4])
        >>> "the string 'tree'" in in_sentence(items)["question"][0]
        False
    """
    picks = Stream(seed, "sentence").below(len(SENTENCES), items.height)
    words, questions = items["word"].to_list(), items["question"].to_list()
    told = [SENTENCES[k].replace("{word}", word) for k, word in zip(picks, words, strict=True)]
    asked = [
        f"Sentence: {sentence}\n"
        + question.replace(f"the string '{word}'", f"the word {word} of the sentence")
        for sentence, question, word in zip(told, questions, words, strict=True)
    ]
    return items.with_columns(
        question=pl.Series(asked, dtype=pl.String), sentence=pl.Series(told, dtype=pl.String)
    )

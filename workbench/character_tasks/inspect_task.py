"""Character tasks as Inspect tasks: any provider that `inspect-ai` knows can be asked.

Registered under the entry point group `inspect_ai`, so that from a shell:

    inspect eval workbench/charbench --model openai/gpt-4o-mini
    inspect eval workbench/ask --model ollama/llama3.2 -T word=strawberry -T character=r

The strict and the lenient parser are two scorers, side by side in the log, never one number.
"""

from collections.abc import Callable
from typing import Any

import polars as pl
from inspect_ai import Task, task
from inspect_ai._util.registry import registry_name
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelCall,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Score,
    Scorer,
    Target,
    accuracy,
    scorer,
    stderr,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from workbench.character_tasks.items import one_item, sample_items
from workbench.character_tasks.ledger import Ledger, clean_error, clean_json, without_secrets
from workbench.character_tasks.parsing import NUMBER_PARSERS, TEXT_PARSERS, Parser
from workbench.character_tasks.prompts import default_prompt, get_prompt
from workbench.character_tasks.store import load_items, make_items

DEFAULT_ITEMS = 2000


def _name(short: str) -> str:
    """The full name of a registration.

    Inspect puts the package's name before it where the package lies in site-packages, but not
    for an editable installation whose distribution has another name than its package.
    """
    return short if "/" in registry_name(_name, short) else f"workbench/{short}"


class RequestError(RuntimeError):
    """A request to a model failed; the message holds no secret."""


def to_samples(items: pl.DataFrame, prompt: str | None = None) -> list[Sample]:
    """Items as Inspect samples; a sample's id is the item's `question_idx`."""
    samples = []
    for row in items.iter_rows(named=True):
        chosen = get_prompt(prompt or row.get("prompt") or default_prompt(row["task"]))
        question = row["question"]
        if row.get("options"):
            question = f"{question} Options: {', '.join(row['options'])}."
        messages: list[ChatMessage] = [
            ChatMessageSystem(content=m["content"])
            if m["role"] == "system"
            else ChatMessageUser(content=m["content"])
            for m in chosen.messages(question, row["task"])
        ]
        samples.append(
            Sample(
                id=row["question_idx"],
                input=messages,
                target=str(row["answer"]),
                metadata={
                    "question_idx": row["question_idx"], "task": row["task"],
                    "word": row["word"], "character": row["character"],
                    "number": isinstance(row["answer"], int),
                },
            )
        )  # fmt: skip
    return samples


def answer_logprob(output: ModelOutput) -> float | None:
    """The log-probability of the answer's text, where the provider gave its tokens'."""
    choice = output.choices[0] if output.choices else None
    if choice is None or choice.logprobs is None or not choice.logprobs.content:
        return None
    return float(sum(token.logprob for token in choice.logprobs.content))


def guard(model: Model) -> None:
    """Keep keys out of what Inspect logs of a failed call.

    A provider's error can repeat the key that was sent, and Inspect writes errors into its log.
    The model's `generate` is wrapped, once, so that secrets are blotted out before Inspect sees
    the error; its kind stays, so that what is retried stays the same.
    """
    api: Any = model.api
    if getattr(api, "_workbench_guard", False):
        return
    inner = api.generate

    async def generate(*args: Any, **kwargs: Any) -> Any:
        try:
            result = await inner(*args, **kwargs)
        except Exception as error:
            clean_error(error)
            raise
        parts = result if isinstance(result, tuple) else (result,)
        for part in parts:
            if isinstance(part, Exception):
                clean_error(part)
            elif isinstance(part, ModelCall):
                part.request = clean_json(part.request)
                part.response = clean_json(part.response)
        return result

    api.generate = generate
    api._workbench_guard = True  # noqa: SLF001 - our own mark on the object


@solver(name=_name("ask_and_record"))
def ask_and_record(ledger: Callable[[], Ledger] | None = None) -> Solver:
    """Ask once, and write the answer down before anything else is done with it.

    A failed request is written down with its error, and raised again without its origin: the
    provider's exception may hold the key.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        import time

        began = time.monotonic()
        failure: str | None = None
        guard(get_model())
        try:
            state = await generate(state)
        except Exception as error:  # noqa: BLE001 - providers raise errors of every kind
            failure = without_secrets(f"{type(error).__name__}: {error}")
        book = None if ledger is None else ledger()
        index = int(state.metadata["question_idx"])
        if failure is None and state.output.error is not None:
            failure = without_secrets(state.output.error)
        if failure is not None:
            if book is not None:
                book.record(index, None, error=failure)
            raise RequestError(failure)
        if book is not None:
            book.record(
                index,
                state.output.completion,
                stop_reason=state.output.stop_reason,
                logprob=answer_logprob(state.output),
                seconds=time.monotonic() - began,
            )
        return state

    return solve


def _scorer(kind: str) -> Scorer:
    async def judge(state: TaskState, target: Target) -> Score:
        parsers = NUMBER_PARSERS if state.metadata.get("number", True) else TEXT_PARSERS
        parser: Parser = parsers[kind]
        value, reason = parser(state.output.completion)
        right = str(value).lower() == target.text.lower() and value is not None
        outcome = reason or ("correct" if right else "wrong")
        if state.output.stop_reason == "content_filter":
            right, outcome = False, "refused"
        return Score(
            value=CORRECT if right else INCORRECT,
            answer=None if value is None else str(value),
            metadata={"outcome": outcome},
        )

    return judge


@scorer(metrics=[accuracy(), stderr()], name=_name("strict"))
def strict() -> Scorer:
    """The original's parser: `int(text.strip())`; the text itself for tasks with words."""
    return _scorer("strict")


@scorer(metrics=[accuracy(), stderr()], name=_name("lenient"))
def lenient() -> Scorer:
    """What a reader would take from the text."""
    return _scorer("lenient")


def to_task(
    items: pl.DataFrame,
    prompt: str | None = None,
    *,
    name: str = "items",
    ledger: Callable[[], Ledger] | None = None,
    **settings: Any,
) -> Task:
    """Any item set as an Inspect task, at temperature 0.

    A model of local Transformers samples unless told otherwise, and then refuses temperature 0:
    add `-M do_sample=false -M use_safetensors=true` to `inspect eval … --model hf/…`. `run_model`
    does so by itself.

    Args:
        items: The set.
        prompt: A prompt's name; None takes the column `prompt`, else each task's default.
        name: What logs call it.
        ledger: Where answers are written the moment they arrive.
        **settings: Of `GenerateConfig`, such as `max_tokens`.
    """
    return Task(
        dataset=MemoryDataset(to_samples(items, prompt), name=name),
        solver=ask_and_record(ledger),
        scorer=[strict(), lenient()],
        config=GenerateConfig(**{"temperature": 0.0, **settings}),
        name=name,
    )


def _listed(value: Any) -> list[str] | None:
    return [value] if isinstance(value, str) else value


def _part(items: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    return sample_items(items, n if n > 0 else items.height, seed)


@task(name=_name("charbench"))
def charbench(
    items: str = "",
    n: int = DEFAULT_ITEMS,
    per_cell: int = 500,
    tasks: list[str] | str | None = None,
    language: str = "en",
    seed: int = 7,
    prompt: str = "charbench",
) -> Task:
    """CharBench's four tasks.

    Args:
        items: A set saved by `save_items`; empty makes one from `wordfreq`.
        n: Items to ask, every cell in its share; 0 asks all.
        per_cell: Items per task and word length of the set that is made.
        tasks: Some of the tasks.
        language: Of the words.
        seed: Of the set and of the sample.
        prompt: How to ask.
    """
    if items:
        table = load_items(items)
    else:
        table = make_items(
            {
                "builder": "charbench", "language": language, "per_cell": per_cell, "seed": seed,
                "tasks": _listed(tasks), "unit": "character" if language == "en" else "grapheme",
            }
        )  # fmt: skip
    return to_task(_part(table, n, seed), prompt, name="charbench")


@task(name=_name("cute"))
def cute(
    n: int = DEFAULT_ITEMS,
    tasks: list[str] | str | None = None,
    language: str = "en",
    seed: int = 7,
) -> Task:
    """CUTE's character tasks in this project's wording, four examples shown."""
    recipe = {"builder": "cute", "language": language, "seed": seed, "tasks": _listed(tasks)}
    return to_task(_part(make_items(recipe), n, seed), name="cute")


@task(name=_name("langgame"))
def langgame(n: int = DEFAULT_ITEMS, tasks: list[str] | str | None = None, seed: int = 7) -> Task:
    """LangGame's questions, the option written out (its own way is by log-likelihood)."""
    recipe = {"builder": "langgame", "per_task": 400, "seed": seed, "tasks": _listed(tasks)}
    return to_task(_part(make_items(recipe), n, seed), name="langgame")


@task(name=_name("ask"))
def ask_task(word: str, character: str = "", task: str = "", prompt: str = "charbench") -> Task:
    """One question about one word: how often a character stands in it, unless `task` says else."""
    return to_task(one_item(word, character, task), prompt, name="ask")

"""Run a model over a set: what it will cost, a run that can be killed, answers ready to score."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import one_item, sample_items
from workbench.character_tasks.ledger import Ledger
from workbench.character_tasks.prompts import Message, default_prompt, get_prompt
from workbench.character_tasks.scoring import score
from workbench.character_tasks.store import items_checksum

if TYPE_CHECKING:
    from workbench.tokenizers import Tokenizer

DEFAULT_ITEMS = 2000
_RUNNER_PER_SECOND = 40.0
_OUTPUT_TOKENS = 8


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes:
        items: Items to ask.
        recorded: Items that an earlier run has recorded, and that are not asked.
        seconds: Expected wall clock: the slower of the runner (about 40 items a second) and the
            model (`seconds_per_request` over `max_connections`).
        input_tokens: Of all prompts; a quarter of their characters where no tokenizer is given.
        output_tokens: Supposed.
        cost: In dollars; None where no price was given.
    """

    items: int
    recorded: int
    seconds: float
    input_tokens: int
    output_tokens: int
    cost: float | None

    def __str__(self) -> str:
        minutes = self.seconds / 60
        span = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} minutes"
        price = "price unknown" if self.cost is None else f"about ${self.cost:.2f}"
        known = f" ({self.recorded:,} recorded before)" if self.recorded else ""
        return (
            f"{self.items:,} items to ask{known}: about {span}, {self.input_tokens:,} input and "
            f"{self.output_tokens:,} output tokens, {price}."
        )


def estimate_run(
    items: pl.DataFrame,
    *,
    prompt: str | None = None,
    tokenizer: "Tokenizer | None" = None,
    max_connections: int = 10,
    seconds_per_request: float = 1.0,
    output_tokens: int = _OUTPUT_TOKENS,
    price: tuple[float, float] | None = None,
    recorded: int = 0,
) -> Estimate:
    """Items, expected time and cost, before anything is sent.

    Args:
        items: What would be asked.
        prompt: A prompt's name.
        tokenizer: Counts the prompt's tokens (of 200 prompts, spread over the set).
        max_connections: Requests at the same time.
        seconds_per_request: Supposed.
        output_tokens: Supposed, per answer; a prompt that wants thinking needs hundreds.
        price: Dollars per million input and output tokens.
        recorded: Items that need not be asked.

    Example:
        >>> from workbench.character_tasks import build_items
        >>> items = build_items(["abcd"], ["count_unique_chars"], 1, lengths=[4])
        >>> str(estimate_run(items, price=(1.0, 2.0))).split(":")[0]
        '1 items to ask'
    """
    n = items.height
    some = items.gather_every(max(n // 200, 1)) if n else items
    texts = [
        "\n".join(m["content"] for m in messages_of(row, prompt))
        for row in some.iter_rows(named=True)
    ]
    sizes = (
        [len(text) / 4 for text in texts]
        if tokenizer is None
        else [float(len(ids)) for ids in tokenizer.encode_batch(texts)]
    )
    each = sum(sizes) / len(sizes) if sizes else 0.0
    tokens, out = round(each * n), output_tokens * n
    cost = None if price is None else (tokens * price[0] + out * price[1]) / 1e6
    seconds = max(n / _RUNNER_PER_SECOND, n * seconds_per_request / max_connections)
    return Estimate(n, recorded, seconds, tokens, out, cost)


def provider_settings(model: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a provider is told: what the caller gave, and what local Transformers need besides.

    They sample unless told otherwise, and Transformers refuses to sample at temperature 0: every
    request would fail. And weights are read from safetensors alone, since the older format is a
    pickle, which can run code.

    Args:
        model: As Inspect names it.
        given: Settings of the caller.

    Returns:
        All settings.

    Raises:
        CharacterTaskError: If code that comes with a model is to be run.

    Example:
        >>> provider_settings("hf/some/model", {"device": "cpu"})
        {'do_sample': False, 'use_safetensors': True, 'device': 'cpu'}
        >>> provider_settings("openai/gpt-4o")
        {}
    """
    chosen = dict(given or {})
    if chosen.get("trust_remote_code"):
        raise CharacterTaskError(
            "trust_remote_code would run code that comes with the model, which the workbench "
            "never does. Serve the model by itself, and ask it over HTTP (openai-api/…)."
        )
    own = {"do_sample": False, "use_safetensors": True} if model.startswith("hf/") else {}
    return {**own, **chosen}


def messages_of(row: dict[str, Any], prompt: str | None = None) -> list[Message]:
    """The messages that an item's row is asked with."""
    chosen = get_prompt(prompt or row.get("prompt") or default_prompt(row["task"]))
    return chosen.messages(row["question"], row["task"])


def run_model(
    items: pl.DataFrame,
    model: str,
    *,
    limit: int | None = DEFAULT_ITEMS,
    log_dir: str | Path = "logs",
    prompt: str | None = None,
    max_connections: int = 10,
    max_retries: int = 5,
    timeout: int = 300,
    retry_failed: bool = False,
    seed: int = 7,
    tokenizer: "Tokenizer | None" = None,
    price: tuple[float, float] | None = None,
    announce: Callable[[str], None] | None = print,
    display: str = "none",
    model_args: dict[str, Any] | None = None,
    **settings: Any,
) -> pl.DataFrame:
    """Ask a model, through Inspect, and return its answers ready for `score`.

    Every answer is written to a ledger in `log_dir` the moment it arrives. Calling it again with
    the same items, model and prompt goes on where it stopped: no recorded item is asked again;
    after a kill at most `max_connections` requests that were under way are repeated. Inspect's
    own logs lie beside the ledger, for its viewer.

    Args:
        items: The set; a sample of it where it has more than `limit`.
        model: As Inspect names it: `openai/gpt-4o-mini`, `ollama/llama3.2`, `hf/…`, `vllm/…`,
            `openai-api/<service>/<model>`. Keys come from the environment.
        limit: Items at most, every task and length in its share; None asks all.
        log_dir: Where ledger and logs go.
        prompt: A prompt's name.
        max_connections: Requests at the same time.
        max_retries: Of one request, on rate limits, server errors and broken connections.
        timeout: Seconds for one item, its retries included.
        retry_failed: Ask recorded failures again.
        seed: Of the sample.
        tokenizer: For the estimate.
        price: Dollars per million input and output tokens, for the estimate.
        announce: Told the estimate before and the outcome after; None tells nobody.
        display: Inspect's progress display: `none`, `plain`, `rich`, `conversation`, `log`.
        model_args: For the provider, such as `base_url`.
        **settings: Of Inspect's `GenerateConfig`, such as `max_tokens` or `logprobs`.

    Returns:
        Columns `question_idx`, `model`, `response`, `refused`, `error`, `logprob`.

    Raises:
        CharacterTaskError: If another run holds the ledger, the ledger is of other items, or code
            that comes with a model is to be run.
    """
    from filelock import FileLock, Timeout

    arguments = provider_settings(model, model_args)
    part = items if limit is None or items.height <= limit else sample_items(items, limit, seed)
    folder = Path(log_dir)
    checksum = items_checksum(part.sort("question_idx"))
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-")
    path = folder / f"{slug}-{prompt or 'default'}-{checksum[:12]}.answers.jsonl"
    told = {k: v for k, v in settings.items() if isinstance(v, str | int | float | bool)}
    header = {"model": model, "items": checksum, "prompt": prompt, "settings": told}
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CharacterTaskError(
            f"Another run is writing {path}: wait for it, or give another log_dir."
        ) from None
    try:
        ledger = Ledger(path, header)
        done = ledger.recorded(failures=not retry_failed)
        rest = part.filter(~pl.col("question_idx").is_in(list(done)))
        estimate = estimate_run(
            rest, prompt=prompt, tokenizer=tokenizer, max_connections=max_connections,
            price=price, recorded=part.height - rest.height,
        )  # fmt: skip
        if announce is not None:
            announce(f"{model}: {estimate}")
        if rest.height:
            _evaluate(
                rest, ledger, model, prompt, folder, display,
                arguments,
                {
                    "max_connections": max_connections, "max_retries": max_retries,
                    "timeout": timeout, **settings,
                },
            )  # fmt: skip
        answers = ledger.read()
    finally:
        lock.release()
    if announce is not None:
        failed = answers["response"].null_count()
        again = " retry_failed=True asks those again." if failed else ""
        announce(f"{model}: {answers.height:,} recorded, {failed:,} of them failed.{again}")
    return answers


def _evaluate(
    items: pl.DataFrame,
    ledger: Ledger,
    model: str,
    prompt: str | None,
    folder: Path,
    display: str,
    model_args: dict[str, Any],
    config: dict[str, Any],
) -> None:
    import inspect_ai
    from inspect_ai.model import get_model

    from workbench.character_tasks.inspect_task import to_task

    inspect_ai.eval(
        to_task(items, prompt, name="character-tasks", ledger=lambda: ledger),
        # Not remembered: keys and addresses in the environment may have changed since.
        model=get_model(model, memoize=False, **model_args),
        log_dir=str(folder / "inspect"),
        display=display,  # type: ignore[arg-type]  # Inspect checks the name itself
        fail_on_error=False,
        # As many samples under way as requests: a kill repeats no more than these.
        max_samples=config["max_connections"],
        log_realtime=False,
        log_model_api=False,
        **config,
    )


def ask(
    word: str,
    character: str = "",
    *,
    model: str | Callable[[list[Message]], str],
    task: str = "",
    prompt: str = "charbench",
    **settings: Any,
) -> pl.DataFrame:
    """Ask one model about one word.

    Args:
        word: Any word.
        character: A character of it; empty asks for the number of different ones.
        model: As Inspect names it, or any callable from messages to a text.
        task: One of CharBench's; by default the character is counted.
        prompt: A prompt's name.
        **settings: For Inspect's `get_model`, such as `base_url`.

    Returns:
        One scored row: question, response, and what each parser makes of it.

    Example:
        >>> row = ask("strawberry", "r", model=lambda messages: "**2**")
        >>> row.select("answer", "strict_outcome", "lenient_outcome").row(0)
        (3, 'invalid', 'wrong')
    """
    item = one_item(word, character, task)
    messages = get_prompt(prompt).messages(item["question"][0], item["task"][0])
    if callable(model):
        name, said = getattr(model, "__name__", type(model).__name__), model(messages)
    else:
        name, said = model, _ask_inspect(model, messages, settings)
    answer = pl.DataFrame({"question_idx": [0], "model": [name], "response": [said]})
    return score(item, answer)


def _ask_inspect(model: str, messages: list[Message], settings: dict[str, Any]) -> str:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from inspect_ai.model import (
        ChatMessage,
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        get_model,
    )

    async def request() -> str:
        chat: list[ChatMessage] = [
            ChatMessageSystem(content=m["content"])
            if m["role"] == "system"
            else ChatMessageUser(content=m["content"])
            for m in messages
        ]
        async with get_model(
            model,
            config=GenerateConfig(temperature=0.0),
            memoize=False,
            **provider_settings(model, settings),
        ) as asked:
            return str((await asked.generate(chat)).completion)

    # A notebook's own event loop is running in this thread; the request gets a thread of its own.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, request()).result()

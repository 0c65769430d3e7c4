"""The trained models, run by ONNX Runtime: as answerers of character tasks, and as word models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.character_tasks.analysis.properties import ModelView
from workbench.character_tasks.items import QUESTIONS, UNIQUE
from workbench.laboratory.design import CLASSES, LONGEST, TASKS, readable
from workbench.laboratory.questions import NO_LETTER, letter_number
from workbench.laboratory.reading import laboratory_dir, vocabulary, word_ids
from workbench.tokenizers import Tokenizer

Floats = NDArray[np.float32]

_BATCH = 1024


class LaboratoryError(ValueError):
    """A model of the laboratory is missing, or is asked what it cannot read."""


@dataclass(frozen=True)
class _Model:
    """A trained model in a file.

    Attributes:
        arm: Its way to cut words.
        seed: Of its training.
        path: The ONNX file.
    """

    arm: str
    seed: int
    path: Path

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise LaboratoryError(
                f"{self.path} is no model that can be read ({type(error).__name__}). Restore it "
                "from the repository, or train it anew: make lab-train."
            ) from error

    @cached_property
    def about(self) -> dict[str, str]:
        """What the file says of itself: kind, arm, seed, recipe, vocabulary, split."""
        found: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        return found

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """How it reads words."""
        folder = self.path.parent
        return vocabulary(self.about["vocabulary"], None if folder == laboratory_dir() else folder)


class Reader(_Model):
    """A model that answers CharBench's questions about words of 4 to 10 letters a to z.

    It is also a callable from messages to a text, so `ask("strawberry", "r", model=reader)` works.
    """

    @property
    def name(self) -> str:
        """As it stands in tables: `laboratory bpe-4k #0`."""
        return f"laboratory {self.arm} #{self.seed}"

    @property
    def __name__(self) -> str:
        return self.name

    def probabilities(
        self, words: Sequence[str], tasks: Sequence[str], letters: Sequence[str | None]
    ) -> Floats:
        """How likely each number is, to the model.

        Args:
            words: One a question.
            tasks: Names of CharBench's tasks.
            letters: The letter asked about; None where the task has none.

        Returns:
            Shape `(questions, 11)`: probabilities of 0 to 10.

        Raises:
            LaboratoryError: If a word, a task or a letter is not the laboratory's.
        """
        if unread := next((word for word in words if not readable(word)), None):
            raise LaboratoryError(
                f"The laboratory's models read words of 4 to 10 letters a to z; {unread!r} is "
                "none. Their own words are in laboratory.unseen_items()."
            )
        if strange := next((task for task in tasks if task not in TASKS), None):
            raise LaboratoryError(f"{strange!r} is none of {', '.join(TASKS)}.")
        distinct, which = np.unique(np.array(list(words), dtype=str), return_inverse=True)
        ids = word_ids(distinct.tolist(), self.tokenizer)[which]
        numbers = np.array([TASKS.index(task) for task in tasks], dtype=np.int64)
        asked = np.array([letter_number(letter) for letter in letters], dtype=np.int64)
        asked[numbers == TASKS.index(UNIQUE)] = NO_LETTER
        scores = np.zeros((len(ids), CLASSES), dtype=np.float32)
        # Words of as many tokens together: nothing is computed for the room behind shorter ones.
        tokens = (ids != self.tokenizer.vocab_size).sum(axis=1)
        for count in np.unique(tokens).tolist():
            rows = np.flatnonzero(tokens == count)
            for some in np.array_split(rows, -(-len(rows) // _BATCH)):
                given = {
                    "words": ids[some, :count],
                    "tasks": numbers[some, None],
                    "letters": asked[some, None],
                }
                scores[some] = self._session.run(["scores"], given)[0][:, 0]
        return _softmax(scores)

    def answer(self, items: pl.DataFrame) -> pl.DataFrame:
        """What the model says to a set of items.

        Args:
            items: From `build_items`, with any words. Items that the model cannot read (other
                tasks, capital letters, longer words) end as failed, with the reason.

        Returns:
            Columns `question_idx`, `model`, `response`, `logprob` (natural logarithm, of the
            answer), `error`: ready for `score`.
        """
        can = pl.Series(
            [
                readable(word) and task in TASKS
                for word, task in items.select("word", "task").iter_rows()
            ],
            dtype=pl.Boolean,
        )
        read = items.filter(can)
        found = self.probabilities(
            read["word"].to_list(), read["task"].to_list(), read["character"].to_list()
        )
        said = read.select(
            "question_idx",
            response=pl.Series(found.argmax(axis=1).astype(str), dtype=pl.String),
            logprob=pl.Series(np.log(found.max(axis=1)).astype(np.float64), dtype=pl.Float64),
        )
        reason = "The laboratory's models read words of 4 to 10 letters a to z."
        return items.select("question_idx").join(
            said, on="question_idx", how="left", maintain_order="left"
        ).select(
            "question_idx", model=pl.lit(self.name), response="response", logprob="logprob",
            error=pl.when(pl.col("response").is_null()).then(pl.lit(reason)),
        )  # fmt: skip

    @property
    def view(self) -> ModelView:
        """For `analyze` and `browse_errors`: the model is given the word alone."""
        return ModelView(self.tokenizer, bare=True)

    def __call__(self, messages: Sequence[Any]) -> str:
        """Answer a question as `ask` puts it.

        Raises:
            LaboratoryError: If the last message is none of CharBench's questions.
        """
        task, word, letter = _understood(str(messages[-1]["content"]))
        return str(int(self.probabilities([word], [task], [letter])[0].argmax()))


class Writer(_Model):
    """A model that continues words token by token, and whose table of vectors can be exchanged."""

    @property
    def name(self) -> str:
        """As it stands in tables: `word model bpe-4k #0`."""
        return f"word model {self.arm} #{self.seed}"

    @cached_property
    def embeddings(self) -> Floats:
        """Its table: one row an entry, and the vector of a word's edges in the last."""
        _, width = self._session.get_outputs()[1].shape
        blank = np.zeros((1, LONGEST + 1, width), dtype=np.float32)
        table: Floats = self._session.run(["embeddings"], {"vectors": blank})[0]
        return table

    def bits(
        self, words: Sequence[str], tok: Tokenizer | None = None, table: Floats | None = None
    ) -> NDArray[np.float64]:
        """Bits that each word costs, its end included.

        Args:
            words: At most 10 tokens long.
            tok: Another tokenizer, numbered from 0 without gaps; by default the model's own.
            table: Vectors of its entries and, last, of the edges: shape `(V + 1, width)`. By
                default the model's own.

        Returns:
            −Σ log2 p(next token), shape `(words,)`. Only the tokenizer's own cut is counted, so
            another cut of the same word has no part in it.

        Raises:
            LaboratoryError: If the table does not fit the tokenizer.
        """
        tok = tok or self.tokenizer
        table = self.embeddings if table is None else np.asarray(table, dtype=np.float32)
        size = int(tok.vocab_size or 0)
        if table.shape != (size + 1, self.embeddings.shape[1]):
            raise LaboratoryError(
                f"The table has the shape {table.shape}, but {tok.name} has {size} entries: "
                f"{(size + 1, self.embeddings.shape[1])} was expected, the last row for edges."
            )
        total: NDArray[np.float64] = self.bits_of(word_ids(words, tok), table).sum(axis=1)
        return total

    def bits_of(self, ids: NDArray[np.int64], table: Floats) -> NDArray[np.float64]:
        """What each token costs, from arrays.

        Args:
            ids: Shape `(words, 10)`, filled up with V.
            table: As for `bits`.

        Returns:
            Bits, shape `(words, 11)`: of each token, then of the word's end, then 0.
        """
        size = len(table) - 1
        across: Floats = np.ascontiguousarray(table.T, dtype=np.float32)
        out = np.zeros((len(ids), ids.shape[1] + 1))
        for at in range(0, len(ids), 128):
            part = ids[at : at + 128]
            edge = np.full((len(part), 1), size)
            longest = int((part != size).sum(axis=1).max())
            framed = np.concatenate([edge, part[:, :longest], edge], axis=1)
            read, wanted = framed[:, :-1], framed[:, 1:]
            counts = (read != size) | (np.arange(read.shape[1]) == 0)
            hidden = self._session.run(["hidden"], {"vectors": table[read]})[0][counts]
            scores = hidden @ across
            scores -= scores.max(axis=1, keepdims=True)
            right = scores[np.arange(len(scores)), wanted[counts]]
            np.exp(scores, out=scores)
            nats = np.log(scores.sum(axis=1, dtype=np.float64)) - right
            out[at : at + 128, : longest + 1][counts] = nats / np.log(2)
        return out


def load_models(
    folder: str | Path | None = None, arms: Iterable[str] | None = None
) -> list[Reader]:
    """The trained models that answer questions.

    Args:
        folder: Where they lie; by default the shipped ones.
        arms: Names of arms to keep; None keeps all.

    Returns:
        Models by arm in the order of `ARMS`, then by seed.

    Raises:
        LaboratoryError: If there is none.

    Example:
        >>> sorted({model.arm for model in load_models(arms=["characters"])})
        ['characters']
    """
    from workbench.laboratory.design import ARMS

    where = Path(folder) if folder else laboratory_dir()
    wanted = None if arms is None else set(arms)
    found = [
        Reader(arm.name, int(match[1]), path)
        for arm in ARMS
        for path in sorted(where.glob(f"{arm.name}-*.onnx"))
        if (match := re.fullmatch(rf"{re.escape(arm.name)}-(\d+)\.onnx", path.name))
        and (wanted is None or arm.name in wanted)
    ]
    if not found:
        about = f" of the arms {', '.join(sorted(wanted))}" if wanted is not None else ""
        raise LaboratoryError(
            f"No model{about} lies in {where}: `make lab-train` trains some into build/laboratory."
        )
    return found


def load_model(arm: str, seed: int = 0, folder: str | Path | None = None) -> Reader:
    """One trained model, for a question or two.

    Raises:
        LaboratoryError: If there is none.

    Example:
        >>> from workbench.character_tasks import ask
        >>> ask("strawberry", "r", model=load_model("characters"))["response"].item()
        '3'
    """
    models = load_models(folder, [arm])
    for model in models:
        if model.seed == seed:
            return model
    raise LaboratoryError(f"{arm} has the seeds {', '.join(str(m.seed) for m in models)}.")


def load_writers(folder: str | Path | None = None) -> list[Writer]:
    """The trained models that continue words, by seed.

    Raises:
        LaboratoryError: If there is none.
    """
    where = Path(folder) if folder else laboratory_dir()
    found = [
        Writer(match[1], int(match[2]), path)
        for path in sorted(where.glob("writer-*.onnx"))
        if (match := re.fullmatch(r"writer-(.+)-(\d+)\.onnx", path.name))
    ]
    if not found:
        raise LaboratoryError(f"No word model lies in {where}: `make lab-train` trains some.")
    return found


def answers(items: pl.DataFrame, models: Sequence[Reader] | None = None) -> pl.DataFrame:
    """What several models say to a set of items; see `Reader.answer`.

    Args:
        items: Any set; best one from `unseen_items`, whose words no model was trained on.
        models: By default all that are shipped.
    """
    return pl.concat(model.answer(items) for model in (models or load_models()))


def training_facts(folder: str | Path | None = None) -> dict[str, Any]:
    """What was recorded in training: recipe, versions, and for each model rate, steps, plateau."""
    facts: dict[str, Any] = json.loads(
        ((Path(folder) if folder else laboratory_dir()) / "training.json").read_text("utf-8")
    )
    return facts


def learning_curves(folder: str | Path | None = None) -> pl.DataFrame:
    """Looks at words that were not trained on, in the course of training.

    Returns:
        Columns `model`, `step`, `phase` (`plateau`: constant rate, `cooling`: falling),
        `learning_rate`, `loss` (nats), `task`, `value` (accuracy; or bits per byte, where `task`
        says so).
    """
    where = Path(folder) if folder else laboratory_dir()
    return pl.read_csv(where / "curves.tsv", separator="\t")


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    out: Floats = powers / powers.sum(axis=1, keepdims=True)
    return out


def _pattern(question: str) -> re.Pattern[str]:
    escaped = re.escape(question)
    for name in ("character", "word"):
        escaped = escaped.replace(re.escape("{" + name + "}"), f"(?P<{name}>.+?)")
    return re.compile(escaped)


_PATTERNS = {task: _pattern(question) for task, question in QUESTIONS.items()}


def _understood(text: str) -> tuple[str, str, str | None]:
    for task, pattern in _PATTERNS.items():
        if match := pattern.search(text):
            groups = match.groupdict()
            return task, groups["word"], groups.get("character")
    raise LaboratoryError(
        f"The laboratory's models answer CharBench's four questions; {text[-80:]!r} is none."
    )

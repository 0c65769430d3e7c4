"""Train the laboratory's models from scratch: `make lab-train` runs this.

    python scripts/train_laboratory.py                                  # the small recipe
    python scripts/train_laboratory.py --recipe shipped --output data/laboratory

The small recipe trains one seed an arm, within an hour on two cores, into build/laboratory; it
shows that the path works and makes no claim. The shipped recipe trains three seeds. A run that is
stopped goes on where it was: a model that is written is not trained again. Needs PyTorch and onnx
(the extra `lab`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import platform
import shutil
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import tokenizers as hf
from tokenizers import models, trainers

from workbench.corpora.index import write_atomically
from workbench.laboratory.design import (
    ALPHABET,
    ARMS,
    RECIPES,
    VOCABULARIES,
    WRITER,
    Recipe,
    get_arm,
    halves,
)

ROOT = Path(__file__).resolve().parent.parent

THERE = "is there already"

SWITCH = 0.1
ORDERS = (1, 2, 4)
DICTIONARY = 16
"""Switching sources of the theory's second half, and the size of the dictionary over them."""


def train_vocabulary(size: int) -> hf.Tokenizer:
    """Byte-pair merges inside bare words, learned on each word of the training half once.

    Args:
        size: Entries, the 26 letters included; 26 gives letters alone.

    Returns:
        The tokenizer.
    """
    tokenizer = hf.Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=list(ALPHABET), limit_alphabet=len(ALPHABET),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(halves().train, trainer)
    return tokenizer


def write_vocabularies(folder: Path) -> None:
    """Write the three vocabularies, where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in VOCABULARIES.items():
        path = folder / f"{name}.json"
        if not path.exists():
            spec = json.loads(train_vocabulary(size).to_str())
            text = json.dumps(spec, ensure_ascii=False, indent=0)
            _write(path, text + "\n")


def label_of(kind: str, name: str, seed: int | str) -> str:
    """What a model is called in file names and curves."""
    return f"{name}-{seed}" if kind == "reader" else f"{kind}-{name}-{seed}"


def train_one(kind: str, name: str, seed: int, recipe: Recipe, folder: Path) -> str:
    """Train one model and write it, with its curve beside it; a model that is there stays.

    Args:
        kind: `reader` or `writer`.
        name: An arm, or the writer's vocabulary.
        seed: Of the model.
        recipe: The settings.
        folder: Where the vocabularies lie and the model goes.

    Returns:
        A sentence about it.
    """
    label = label_of(kind, name, seed)
    path, part = folder / f"{label}.onnx", folder / "parts" / f"{label}.json"
    if path.exists() and part.exists():
        return f"{label}: {THERE}"
    import torch

    from workbench.laboratory.export import save_reader, save_writer
    from workbench.laboratory.network import count_parameters
    from workbench.laboratory.training import ReaderRun, train_reader, train_writer

    torch.set_num_threads(1)
    start = time.monotonic()
    about = {"kind": kind, "arm": name, "seed": str(seed), "recipe": recipe.name}
    if kind == "reader":
        arm = get_arm(name)
        about |= {"vocabulary": arm.vocabulary, "split": f"{arm.split:g}"}
        trained = train_reader(ReaderRun(arm, recipe, seed, halves(), folder), _say)
        save_reader(trained.net, path, about)
    else:
        trained = train_writer(name, recipe, seed, halves(), folder, _say)
        about |= {"vocabulary": name}
        save_writer(trained.net, path, about)
    parameters, without_table = count_parameters(trained.net)
    facts = {
        **about, **trained.facts, "parameters": parameters,
        "parameters_without_tokens": without_table, "seconds": round(time.monotonic() - start),
    }  # fmt: skip
    curve = trained.curve.with_columns(model=pl.lit(label))
    _write(part, json.dumps({"facts": facts, "curve": curve.to_dicts()}))
    return f"{label}: {facts['steps']} steps in {facts['seconds']} s, plateau {facts['plateau']}"


def learn_source(order: int, entries: int | None, seed: int, folder: Path) -> str:
    """Train a transformer on a switching source; only its scores are kept.

    Args:
        order: k of the source.
        entries: Size of the dictionary; None reads letters.
        seed: Of weights and letters.
        folder: Where the scores go.

    Returns:
        A sentence about it.
    """
    label = f"source-{order}-{entries or 'letters'}-{seed}"
    part = folder / "parts" / f"{label}.tsv"
    if part.exists():
        return f"{label}: {THERE}"
    import torch

    from workbench.laboratory.switching import SwitchingSource, learning

    torch.set_num_threads(1)
    curve = learning(SwitchingSource(SWITCH, order), entries, seed=seed)
    _write(part, curve.with_columns(pl.col(pl.Float64).round_sig_figs(6)).write_csv(separator="\t"))
    return f"{label}: ends at {curve['bits_per_letter'][-1]:.3f} bits per letter"


def scatter(folder: Path) -> None:
    """Undo `gather`, so that models of an earlier run count as there and keep their records."""
    if not (folder / "training.json").exists():
        return
    curves = pl.read_csv(folder / "curves.tsv", separator="\t")
    for facts in json.loads((folder / "training.json").read_text())["models"]:
        label = label_of(facts["kind"], facts["arm"], facts["seed"])
        curve = curves.filter(pl.col("model") == label).to_dicts()
        _write(folder / "parts" / f"{label}.json", json.dumps({"facts": facts, "curve": curve}))
    if (folder / "switching.tsv").exists():
        table = pl.read_csv(folder / "switching.tsv", separator="\t")
        for (k, reads, seed), part in table.group_by("order", "reads", "seed"):
            name = f"source-{k}-{str(reads).removesuffix(' tokens')}-{seed}.tsv"
            _write(folder / "parts" / name, part.write_csv(separator="\t"))


def gather(recipe: Recipe, folder: Path) -> None:
    """Join the curves into curves.tsv and the facts into training.json; the parts go."""
    parts = [json.loads(p.read_text()) for p in sorted((folder / "parts").glob("*.json"))]
    rows = [row for part in parts for row in part["curve"]]
    columns = ["model", "step", "phase", "learning_rate", "loss", "task", "value"]
    curves = pl.DataFrame(rows).select(columns).with_columns(pl.col(pl.Float64).round_sig_figs(6))
    _write(folder / "curves.tsv", curves.write_csv(separator="\t"))
    sources = [
        pl.read_csv(path, separator="\t") for path in (folder / "parts").glob("source-*.tsv")
    ]
    if sources:
        order = ["order", "reads", "seed", "step"]
        table = pl.concat(sources).sort(order)
        _write(folder / "switching.tsv", table.write_csv(separator="\t"))
    packages = ("torch", "numpy", "tokenizers", "wordfreq")
    told: dict[str, Any] = {
        "recipe": asdict(recipe),
        "trained": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "on": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "words": {k: len(v) for k, v in asdict(halves()).items()},
        "models": [part["facts"] for part in parts],
    }
    _write(folder / "training.json", json.dumps(told, indent=1) + "\n")
    shutil.rmtree(folder / "parts")


def _end_with_parent() -> None:
    """End a worker whose parent was killed; else it would write beside the next run."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _say(line: str) -> None:
    print(f"{dt.datetime.now(tz=dt.UTC):%H:%M:%S} {line}", flush=True)


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode("utf-8"))


def main() -> int:
    """Train what is not there yet."""
    parser = argparse.ArgumentParser(description="Train the laboratory's models.")
    parser.add_argument("--recipe", choices=list(RECIPES), default="small")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "laboratory")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="models at a time")
    arguments = parser.parse_args()
    missing = [name for name in ("torch", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"Training needs {' and '.join(missing)}, which the workbench does not install by "
            "itself: run `make lab-train`, or `pip install -e '.[lab]'`.",
            file=sys.stderr,
        )
        return 1
    recipe, folder = RECIPES[arguments.recipe], arguments.output
    write_vocabularies(folder)
    scatter(folder)
    # Seeds on the outside: a run that is stopped early has whole sets of arms.
    jobs = [("reader", arm.name, seed) for seed in recipe.seeds for arm in ARMS]
    jobs += [("writer", WRITER, seed) for seed in recipe.seeds]
    context = multiprocessing.get_context("spawn")
    sources = [(k, n, seed) for seed in recipe.seeds for k in ORDERS for n in (None, DICTIONARY)]
    with ProcessPoolExecutor(
        arguments.jobs, mp_context=context, initializer=_end_with_parent
    ) as pool:
        running = [pool.submit(train_one, *job, recipe, folder) for job in jobs]
        running += [pool.submit(learn_source, *source, folder) for source in sources]
        said = []
        for done in as_completed(running):
            said.append(done.result())
            _say(said[-1])
    if (folder / "training.json").exists() and all(line.endswith(THERE) for line in said):
        shutil.rmtree(folder / "parts")  # nothing is new, and the record keeps its date
    else:
        gather(recipe, folder)
    _say(f"All models are in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

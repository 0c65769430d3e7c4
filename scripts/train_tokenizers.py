"""Train the small tokenizers of data/tokenizers on the workbench's own text.

    python scripts/train_tokenizers.py            # train and write all four
    python scripts/train_tokenizers.py workbench-bpe --output /tmp/again

The text is data/parallel and data/prose, in the order of their names. BPE trains to the same bytes
every time. The WordPiece and Unigram trainers of the `tokenizers` library do not: a second run
gives another file, which cuts about one text in ten differently; tests/test_trained_tokenizers.py
holds retraining to that tolerance. The committed files are the ones that data/checksums.json names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import tokenizers as hf
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent.parent
GPT_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s*[\r\n]|\s+(?!\S)|\s+"


def training_text() -> list[str]:
    """Return the lines that all four are trained on, without empty ones."""
    files = sorted((ROOT / "data" / "parallel").glob("*.txt"))
    files += sorted((ROOT / "data" / "prose").glob("*.txt"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").split("\n")]
    return [line for line in lines if line.strip()]


def _byte_level() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(hf.Regex(GPT_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def byte_level_bpe(
    lines: list[str], vocab_size: int = 4096, longest_token: int | None = None
) -> hf.Tokenizer:
    """Train byte-level BPE.

    Args:
        lines: The text.
        vocab_size: Entries, the special token included.
        longest_token: Longest token in bytes (under ByteLevel, bytes are what is counted), or None
            for no limit.

    Returns:
        The tokenizer.
    """
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _byte_level()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        # The trainer stops one short of its own limit (tokenizers 0.23: 4 gives tokens of 3).
        max_token_length=None if longest_token is None else longest_token + 1,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def wordpiece(lines: list[str]) -> hf.Tokenizer:
    """Train WordPiece as BERT has it: lower case, accents stripped, words cut first."""
    tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=4096, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    return tokenizer


def unigram(lines: list[str]) -> hf.Tokenizer:
    """Train Unigram as T5 has it: NFKC, `▁` for a space, unknown characters."""
    # The library's Unigram would match the spelling of a special token in ordinary text. A piece
    # with a space in it cannot be typed (Metaspace turns spaces into ▁), and the other two stand
    # outside the model.
    unknown = "< unk >"
    tokenizer = hf.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=4094, special_tokens=[unknown], unk_token=unknown, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


TRAINERS: dict[str, Callable[[list[str]], hf.Tokenizer]] = {
    "workbench-bpe": byte_level_bpe,
    "workbench-char-bpe": lambda lines: byte_level_bpe(lines, 2048, longest_token=4),
    "workbench-wordpiece": wordpiece,
    "workbench-unigram": unigram,
}


def save(tokenizer: hf.Tokenizer, path: Path) -> None:
    """Write a tokenizer with sorted keys and one line an entry, so that a diff can be read."""
    spec = json.loads(tokenizer.to_str())
    text = json.dumps(spec, ensure_ascii=False, indent=0)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Train what was asked for."""
    parser = argparse.ArgumentParser(description="Train the small tokenizers on data/.")
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(TRAINERS)}; default: all")
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "tokenizers")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(TRAINERS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(TRAINERS)}")
    lines = training_text()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or TRAINERS:
        path = arguments.output / f"{name}.json"
        tokenizer = TRAINERS[name](lines)
        save(tokenizer, path)
        print(f"{name}: {tokenizer.get_vocab_size():,} entries, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

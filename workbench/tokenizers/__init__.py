"""One face over `tokenizers`, `tiktoken` and `sentencepiece`.

`load_tokenizer` takes a name, a path, a hub id or a live object and returns a `Tokenizer`;
`list_tokenizers` says which names there are. No other module knows where a tokenizer came from.
"""

from workbench.tokenizers.base import Alignment, Tokenizer, TokenizerError
from workbench.tokenizers.catalog import (
    data_dir,
    list_tokenizers,
    load_tokenizer,
    load_tokenizers,
)

__all__ = [
    "Alignment",
    "Tokenizer",
    "TokenizerError",
    "data_dir",
    "list_tokenizers",
    "load_tokenizer",
    "load_tokenizers",
]

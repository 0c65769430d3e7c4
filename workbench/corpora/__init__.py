"""Corpora: lazy documents with the columns `doc_id`, `text`, `language` and `domain`.

`load_corpus` takes a name, files, a frame or an address; `list_corpora` says which names there are.
A `Corpus` is read in bounded memory: as a polars scan, in batches, or shard by shard on other
machines. What is no document is an error that names file, row and remedy, or is counted.
"""

from workbench.corpora.bundled import petrov_text
from workbench.corpora.corpus import Corpus
from workbench.corpora.fields import CorpusError
from workbench.corpora.loading import list_corpora, load_corpus
from workbench.corpora.shards import Shard

__all__ = ["Corpus", "CorpusError", "Shard", "list_corpora", "load_corpus", "petrov_text"]

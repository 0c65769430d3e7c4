"""Counting a corpus under tokenizers: exact, mergeable, streamed, here or on many machines.

`count_corpus` gives a `CorpusCounts`: for each tokenizer `TokenCounts`, which hold what every
metric needs and add up to the same bits in any order. `counts` says what is counted, `engines`
who counts, `text_statistics` what a text holds by itself, `shards` the unit of work, `running` how
shards are run, and `cache` what is kept.
"""

from workbench.counting.cache import Cache, CacheWarning, default_folder
from workbench.counting.counts import (
    BLOCKS,
    FIXED,
    Group,
    GroupCounts,
    TokenCounts,
    TokenHistogram,
    document_hash,
)
from workbench.counting.engines import EngineReport
from workbench.counting.running import (
    CorpusCounts,
    CountingError,
    CountingWarning,
    count_corpus,
    frame_shards,
)
from workbench.counting.shards import (
    PROBE_CHARACTERS,
    WORD_TYPES,
    CorpusSample,
    Plan,
    SampledDocument,
)

__all__ = [
    "BLOCKS",
    "FIXED",
    "PROBE_CHARACTERS",
    "WORD_TYPES",
    "Cache",
    "CacheWarning",
    "CorpusCounts",
    "CorpusSample",
    "CountingError",
    "CountingWarning",
    "EngineReport",
    "Group",
    "GroupCounts",
    "Plan",
    "SampledDocument",
    "TokenCounts",
    "TokenHistogram",
    "count_corpus",
    "default_folder",
    "document_hash",
    "frame_shards",
]

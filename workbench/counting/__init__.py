"""Counting a corpus under tokenizers: exact, mergeable, streamed, here or on many machines.

`count_corpus` gives a `CorpusCounts`: for each tokenizer `TokenCounts`, which hold what every
metric needs and add up to the same bits in any order. `counts` says what is counted, `engines`
who counts, `text_statistics` what a text holds by itself, `shards` the unit of work, `running` how
shards are run, `plan` what is asked for, `samples` what is kept of the text, and `cache` what is
kept on disk.
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
from workbench.counting.plan import Plan
from workbench.counting.running import (
    CorpusCounts,
    CountingError,
    CountingWarning,
    count_corpus,
    frame_shards,
)
from workbench.counting.samples import (
    PROBE_CHARACTERS,
    WORD_TYPES,
    CorpusSample,
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

"""Character tasks: items, prompts, runs, scores, and what tokenization has to do with the errors.

The path of the data: `build_items` (or `build_cute`, `build_langgame`) makes a set; a model, a
file or a reference answerer gives answers; `score` accounts for every item; `analyze` says what
the errors go with. All tables are polars frames.
"""

from workbench.character_tasks.analysis import Analysis, analyze
from workbench.character_tasks.answers import read_answers
from workbench.character_tasks.browser import browse_errors
from workbench.character_tasks.cute import CUTE_TASKS, build_cute
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import CHARBENCH_TASKS, build_items, sample_items
from workbench.character_tasks.langgame import LANGGAME_TASKS, build_langgame
from workbench.character_tasks.prompts import PROMPTS, Prompt, in_sentence, with_prompts
from workbench.character_tasks.reference import reference_answers
from workbench.character_tasks.running import ask, estimate_run, run_model
from workbench.character_tasks.scoring import accounting, accuracy, score
from workbench.character_tasks.store import load_items, make_items, read_recipe, save_items
from workbench.character_tasks.stratified import achieved_design, build_stratified
from workbench.character_tasks.wordlists import charbench_words, make_identifiers, wordfreq_words

__all__ = [
    "CHARBENCH_TASKS",
    "CUTE_TASKS",
    "LANGGAME_TASKS",
    "PROMPTS",
    "Analysis",
    "CharacterTaskError",
    "Prompt",
    "accounting",
    "accuracy",
    "achieved_design",
    "analyze",
    "ask",
    "browse_errors",
    "build_cute",
    "build_items",
    "build_langgame",
    "build_stratified",
    "charbench_words",
    "estimate_run",
    "in_sentence",
    "load_items",
    "make_identifiers",
    "make_items",
    "read_answers",
    "read_recipe",
    "reference_answers",
    "run_model",
    "sample_items",
    "save_items",
    "score",
    "with_prompts",
    "wordfreq_words",
]

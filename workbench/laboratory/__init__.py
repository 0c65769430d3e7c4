"""A laboratory in miniature: small transformers that read words through different tokenizers.

Character questions need a model that can spell, and large ones need a key, a network and a budget.
Here the same small network is trained from scratch several times over, on the same questions about
the same words; only the cut into tokens differs. The trained weights ship with the workbench and
run offline, so that two questions get an answer from numbers: does a longer token hide the
position of its letters, and do stochastic splits help?

`load_models` gives the trained models, `unseen_items` questions about words they were not trained
on, `answers` what they say, and `findings` what follows. Training needs PyTorch
(`make lab-train`).
"""

from workbench.laboratory.design import ARMS, get_arm, halves, readable
from workbench.laboratory.findings import (
    accuracy_by_arm,
    against,
    ask_all,
    by_token_length,
    curves_by_arm,
    hiding,
    in_words,
    unseen_items,
    verdict,
    words_needed,
)
from workbench.laboratory.models import (
    LaboratoryError,
    Reader,
    Writer,
    answers,
    learning_curves,
    load_model,
    load_models,
    load_writers,
    training_facts,
)
from workbench.laboratory.reading import laboratory_dir, vocabulary

__all__ = [
    "ARMS",
    "LaboratoryError",
    "Reader",
    "Writer",
    "accuracy_by_arm",
    "against",
    "answers",
    "ask_all",
    "by_token_length",
    "curves_by_arm",
    "get_arm",
    "halves",
    "hiding",
    "in_words",
    "laboratory_dir",
    "learning_curves",
    "load_model",
    "load_models",
    "load_writers",
    "readable",
    "training_facts",
    "unseen_items",
    "verdict",
    "vocabulary",
    "words_needed",
]

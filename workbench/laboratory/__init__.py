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

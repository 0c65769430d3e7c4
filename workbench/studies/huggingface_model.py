"""A causal language model of ``transformers`` as a function of token prefixes.

It takes the place of an n-gram model in :mod:`workbench.studies.byte_probabilities`. PyTorch is an
extra, and imported when a model is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.studies.cover_search import Floats

__all__ = ["HuggingFaceModel", "load_huggingface"]


class HuggingFaceModel:
    """A causal language model of ``transformers``, as a callable of token prefixes.

    Args:
        model: A causal language model in evaluation mode, or anything called with ``input_ids``
            (a tensor of shape ``(1, tokens)``) that returns ``logits``, of shape
            ``(1, tokens, ids)``.
        begin: Id put before every prefix, since the empty prefix needs a context too. Taken from
            the model's configuration where it names one.

    Raises:
        ImportError: When PyTorch is not installed.
        ValueError: When no begin-of-text id is known, or the model is in training mode.

    Example:
        HuggingFaceModel(network.eval(), begin=0)([5, 7])  # what follows the tokens 0, 5, 7
    """

    def __init__(self, model: Any, begin: int | None = None) -> None:
        try:
            import torch
        except ImportError as missing:
            raise ImportError(
                "A Hugging Face model needs PyTorch: install the extra with "
                "pip install 'tokenizer-workbench[transformers]'."
            ) from missing
        if getattr(model, "training", False):
            raise ValueError(
                "The model is in training mode, where dropout makes its answers random: call "
                "model.eval() first."
            )
        self._torch = torch
        self._model = model
        if begin is None:
            begin = getattr(getattr(model, "config", None), "bos_token_id", None)
        if begin is None:
            raise ValueError(
                "The model names no begin-of-text token: pass `begin`, an id that stands before "
                "every text."
            )
        self.begin = int(begin)

    def __call__(self, prefix: Sequence[int]) -> Floats:
        """Natural log-probabilities of the next token, in double precision."""
        torch = self._torch
        ids = torch.tensor([[self.begin, *prefix]], dtype=torch.long, device=self._device())
        with torch.inference_mode():
            logits = self._model(input_ids=ids).logits[0, -1]
        return np.asarray(torch.log_softmax(logits.double(), dim=-1).cpu().numpy())

    def _device(self) -> Any:
        """Where the model's weights are; None, the default, for a model that shows none."""
        parameters = getattr(self._model, "parameters", tuple)
        return next((weights.device for weights in parameters()), None)


def load_huggingface(name: str, begin: int | None = None) -> HuggingFaceModel:
    """Load a causal model by its hub name or folder; nothing that comes with it is run.

    Neither its code nor pickled weights: only safetensors are read.

    Args:
        name: A hub id or a local folder.
        begin: As for :class:`HuggingFaceModel`.

    Returns:
        The model as a callable of token prefixes.

    Raises:
        ImportError: When ``transformers`` or PyTorch is not installed.
        OSError: When there are no weights as safetensors.
    """
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as missing:
        raise ImportError(
            "Loading a Hugging Face model needs the extra: "
            "pip install 'tokenizer-workbench[transformers]'."
        ) from missing
    model: Any = AutoModelForCausalLM.from_pretrained(
        name, trust_remote_code=False, use_safetensors=True
    )
    return HuggingFaceModel(model.eval(), begin)

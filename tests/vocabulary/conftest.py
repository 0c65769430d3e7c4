"""Tokenizers that the tests of the vocabulary share; reading them anew would dominate."""

from functools import cache

import pytest

from workbench.tokenizers import load_tokenizer


@pytest.fixture(scope="session")
def tokenizer_named():
    return cache(load_tokenizer)

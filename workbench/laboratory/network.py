"""The small transformers of the laboratory, in PyTorch. Only training needs this module.

`QuestionNet` reads a word once and answers any number of questions about it: a question is one
more position, which sees the word and not the other questions. `TokenNet` continues a sequence
token by token, and `WordNet` is one for words. All have the same blocks; only the table of token
vectors depends on the vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.laboratory.design import ALPHABET, CLASSES, LONGEST, TASKS

_SPREAD = 0.3  # of vectors at the start: large enough to tell tokens apart from the first step on
_NEVER = -1e9


class Block(nn.Module):
    """Attention to the first `keys` positions, then a layer on each position by itself.

    Args:
        width: Numbers in a vector.
        heads: Of the attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.before_layer = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor, keys: int) -> Tensor:
        """One step.

        Args:
            x: Shape `(batch, positions, width)`.
            mask: Added to the scores; broadcasts to `(batch, heads, positions, keys)`.
            keys: How many positions, from the first, can be looked at.

        Returns:
            The same shape as `x`.
        """
        size = x.shape[2] // self.heads
        parts = self.queries_keys_values(self.before_attention(x))
        parts = parts.unflatten(2, (3, self.heads, size))
        queries, own, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (queries * size**-0.5) @ own[:, :, :keys].transpose(2, 3)
        seen = (scores + mask).softmax(-1) @ values[:, :, :keys]
        x = x + self.mix(seen.transpose(1, 2).flatten(2))
        out: Tensor = x + self.down(functional.relu(self.up(self.before_layer(x))))
        return out


class QuestionNet(nn.Module):
    """Reads the tokens of a word, and answers questions about its letters with a number.

    Args:
        size: Entries of the vocabulary; id `size` fills up short words.
        width: Numbers in a vector.
        layers: Blocks.
        heads: Of the attention.
    """

    def __init__(self, size: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.size = size
        self.tokens = nn.Embedding(size + 1, width)
        self.places = nn.Embedding(LONGEST, width)
        self.tasks = nn.Embedding(len(TASKS), width)
        self.letters = nn.Embedding(len(ALPHABET) + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.answer = nn.Linear(width, CLASSES)
        for table in (self.tokens, self.places, self.tasks, self.letters):
            nn.init.normal_(table.weight, std=_SPREAD)

    def forward(self, words: Tensor, tasks: Tensor, letters: Tensor) -> Tensor:
        """Scores of the numbers 0 to 10.

        Args:
            words: Token ids, shape `(batch, positions)`.
            tasks: Numbers of tasks, shape `(batch, questions)`.
            letters: Numbers of letters, the same shape.

        Returns:
            Shape `(batch, questions, 11)`.
        """
        places = words.shape[1]
        word = self.tokens(words) + self.places.weight[:places]
        x = torch.cat([word, self.tasks(tasks) + self.letters(letters)], dim=1)
        mask = ((words == self.size) * _NEVER)[:, None, None, :]
        for block in self.blocks:
            x = block(x, mask, places)
        scores: Tensor = self.answer(self.last(x[:, places:]))
        return scores


class TokenNet(nn.Module):
    """Continues a sequence token by token; the table of vectors is read at both ends.

    Id `size` stands before the first token and behind the last. What `hidden` gives, times the
    table transposed, are the log-odds of the next token.

    Args:
        size: Entries of the vocabulary.
        width: Numbers in a vector.
        layers: Blocks.
        heads: Of the attention.
        places: Positions of the longest sequence, the edge before it included.
    """

    def __init__(self, size: int, width: int, layers: int, heads: int, places: int) -> None:
        super().__init__()
        self.size = size
        self.tokens = nn.Embedding(size + 1, width)
        self.places = nn.Embedding(places, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        for table in (self.tokens, self.places):
            nn.init.normal_(table.weight, std=_SPREAD)

    def hidden(self, vectors: Tensor) -> Tensor:
        """What is multiplied with the table of vectors to score the next token.

        Args:
            vectors: Of the tokens so far, shape `(batch, positions, width)`.

        Returns:
            The same shape.
        """
        places = vectors.shape[1]
        x = vectors + self.places.weight[:places]
        mask = torch.full((places, places), _NEVER).triu(1)
        for block in self.blocks:
            x = block(x, mask, places)
        out: Tensor = self.last(x)
        return out


class WordNet(TokenNet):
    """Continues words, of at most 10 tokens.

    Args:
        size: Entries of the vocabulary.
        width: Numbers in a vector.
        layers: Blocks.
        heads: Of the attention.
    """

    def __init__(self, size: int, width: int, layers: int, heads: int) -> None:
        super().__init__(size, width, layers, heads, LONGEST + 1)


def count_parameters(net: nn.Module) -> tuple[int, int]:
    """All parameters, and those that are not in the table of token vectors."""
    everything = sum(p.numel() for p in net.parameters())
    table = net.get_submodule("tokens").get_parameter("weight").numel()
    return everything, everything - table

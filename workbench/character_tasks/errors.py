"""The one error of this package: a sentence that names the value and the remedy."""


class CharacterTaskError(ValueError):
    """Bad items, answers or models.

    The message says which value was met, what was expected, and what to do.
    """

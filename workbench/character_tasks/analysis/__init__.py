"""What the answers say: chance first, then the word, then its tokens."""

from workbench.character_tasks.analysis.analyze import Analysis, analyze

__all__ = ["Analysis", "analyze"]

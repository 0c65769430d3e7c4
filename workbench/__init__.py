"""A research workbench for tokenizers."""

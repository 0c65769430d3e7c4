"""One module per method of a paper: the claim, the smallest honest experiment, the verdict.

Every study takes any tokenizer and any corpus of the workbench, and has a ``verdict(...)`` that
returns the rows of :data:`workbench.studies.verdicts.COLUMNS`: the tables in the notebooks and in
the README come from there, so no figure is typed by hand. The modules are imported one by one
(``from workbench.studies import stochastok``): this file imports none, to keep
``import workbench`` quick.
"""

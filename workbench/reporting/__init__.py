"""How a report is made; the public names are in `workbench.reports`.

`parameters` reads and checks what a notebook may be given, `execution` runs it through papermill,
`provenance` says what the numbers came from, `tables` keeps its data, `html` writes the page,
`store` puts page and data in place at once, `index` lists what there is.
"""

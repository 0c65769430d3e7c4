"""The list of reports, `index.html`."""

from __future__ import annotations

from itertools import groupby

from workbench.reporting.html import policy, style, templates
from workbench.reporting.store import State, Store

STUDIES = "studies/"


def _group(state: State) -> str:
    return "Studies" if state.notebook.startswith(STUDIES) else "Notebooks"


def write_index(store: Store) -> None:
    """Write the list of every report whose page is there; the caller holds the store's lock."""
    from markupsafe import Markup

    states = sorted(store.states(), key=lambda one: (_group(one) != "Notebooks", one.name))
    groups = [(heading, list(members)) for heading, members in groupby(states, key=_group)]
    failed = [one for one in states if one.status == "failed"]
    html = (
        templates()
        .get_template("list.html.j2")
        .render(
            policy=policy([]),
            style=Markup(style()),  # noqa: S704 - a file of this project
            groups=groups,
            done=len(states) - len(failed),
            failed=len(failed),
            first_failed=failed[0].name if failed else None,
            earlier={one.name for one in failed if (store.folder / f"{one.name}.html").is_file()},
        )
    )
    store.write("index.html", html)

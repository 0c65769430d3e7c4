"""How documents are grouped, which group is the reference, and what groups allow to compute."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from workbench.compare.measuring import ALL, Options
from workbench.counting import Group
from workbench.metrics import Selected
from workbench.metrics._base import GroupsVariant, RelativeVariant

REFERENCES = ("eng_Latn", "eng", "en", "en_US", "English", "english")
"""Groups taken for the reference where none is named."""

By = str | Sequence[str] | Callable[[str | None, str | None], str] | None
"""None for the whole corpus; "language", "domain", "script" (the part of a language's code after
the underscore), several of these; or a function of language and domain."""


def label_of(by: By) -> Callable[[Group], str]:
    """How a (language, domain) is named as a group.

    Args:
        by: See `By`.

    Returns:
        A function from (language, domain) to the name of its group.

    Raises:
        ValueError: If `by` is none of these.
    """
    if by is None:
        return lambda _group: ALL
    if callable(by):
        return lambda group: by(*group)
    parts = [by] if isinstance(by, str) else list(by)
    unknown = [part for part in parts if part not in {"language", "domain", "script"}]
    if unknown or not parts:
        raise ValueError(
            f"by is 'language', 'domain', 'script', several of them, a function or None, not {by!r}"
        )

    def label(group: Group) -> str:
        script = re.search(r"[_-]([A-Z][a-z]{3})\b", group[0] or "")
        values = {
            "language": group[0],
            "domain": group[1],
            "script": script.group(1) if script else None,
        }
        return " · ".join(values[part] or f"(no {part})" for part in parts)

    return label


def reference_of(asked: str | None, names: list[str]) -> str | None:
    """The reference group.

    Args:
        asked: What the user named, or None.
        names: The groups there are.

    Returns:
        The reference; None where nobody named one and no group is English.

    Raises:
        ValueError: If there is no group of that name.
    """
    if asked is None:
        return next((name for name in REFERENCES if name in names), None)
    if asked not in names:
        raise ValueError(
            f"the reference {asked!r} is not among the groups {names[:20]}"
            + (": give by='language'" if names == [ALL] else "")
        )
    return asked


def possible(
    chosen: Selected, names: list[str], options: Options, asked: Collection[str] = ()
) -> Selected:
    """What can be computed of these groups.

    Args:
        chosen: Metrics and variants.
        names: The groups.
        options: The reference is looked at.
        asked: What the user named: it is an error if nothing of it can be computed.

    Returns:
        Those that can be.

    Raises:
        ValueError: Naming what was asked for and what it lacks.
    """
    kept: Selected = []
    problems: dict[str, str] = {}
    for metric, variant in chosen:
        problem = ""
        if isinstance(variant, RelativeVariant) and options.reference is None:
            problem = f"needs a reference group, and none of {names[:10]} was named: reference=..."
        elif isinstance(variant, GroupsVariant) and len(names) < 2:
            problem = "is a number over groups: give by='language' or by='domain'"
        if problem:
            name = f"{metric.name}.{variant.name}"
            problems[name if name in asked else metric.name] = f"{name} {problem}"
        else:
            kept.append((metric, variant))
    for name in sorted(problems.keys() & set(asked)):
        if "." in name or name not in {metric.name for metric, _ in kept}:
            raise ValueError(problems[name])
    return kept

"""What a notebook may be given: its parameters cell read, and values checked before anything runs.

Papermill only warns about a name it does not know and then runs the defaults, and its own reader
loses annotations with ``|`` and values over several lines. So the cell is read here as Python's
syntax tree: flat literals, each with a type and a trailing comment.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import itertools
import json
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

PARAMETERS_TAG = "parameters"


class ReportError(ValueError):
    """A report that cannot be made: an unknown notebook or parameter, or a run that failed."""


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Attributes:
        name: The variable.
        type: Its annotation as written, or the default's type where there is none.
        default: The literal.
        help: The trailing comment, without the ``#``.
    """

    name: str
    type: str
    default: Any
    help: str

    def accepts(self, value: Any) -> bool:
        """Whether the value fits the type.

        Example:
            >>> Parameter("seed", "int", 7, "").accepts("seven")
            False
        """
        return _fits(value, ast.parse(self.type, mode="eval").body)

    def parse(self, text: str) -> Any:
        """Turn what was typed behind ``-p name=`` into a value.

        A text stays a text; a list is written as YAML or JSON (``[a, b]``) or as ``a,b``.

        Args:
            text: What stands behind the equals sign.

        Returns:
            A value of the parameter's type, or the text itself, which `accepts` then refuses.

        Example:
            >>> Parameter("languages", "list[str]", [], "").parse("deu,fra")
            ['deu', 'fra']
        """
        nothing = text in ("null", "None") and self.accepts(None)
        if nothing or self.accepts(text):
            return None if nothing else text
        # A list of texts may hold what is read as a number or as nothing: "1,no".
        parts = [
            part.strip() for part in text.strip().removeprefix("[").removesuffix("]").split(",")
        ]
        for value in (*_readings(text), parts, [next(_readings(part), part) for part in parts]):
            if self.accepts(value):
                return value
        return text


def _readings(text: str) -> Iterator[Any]:
    """What a text means as Python and as YAML, where it means something."""
    for read in (ast.literal_eval, yaml.safe_load):
        with contextlib.suppress(ValueError, SyntaxError, yaml.YAMLError):
            yield read(text)


def _fits(value: Any, annotation: ast.expr) -> bool:
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _fits(value, left) or _fits(value, right)
        case ast.Name(id="bool"):
            return isinstance(value, bool)
        case ast.Name(id="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name(id="float"):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Name(id="str"):
            return isinstance(value, str)
        case ast.Name(id="list"):
            return isinstance(value, list)
        case ast.Name(id="dict"):
            return isinstance(value, dict)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return isinstance(value, list) and all(_fits(one, item) for one in value)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return isinstance(value, dict) and all(
                _fits(k, key) and _fits(v, item) for k, v in value.items()
            )
        case _:
            raise ReportError(
                f"the annotation {ast.unparse(annotation)!r} is none a parameter can have: use "
                "str, int, float, bool, list[…], dict[…, …], and | None"
            )


def read_cell(source: str) -> list[Parameter]:
    """Read a parameters cell.

    Args:
        source: The cell's Python.

    Returns:
        The parameters in order.

    Raises:
        ReportError: A line is no flat literal; the message names it.

    Example:
        >>> read_cell("seed: int = 7  # for sampling")
        [Parameter(name='seed', type='int', default=7, help='for sampling')]
    """
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ReportError(f"the parameters cell is no valid Python: {error}") from None
    comments = {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = []
    for line in body:
        match line:
            case ast.AnnAssign(
                target=ast.Name(id=name), annotation=kind, value=ast.expr() as given
            ):
                annotation = ast.unparse(kind)
            case ast.Assign(targets=[ast.Name(id=name)], value=given):
                annotation = ""
            case _:
                raise ReportError(
                    f"a parameters cell holds only lines like 'name: type = value  # meaning'; "
                    f"line {line.lineno} is {ast.unparse(line)!r}"
                )
        try:
            default = ast.literal_eval(given)
        except ValueError:
            raise ReportError(
                f"the parameter {name!r} is no literal: {ast.unparse(given)!r}. Derived values "
                "belong in the next cell, where papermill's values are already in place"
            ) from None
        comment = comments.get(line.end_lineno or line.lineno, "")
        found.append(Parameter(name, annotation or type(default).__name__, default, comment))
    return found


def parameters_cell(notebook: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The cell tagged ``parameters``, or None."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and PARAMETERS_TAG in cell["metadata"].get("tags", []):
            return dict(cell)
    return None


def read_parameters(notebook: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters of a notebook (as nbformat reads it), by name; none without such a cell."""
    cell = parameters_cell(notebook)
    return {} if cell is None else {one.name: one for one in read_cell(cell["source"])}


def check_values(
    notebook: str, known: Mapping[str, Parameter], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Refuse unknown names and values of another type.

    Args:
        notebook: Its name, for the message.
        known: What `read_parameters` found.
        values: What was asked for.

    Returns:
        The values that differ from the defaults, in the notebook's order.

    Raises:
        ReportError: Names every problem, with the near names and the expected types.
    """
    problems = []
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "none of its names is near"
            problems.append(f"it has no parameter {name!r}: {hint}")
        elif not known[name].accepts(value):
            one = known[name]
            problems.append(f"{name} is {value!r}, but {one.type} is expected ({one.help})")
    if problems:
        listed = ", ".join(f"{one.name}: {one.type}" for one in known.values()) or "none"
        raise ReportError(
            f"{notebook} was not run: " + "; ".join(problems) + f". Its parameters are {listed}."
        )
    return {
        name: values[name]
        for name in known
        if name in values and not _same(values[name], known[name].default)
    }


def _same(left: Any, right: Any) -> bool:
    # 1 == True in Python, and not in a report.
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def expand_grid(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values, the last name varying fastest.

    Example:
        >>> expand_grid({"seed": [1, 2], "corpus": ["code"]})
        [{'seed': 1, 'corpus': 'code'}, {'seed': 2, 'corpus': 'code'}]
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def split_assignments(assignments: Iterable[str]) -> dict[str, list[str]]:
    """Group ``name=value`` texts by name, so that a repeated name is a grid.

    Raises:
        ReportError: A text without an equals sign.

    Example:
        >>> split_assignments(["seed=1", "seed=2"])
        {'seed': ['1', '2']}
    """
    grouped: dict[str, list[str]] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ReportError(f"{text!r} is no parameter: write -p name=value")
        grouped.setdefault(name.strip(), []).append(value)
    return grouped


def parse_grid(
    known: Mapping[str, Parameter], texts: Mapping[str, Sequence[str]]
) -> dict[str, list[Any]]:
    """Give typed texts the types of a notebook's parameters; unknown names stay as they are."""
    return {
        name: [known[name].parse(text) if name in known else text for text in values]
        for name, values in texts.items()
    }

"""Chat templates, run where they can do no harm and always come to an end.

A template is a program from a stranger. Jinja's immutable sandbox keeps it from Python and from
changing what it is given; what is added here keeps it from running or growing without end: every
turn of a loop and every call of a macro is counted, and every string that grows is measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
import jinja2.filters
import jinja2.nodes as n
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workbench.tokenizers import TokenizerError

#: Turns of loops and calls of macros in one rendering, and seconds it may take.
MAX_TURNS = 1_000_000
MAX_SECONDS = 3.0
#: Characters of any string that a template makes.
MAX_CHARACTERS = 20_000_000


class ChatTemplateError(TokenizerError):
    """A chat template is broken, refuses the messages, or does not come to an end."""


class _Refusal(Exception):  # noqa: N818 - a message from the template, not an error of the program
    """What a template says with ``raise_exception``."""


class _Generation(jinja2.ext.Extension):
    """``{% generation %} … {% endgeneration %}``: marks what the model said, and prints it."""

    tags = {"generation"}  # noqa: RUF012 - the type that Jinja declares

    def parse(self, parser: Parser) -> list[n.Node]:
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox with the names that chat templates expect, and with bounds.

    The bounds are those of one rendering: make an environment for each.
    """

    intercepted_binops = frozenset({"*", "+", "%", "**"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", _Generation],
            finalize=self._printed,
        )
        self._characters = 0
        self._turns = 0
        self._deadline = time.monotonic() + MAX_SECONDS
        self.filters["tojson"] = _tojson
        for name in ("center", "indent", "replace", "join", "format", "wordwrap"):
            self.filters[name] = self._measured(self.filters[name])
        self.globals.pop("lipsum", None)
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = _strftime_now

    def turn(self) -> str:
        """Count one turn of a loop or one call of a macro; prints nothing."""
        self._turns += 1
        if self._turns > MAX_TURNS or time.monotonic() > self._deadline:
            raise ChatTemplateError(
                f"the chat template was stopped after {self._turns:,} turns of its loops: it may "
                f"take {MAX_TURNS:,} turns and {MAX_SECONDS:g} seconds. It does not end soon"
            )
        return ""

    def _printed(self, value: Any) -> Any:
        """Measure what is printed, into the result or into a block that is kept."""
        if isinstance(value, str):
            self._characters += len(value)
            _measure(self._characters)
        return value

    def joined(self, *parts: Any) -> str:
        """What ``~`` does, measured."""
        texts = [str(part) for part in parts]
        _measure(sum(map(len, texts)))
        return "".join(texts)

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            _check_numbers(args, kwargs)
            if function is _REPLACE:
                _check_replace(args[-3:] if len(args) >= 4 else args)
            if function is _FORMAT and args:
                _check_format(str(args[0]))
            result = function(*args, **kwargs)
            _measure(len(result) if isinstance(result, str) else 0)
            return result

        for mark in ("jinja_pass_arg", "jinja_async_variant"):
            if hasattr(function, mark):
                setattr(measured, mark, getattr(function, mark))
        return measured

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic that cannot explode."""
        if operator == "**" and not (
            isinstance(left, int | float)
            and isinstance(right, int | float)
            and abs(left) < 1e6
            and abs(right) <= 64
        ):
            raise ChatTemplateError(f"the chat template computes {left!r:.40} ** {right!r:.40}")
        if operator in "*+":
            sizes = [len(x) for x in (left, right) if isinstance(x, str | list | tuple)]
            if operator == "+":
                _measure(sum(sizes))
            elif sizes:
                count = right if isinstance(right, int) else left
                _measure(sizes[0] * max(0, count) if isinstance(count, int) else sizes[0])
            elif isinstance(left, int) and isinstance(right, int):
                _measure(left.bit_length() + right.bit_length())
        if operator == "%" and isinstance(left, str):
            _check_format(left)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """The sandbox's ``str.format``, its widths checked."""
        if getattr(value, "__name__", "") in {"format", "format_map"}:
            owner = getattr(value, "__self__", None)
            if isinstance(owner, str):
                _check_format(owner)
        return super().wrap_str_format(value)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call something from a template, with measured numbers and results."""
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            _check_numbers(args, kwargs)
            if getattr(obj, "__name__", "") == "replace":
                _check_replace((owner, *args))
        result = super().call(context, obj, *args, **kwargs)
        _measure(len(result) if isinstance(result, str | list) else 0)
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> n.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(n.For):
            loop.body.insert(0, _count(loop.lineno))
        for macro in tree.find_all(n.Macro):
            macro.body.insert(0, _count(macro.lineno))
        for block in tree.find_all(n.CallBlock):
            block.body.insert(0, _count(block.lineno))
        for parent in list(_nodes(tree)):
            _measure_concatenations(parent)
        return tree


def _nodes(tree: n.Node) -> Iterator[n.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _nodes(child)


def _call(name: str, arguments: list[n.Expr], line: int) -> n.Call:
    function = n.EnvironmentAttribute(name)
    return n.Call(function, arguments, [], None, None, lineno=line)


def _count(line: int) -> n.Output:
    return n.Output([_call("turn", [], line)], lineno=line)


def _measure_concatenations(parent: n.Node) -> None:
    """Replace ``a ~ b`` by a call that measures, in every field of a node."""
    for field, value in list(parent.iter_fields()):
        if isinstance(value, n.Concat):
            setattr(parent, field, _call("joined", value.nodes, value.lineno))
        elif isinstance(value, list):
            value[:] = [
                _call("joined", item.nodes, item.lineno) if isinstance(item, n.Concat) else item
                for item in value
            ]


def _measure(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise ChatTemplateError(
            f"the chat template makes {characters:,} characters or items at once; at most "
            f"{MAX_CHARACTERS:,} are allowed"
        )


def _check_numbers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for number in (*args, *kwargs.values()):
        if isinstance(number, int):
            _measure(abs(number))


def _check_replace(args: tuple[Any, ...]) -> None:
    if len(args) >= 3 and all(isinstance(part, str) for part in args[:3]):
        text, old, new = args[:3]
        times = text.count(old) if old else len(text) + 1
        _measure(len(text) + times * len(new))


def _check_format(pattern: str) -> None:
    digits = 0
    for character in pattern:
        digits = digits + 1 if character.isdigit() else 0
        if digits > 6:
            raise ChatTemplateError(
                f"the chat template formats with a width of more than six digits: {pattern!r:.60}"
            )


def _raise_exception(message: str) -> str:
    raise _Refusal(message)


def _strftime_now(form: str) -> str:
    # Templates mean the user's own clock, as the model's library does.
    return datetime.now().astimezone().strftime(form)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as chat templates expect it: readable, and not escaped for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


_REPLACE = jinja2.filters.FILTERS["replace"]
_FORMAT = jinja2.filters.FILTERS["format"]


def run_template(template: str, variables: dict[str, Any]) -> str:
    """Render a template within its bounds.

    Raises:
        ChatTemplateError: in a sentence: broken, refused, forbidden, undefined, or without end.

    Example:
        >>> run_template("{% for m in messages %}<{{ m }}>{% endfor %}", {"messages": [1, 2]})
        '<1><2>'
    """
    environment = ChatEnvironment()
    try:
        parts: list[str] = []
        size = 0
        for part in environment.from_string(template).generate(**variables):
            parts.append(part)
            size += len(part)
            _measure(size)
        return "".join(parts)
    except _Refusal as refusal:
        raise ChatTemplateError(f"the chat template refuses these messages: {refusal}") from None
    except jinja2.TemplateSyntaxError as error:
        raise ChatTemplateError(
            f"the chat template is broken at line {error.lineno}: {error.message}"
        ) from None
    except jinja2.exceptions.SecurityError as error:
        raise ChatTemplateError(
            f"the chat template does what the sandbox forbids: {error}"
        ) from None
    except jinja2.UndefinedError as error:
        raise ChatTemplateError(
            f"the chat template wants something that the messages do not have: {error}. "
            "Add it to the messages, or pass it as a variable"
        ) from None
    except RecursionError:
        raise ChatTemplateError("the chat template calls itself without end") from None
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        if isinstance(error, ChatTemplateError):
            raise
        raise ChatTemplateError(
            f"the chat template failed: {type(error).__name__}: {error}"
        ) from None
    except (jinja2.TemplateError, ArithmeticError, LookupError) as error:
        raise ChatTemplateError(f"the chat template failed: {error}") from None

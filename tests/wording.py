"""Every message of the command line, and every sentence that a decision answers with, by the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

import service
from service.cli.helping import source
from service.cli.main import COMMANDS, HOMES, cli

SERVICE = Path(service.__file__).parent
CLI = SERVICE / "cli"
SPOKEN = {"_": 1, "ngettext": 2}  # function -> how many of its arguments are messages

Message = str | tuple[str, ...]


def messages() -> dict[Message, str]:
    """Each message of the command line, one with a plural as both forms, and where it is said."""
    return dict([*_written(), *_helping()])


def _written() -> Iterator[tuple[Message, str]]:
    for path, node in _nodes(CLI.glob("*.py")):
        if isinstance(node, ast.Call) and (name := _name(node)) in SPOKEN:
            forms = [text for argument in node.args[: SPOKEN[name]] for text in _texts(argument)]
            if any(forms):
                yield (forms[0] if len(forms) == 1 else tuple(forms)), f"{path.name}:{node.lineno}"


def _helping() -> Iterator[tuple[Message, str]]:
    for theme, commands in COMMANDS.items():
        yield theme, "main.py"
        yield from ((summary, f"{name}, in the list") for name, (_, summary) in commands.items())
    context = click.Context(cli)
    for command in [cli, *(cli.get_command(context, name) for name in HOMES)]:
        assert command
        yield source(command), f"{command.name} --help"
        if command.epilog:
            yield command.epilog, f"{command.name} --help"
        for parameter in command.get_params(click.Context(command)):
            if isinstance(parameter, click.Option):
                yield parameter.help or "", f"{command.name} {parameter.opts[0]}"


# ---------------------------------------------------------------- sentences of decisions

# What is made -> which of its arguments a person reads, beside those that are passed by one of the NAMES.
MADE: Mapping[str, Sequence[int]] = {
    "UsageError": (0,), "MonitorError": (0,), "StoreError": (0,), "SchemaError": (0,), "ValueError": (0,),
    "ConfigError": (2,), "PlaceError": (2,), "NotFoundError": (2,), "QueryError": (0, 3), "TermError": (0, 1),
    "refuse": (0, 1, 2), "RefusedError": (1,), "Admission": (1,), "Release": (1,), "TooMany": (0,),
    "Problem": (0,), "Failure": (), "Outcome": (), "Next": (), "Placement": (), "Delivery": (), "Gap": (),
    "Finding": (1, 2), "Recognition": (2,),
}  # fmt: skip
SENTENCE = re.compile(r"(?:[a-z]|\{\}:? [a-z])\S* \S+ ")  # a text that is returned, of three words or more
NAMES = {"reason", "hint", "advice", "problem", "said", "why", "gone"}
FACES = {"cli", "web", "demo.py"}  # say what they have to say by catalogues of their own, or in English


def sentences() -> dict[str, str]:
    """Each sentence of the rooms with `{}` for its gaps, and where it is made."""
    found: dict[str, str] = {}
    for path, node in _nodes(SERVICE.rglob("*.py")):
        if path.relative_to(SERVICE).parts[0] not in FACES:
            for text in _said(node):
                found.setdefault(text, f"{path.relative_to(SERVICE)}:{getattr(node, 'lineno', 0)}")
    return found


def _said(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call():
            for place in MADE.get(name := _name(node), ()):
                for argument in node.args[place : place + 1]:
                    yield from _texts(argument)
            for keyword in node.keywords:
                if name in MADE and keyword.arg in NAMES:
                    yield from _texts(keyword.value)
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value) if name in NAMES:
            yield from _texts(value)
        case ast.Return(value=ast.expr() as value):
            yield from (text for text in _texts(value) if SENTENCE.match(text))
        case ast.NamedExpr(target=ast.Name(id=name), value=value) if name in NAMES:
            yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr():
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        case ast.IfExp():
            yield from _texts(node.body)
            yield from _texts(node.orelse)
        case ast.BoolOp():
            for part in node.values:
                yield from _texts(part)
        case ast.Tuple():
            for part in node.elts:
                yield from _texts(part)


def _nodes(paths: Iterator[Path]) -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted(paths):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def _name(call: ast.Call) -> str:
    """What is called, without where it is from."""
    called = call.func
    return (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )

"""What every command is given: which configuration, which face, and the parts of the monitor on demand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.actions.page import LIMIT, Page
from service.cli import terminal
from service.cli.arguments import MANY, NUMBER, SPAN, Choice
from service.cli.helping import Spoken
from service.cli.words import speak
from service.errors import ConfigError
from service.locale.catalogue import UI_LANGUAGES

if TYPE_CHECKING:  # `--help` loads none of these
    from service.app import App
    from service.cli.asking import Answer
    from service.config import Config


@dataclass(slots=True)
class Session:
    """One call of `monitor`."""

    file: str = ""  # --config
    json: bool = False
    embargoed: bool = False

    def path(self) -> Path | None:
        """The configuration file in use; None where there is none."""
        from service.config import find

        return find(self.file or None)

    def config(self) -> Config:
        """The configuration; raises ConfigError where there is none or it is wrong."""
        from service.config import load

        if path := self.path():
            return load(path)
        raise ConfigError("", "", "no config.toml was found (`monitor init` writes one)")

    @contextmanager
    def app(
        self, config: Config | None = None, *, migrate: bool = False, group_wait: timedelta | None = None
    ) -> Iterator[App]:
        """A monitor for the time of the block."""
        from service.app import build

        app = build(config or self.config(), migrate=migrate, group_wait=group_wait)
        # What a console channel prints must not stand beside the one document of `--json`.
        beside = redirect_stdout(sys.stderr) if self.json else nullcontext()
        with closing(app), beside:
            yield app.trusted() if self.embargoed else app

    def ask(
        self,
        path: str,
        look: Callable[[App], Any],
        enough: Callable[[Any], bool] | None = None,
        /,
        **asked: object,
    ) -> Answer:
        """What the API says under a path: as the running daemon has it, else by a `look` at the database.

        `enough` says whether an answer of the daemon is all that was asked for.
        """
        from service.cli.asking import Answer

        config = self.config()
        found = self.daemon(config, path, **asked)
        if found and (enough is None or enough(found.shape)):
            return found
        with self.app(config) as app:
            return Answer(look(app), app.store.now())

    def daemon(self, config: Config, path: str, /, **asked: object) -> Answer | None:
        """What the running daemon says under a path; None where none answers, or none is to be asked."""
        from service.cli.asking import ask

        given = {name: value for name, value in asked.items() if value not in (None, "", False)}
        return None if self.embargoed else ask(config, path, given)

    def answer(self, shape: object, lines: Iterable[str]) -> None:
        """Print the answer: `shape` as JSON where that was asked for, else `lines`."""
        if self.json:
            click.echo(terminal.document(shape))
        else:
            for line in lines:
                terminal.say(line)

    def say(self, line: str) -> None:
        """Tell a person at once what is done already; programs wait for the whole answer."""
        if not self.json:
            terminal.say(line)

    def record(self, app: App, subject: str, **detail: object) -> None:
        """Write down who did what this command does, and to what, beside what was done over pages and API."""
        from service.actions.people import record

        name = click.get_current_context().command.name or ""
        record(app, self.person, name, subject, {key: _plain(value) for key, value in detail.items()})

    @property
    def person(self) -> str:
        """Who is at the keyboard, for the history."""
        import getpass

        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container without a user database
            return ""


def _plain(value: object) -> object:
    """A value as the record keeps it."""
    from service.actions.shapes import span

    match value:
        case None | int() | float():
            return value
        case timedelta():
            return span(value)
        case list() | tuple():
            return [str(each) for each in value]
    return str(value)


pass_session = click.make_pass_decorator(Session, ensure=True)


def common_options() -> list[click.Parameter]:
    """The options of every command, which stand before or after it."""

    def remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:  # noqa: ANN401
            del parameter
            if value:
                setattr(ctx.ensure_object(Session), name, value)

        return callback

    def heed(ctx: click.Context, parameter: click.Parameter, language: str | None) -> None:
        del ctx, parameter
        if language:
            speak(language)

    return [
        click.Option(
            ["--config", "file"],
            metavar="FILE",
            expose_value=False,
            callback=remember("file"),
            help="The configuration file.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=remember("json"),
            help="Answer with one JSON document on standard output.",
        ),
        click.Option(
            ["--embargoed"],
            is_flag=True,
            expose_value=False,
            callback=remember("embargoed"),
            help="Show the text of what is embargoed, too.",
        ),
        click.Option(
            ["--ui-lang"],
            type=Choice(UI_LANGUAGES),
            metavar="TAG",
            is_eager=True,  # before --help speaks
            expose_value=False,
            callback=heed,
            help="The language of what is said: de or en.",
        ),
    ]


class Command(Spoken):
    """A command that takes the common options too, after its own."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - as click.Command
        super().__init__(*arguments, **settings)
        self.params += common_options()


class QueryCommand(Command):
    """A command whose arguments are a query: `-EZB` is a word of it, an unknown `--option` is refused.

    Long options stand before, between or after the words; what follows a lone `--` is query.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - as click.Command
        super().__init__(*arguments, **settings)
        self.context_settings = {**self.context_settings, "ignore_unknown_options": True}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in click; raises NoSuchOption."""
        known = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        for argument in args:
            if argument == "--":
                break
            name = argument.partition("=")[0]
            if name.startswith("--") and name not in known:
                raise click.NoSuchOption(name, possibilities=known, ctx=ctx)
        return super().parse_args(ctx, args)


Function = TypeVar("Function", bound=Callable[..., Any])


def command(*, cls: type[Command] = Command) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the table in `main`: its function gets the session first, its docstring is its help."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        return click.command(cls=cls, help=function.__doc__)(pass_session(function))

    return decorate


def part(page: Page) -> dict[str, object]:
    """The part of a list, as the API is asked for it."""
    since = f"{page.since.total_seconds():.0f}s" if page.since else None
    return {"limit": page.limit, "before": page.before, "since": since}


def paged(function: Function) -> Function:
    """Add `--limit`, `--before` and `--since`, handed to the function as `page`."""

    def pack(*arguments: Any, limit: int, before: int | None, since: timedelta | None, **rest: Any) -> Any:  # noqa: ANN401
        return function(*arguments, page=Page(limit, before, since), **rest)

    pack.__name__, pack.__doc__ = function.__name__, function.__doc__
    pack.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--since", type=SPAN, metavar="SPAN", help="Not older than this: 90m, 24h, 7d."),
        click.option("--before", type=NUMBER, metavar="ID", help="Older than this one: the next page."),
        click.option(
            "--limit",
            type=MANY,
            default=LIMIT,
            metavar="N",
            help=f"At most N ({LIMIT}).",
        ),
    ):
        pack = option(pack)
    return pack  # type: ignore[return-value]

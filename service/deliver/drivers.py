"""From a channel's URL to the driver that sends: one table, and Apprise for every other scheme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from service.deliver.console import open_console
from service.deliver.redact import secrets
from service.deliver.render import check_templates
from service.deliver.smtp import Mail, open_mail
from service.deliver.webhook import open_webhook
from service.errors import UsageError
from service.model import Channel, Message, Outcome


class Driver(Protocol):
    """What sends over one channel. It is used by one thread at a time."""

    def send(self, message: Message, recipient: str) -> Outcome:
        """What became of one attempt; a failure that must be expected is an answer, not an exception."""
        ...

    def close(self) -> None:
        """Let go of what is held open; a later `send` opens it again."""
        ...


def _mailto(channel: Channel) -> Driver:
    from service.deliver.chat import open_mailto

    return open_mailto(channel)


def _other(channel: Channel) -> Driver:
    from service.deliver.chat import open_chat

    return open_chat(channel)


DRIVERS: Mapping[str, Callable[[Channel], Driver]] = {
    "console": open_console,
    "smtp": open_mail,
    "smtps": open_mail,
    "mailto": _mailto,
    "mailtos": _mailto,
    "webhook": open_webhook,
    "webhooks": open_webhook,
}


def driver(channel: Channel) -> Driver:
    """The driver of a channel, not connected yet.

    Raises UsageError with one line that shows no secret.
    """
    make = DRIVERS.get(channel.url.split(":", 1)[0].lower(), _other)
    try:
        return make(channel)
    except UsageError as error:
        said = str(error)
        for secret in secrets(channel.url):
            said = said.replace(secret, "***")
        raise UsageError(said) from None


def needs_recipient(channel: Channel) -> bool:
    """Whether the channel itself names nobody, so that each message has to say who gets it.

    One whose URL cannot be used needs nothing: `check` says what is wrong with it.
    """
    if channel.url.split(":", 1)[0].lower() not in DRIVERS:
        return "{recipient}" in channel.url
    try:
        made = driver(channel)
    except UsageError:
        return False
    return isinstance(made, Mail) and not made.account.to


def check(channel: Channel) -> None:
    """Nothing, if the channel can be used; raises UsageError with one line that shows no secret.

    Nothing is sent, and no connection is opened.
    """
    driver(channel).close()
    if channel.templates:
        check_templates(channel)

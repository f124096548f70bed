"""Templates of a channel's own: they replace the built-in ones, and cost no message whatever they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from service import config
from service.deliver.drivers import check
from service.deliver.render import render
from service.deliver.templating import Stylist
from service.errors import ConfigError, UsageError
from service.model import Channel, DeliveryKind, Evidence, Item, Notice, Telling

HEADLINE = "Ölpreis steigt & fällt"
DESK = Channel(name="desk", url="console://")
NOTICE = Notice(
    kind=DeliveryKind.ALERT,
    delivery=1,
    channel="desk",
    item=Item(
        headline=HEADLINE, body="Der Preis für Öl ist gestiegen.", story=3, link="https://wire.example/1"
    ),
    source="Wire",
    tellings=(Telling(rule="oil", evidence=(Evidence("body", 14, 16, "Öl", "Öl", "exact"),)),),
)


@pytest.fixture(scope="module")
def stylist() -> Iterator[Stylist]:
    with closing(Stylist()) as made:
        yield made


def channel(**templates: str) -> Channel:
    return replace(DESK, templates=templates)


def test_each_part_is_replaced_by_its_template_and_html_is_escaped(stylist: Stylist) -> None:
    own = channel(
        subject="{{ rules | join }} / {{ item.title }}",
        text="{{ item.source }}: {{ item.title }}",
        html="<p>{{ item.title }}</p>",
        chat="{{ item.title | md }}",
    )
    message = render(NOTICE, own, stylist=stylist)
    assert (f"oil / {HEADLINE}", f"Wire: {HEADLINE}\n") == (message.subject, message.text)
    assert "<p>Ölpreis steigt &amp; fällt</p>" == message.html
    assert "Ölpreis steigt" in message.chat


def test_what_has_no_template_stays_as_it_was(stylist: Stylist) -> None:
    plain = render(NOTICE, DESK)
    message = render(NOTICE, channel(subject="Neu: {{ item.title }}"), stylist=stylist)
    assert f"Neu: {HEADLINE}" == message.subject
    assert (plain.text, plain.html) == (message.text, message.html)


def test_a_template_speaks_the_language_of_the_reader(stylist: Stylist) -> None:
    own = channel(text='{% import "_words." ~ language ~ ".txt" as words %}{{ words.MATCHED }}')
    assert "Treffer\n" == render(replace(NOTICE, language="de"), own, stylist=stylist).text
    assert "Matched\n" == render(NOTICE, own, stylist=stylist).text


def test_a_template_may_use_the_built_in_frame(stylist: Stylist) -> None:
    own = channel(html='{% extends "_page.html" %}{% block content %}<b>{{ item.title }}</b>{% endblock %}')
    html = render(NOTICE, own, stylist=stylist).html
    assert "prefers-color-scheme: dark" in html
    assert "<b>Ölpreis steigt &amp; fällt</b>" in html


@pytest.mark.parametrize(
    "template",
    [
        "{{ nothing.here }}",
        "{{ ''.__class__.__mro__ }}",
        "{% if %}",
        "{{ 1 // 0 }}",
        "{{ 'x' * 60000 }}",
        "{% include '/etc/passwd' %}",
        "{{ item.title.format.__globals__ }}",
    ],
)
def test_a_template_that_fails_never_costs_the_message(stylist: Stylist, template: str) -> None:
    message = render(NOTICE, channel(text=template), stylist=stylist)
    assert HEADLINE in message.text
    assert "templates of channel desk were not used: text.txt" in message.text
    assert message.html


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ ('x' * 999999999) | length }}{{ ('x' * 999999999) | upper | length }}",
    ],
)
def test_a_template_that_takes_too_much_is_ended_and_the_message_goes_out(template: str) -> None:
    with closing(Stylist()) as stylist:
        first = render(NOTICE, channel(text=template), stylist=stylist)
        assert "were not used" in first.text
        assert HEADLINE in first.text
        again = render(NOTICE, channel(text=template), stylist=stylist)  # it rests: no second wait
        assert "were not used" in again.text
        good = render(NOTICE, channel(text="{{ item.title }}"), stylist=stylist)
        assert HEADLINE + "\n" == good.text


def test_a_template_with_a_fault_is_found_before_it_is_needed() -> None:
    with pytest.raises(UsageError, match=r"the templates cannot be filled: text\.txt: .*titel"):
        check(channel(text="{{ item.titel }}"))


def test_templates_are_read_from_a_folder_beside_the_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    settings = {"channels": {"desk": {"url": "console://", "template": "templates"}}}
    read = config.read(settings, path=str(tmp_path / "config.toml"))
    with pytest.raises(ConfigError, match=r"channels\.desk\.template: .*holds none of subject\.txt"):
        read.channel("desk")
    (folder / "chat.md").write_text("{{ item.title }}", encoding="utf-8")
    assert {"chat": "{{ item.title }}"} == read.channel("desk").templates

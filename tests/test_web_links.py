"""The links in messages, followed in a browser: looking does nothing, the button does it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from service.actions.alerts import acknowledge
from service.model import AlertState
from tests.desk import busy_desk
from tests.newsroom import TRIP

WEB = {"web": {"base_url": "https://monitor.example.org"}}


@pytest.mark.slow
def test_a_link_shows_a_button_and_the_button_acts(tmp_path: Path) -> None:
    with busy_desk(tmp_path, **WEB) as (room, visitor):
        lines = room.hooks.posts[0].json["text"].splitlines()
        [path] = [line.rpartition("/l/")[2] for line in lines if line.startswith("I take care of it")]
        for _ in range(2):  # a mail scanner
            looked = visitor.get(f"/l/{path}")
            assert 200 == looked.status_code
            assert "<button" in looked.text
        with room.app.store.read() as tx:
            assert [AlertState.OPEN] == [alert.state for alert in tx.alerts.list()]
        pressed = visitor.post(f"/l/{path}")
        assert "only corrections are told" in pressed.text
        assert '<button class="lead"' not in pressed.text
        with room.app.store.read() as tx:
            assert [AlertState.ACKNOWLEDGED] == [alert.state for alert in tx.alerts.list()]
        assert 404 == visitor.get(f"/l/{path[:-1]}").status_code


@pytest.mark.slow
def test_a_link_says_who_was_quicker(tmp_path: Path) -> None:
    with busy_desk(tmp_path, **WEB) as (room, visitor):
        lines = room.hooks.posts[0].json["text"].splitlines()
        [path] = [line.rpartition("/l/")[2] for line in lines if line.startswith("I take care of it")]
        acknowledge(room.app, 1, "ben")
        looked = visitor.get(f"/l/{path}")
        assert "ben takes care of it." in looked.text
        assert '<button class="lead"' not in looked.text
        pressed = visitor.post(f"/l/{path}")
        assert "ben takes care of it." in pressed.text
        assert "It is yours" not in pressed.text
        assert '<span class="taken">taken <bdi>ben</bdi></span>' in visitor.get("/").text
        assert "taken <bdi>ben</bdi>" in visitor.get("/stories/1").text
        room.wire("wire", replace(TRIP, headline="KILL: " + TRIP.headline, text="Bitte nicht verwenden."))
        room.poll()
        assert "nothing is left to take care of" in visitor.post(f"/l/{path}").text


@pytest.mark.slow
def test_a_mail_program_unsubscribes_with_one_click(tmp_path: Path) -> None:
    """RFC 8058, 3.1: a POST without cookies, from no page."""
    with busy_desk(tmp_path, **WEB) as (room, visitor):
        lines = room.hooks.posts[0].json["text"].splitlines()
        [path] = [line.rpartition("/l/")[2] for line in lines if line.startswith("Unsubscribe")]
        answer = visitor.another().client.post(f"/l/{path}", data={"List-Unsubscribe": "One-Click"})
        assert 200 == answer.status_code
        with room.app.store.read() as tx:
            [silence] = tx.alerts.silences(room.app.store.now())
        assert ("rule", "Kim") in silence.matchers


@pytest.mark.slow
def test_the_page_of_a_message_does_not_hand_out_its_links(tmp_path: Path) -> None:
    """Whoever may only look could otherwise acknowledge, or unsubscribe somebody."""
    with busy_desk(tmp_path, **WEB) as (room, visitor):
        text = room.hooks.posts[0].json["text"]
        with room.app.store.read() as tx:
            [sent] = tx.outbox.list()
        page = visitor.get(f"/deliveries/{sent.id}").text
        assert "I take care of it: https://monitor.example.org/l/…" in page
        tokens = re.findall(r"/l/(\S+)", text)
        assert 4 == len(tokens)
        assert [] == [token for token in tokens if token in page]

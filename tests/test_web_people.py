"""People at the desk: their settings, and the record of what they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.actions import people
from service.actions.page import Page
from service.model import Account, Role
from tests.desk import busy_desk
from tests.newsroom import MARKET

PASSWORD = "correct horse battery staple"


@pytest.mark.slow
def test_settings_follow_a_user_from_browser_to_browser(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        visitor.sign_in("anna", PASSWORD)
        assert 303 == visitor.post("/settings", language="de", zone="Asia/Kathmandu").status_code
        elsewhere = visitor.another()
        elsewhere.client.headers["Accept-Language"] = "en"
        elsewhere.sign_in("anna", PASSWORD)
        page = elsewhere.get("/").text
        assert ('lang="de"' in page, "data-shortcuts" in page) == (True, False)
        assert "Asia/Kathmandu" in elsewhere.get("/settings").text


@pytest.mark.slow
def test_a_changed_password_ends_the_sessions_of_others_and_not_ones_own(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        visitor.sign_in("anna", PASSWORD)
        elsewhere = visitor.another()
        elsewhere.sign_in("anna", PASSWORD)
        assert 422 == visitor.post("/settings/password", present="wrong", password="x" * 12).status_code
        assert 422 == visitor.post("/settings/password", present=PASSWORD, password="short").status_code
        visitor.post("/settings/password", present=PASSWORD, password="four other plain words")
        assert 200 == visitor.get("/rules").status_code
        assert 303 == elsewhere.get("/rules").status_code


@pytest.mark.slow
def test_a_wall_screen_has_nothing_to_press(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        page = visitor.get("/wall").text
        assert 'id="story-' in page
        for part in ("<form", "<button", "<input", "<select", "data-shortcuts"):
            assert part not in page, part


@pytest.mark.slow
def test_what_is_changed_on_pages_is_on_record_with_who_changed_it(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        visitor.sign_in("anna", PASSWORD)
        url = room.wire("other", MARKET)
        done = {
            "ack": ("/stories/1/ack", {}),
            "resend": ("/deliveries/1/resend", {}),
            "test-channel": ("/channels/test", {"channel": "desk"}),
            "silence": ("/silences", {"matcher": "rule=Kim", "lasts": "1h", "comment": "known"}),
            "end-silence": ("/silences/1/end", {}),
            "add-source": ("/sources", {"url": url, "name": "other"}),
            "pause-source": ("/sources/other/pause", {}),
            "resume-source": ("/sources/other/resume", {}),
            "poll": ("/sources/other/poll", {}),
            "add-rule": ("/rules", {"query": "Dax", "name": "dax", "channels": "desk"}),
            "edit-rule": ("/rules/dax", {"query": "Dax -Bund", "saved": "dax", "channels": "desk"}),
            "disable-rule": ("/rules/dax/disable", {}),
            "enable-rule": ("/rules/dax/enable", {}),
            "feed open": ("/rules/Kim/feeds", {}),
            "feed close": ("/rules/Kim/feeds/{feed}/revoke", {}),
            "remove-rule": ("/rules/dax/remove", {}),
            "user add": ("/people", {"name": "ben", "role": "viewer"}),
            "user role": ("/people/ben/role", {"role": "editor"}),
            "user invite": ("/people/ben/invite", {}),
            "user remove": ("/people/ben/remove", {}),
            "token add": ("/tokens", {"name": "script", "scopes": "read"}),
            "token revoke": ("/tokens/{token}/revoke", {}),
        }
        for what, (path, fields) in done.items():
            known = {
                "feed": max((one.id for one in people.feeds(room.app, "Kim")), default=0),
                "token": max((one.id for one, _ in people.tokens(room.app)), default=0),
            }
            answer = visitor.client.post(path.format(**known), data=fields)
            assert answer.status_code in {200, 303}, (what, answer.text)
        found = {one.what: one.who for one in people.changes(room.app, Page(limit=100))}
        assert dict.fromkeys(done, "anna") == {what: found.get(what) for what in done}
        record = visitor.get("/people").text
        assert "edit-rule" in record
        assert '<bdi>dax</bdi> <span class="from" dir="auto">query Dax</span>' in record

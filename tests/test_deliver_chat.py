"""Chat services through Apprise, against receivers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deliver.dialect import ZERO_WIDTH_SPACE, as_html, clean, escape, link, plain, runs
from service.deliver.drivers import check, driver
from service.errors import UsageError
from service.model import Channel, Message, Outcome, Verdict
from tests.inbox import CUT, HookServer

CHAT = "**\\[Nordkorea\\] Kim reist**\ndpa\n… zur **Auslandsreise** \\<b\\>\n[Read the story](https://example.org/a_b)"
MESSAGE = Message(
    id="a@b", subject="[Nordkorea] Kim reist", text="Kim reist, sagt dpa.\n", html="<p>Kim</p>", chat=CHAT
)
TOKEN = "T0kenT0kenT0ken"


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def send(url: str, message: Message = MESSAGE, recipient: str = "") -> Outcome:
    return driver(Channel(name="chat", url=url)).send(message, recipient)


def test_a_json_receiver_of_apprise_gets_subject_and_plain_text(hooks: HookServer) -> None:
    assert send(hooks.url("json")).verdict is Verdict.SENT
    [post] = hooks.wait(1)
    assert post.json["title"] == MESSAGE.subject
    assert post.json["message"].strip() == MESSAGE.text.strip()


def test_mattermost_gets_markdown_that_wire_text_cannot_break(hooks: HookServer) -> None:
    hooks.answer(200)
    assert send(hooks.url("mmost", "/abcd1234")).verdict is Verdict.SENT
    [post] = hooks.wait(1)
    assert post.json["text"] == CHAT


def test_a_push_service_gets_the_headline_as_title_and_no_markup(hooks: HookServer) -> None:
    hooks.answer(200)
    assert send(hooks.url("gotify", "/abcdef")).verdict is Verdict.SENT
    [post] = hooks.wait(1)
    assert post.json["title"] == "[Nordkorea] Kim reist"
    assert post.json["message"] == "dpa\n… zur Auslandsreise <b>\nhttps://example.org/a_b"


def test_nothing_is_said_of_apprise_and_nothing_loaded_from_elsewhere(hooks: HookServer) -> None:
    send(hooks.url("mmost", "/abcd1234"))
    [post] = hooks.wait(1)
    assert b"pprise" not in post.body
    assert b"github" not in post.body


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (401, Verdict.AUTH),
        (404, Verdict.PERMANENT),
        (429, Verdict.TRANSIENT),
        (500, Verdict.TRANSIENT),
    ],
)
def test_the_status_is_heard_and_the_request_made_once(
    hooks: HookServer, status: int, verdict: Verdict
) -> None:
    hooks.answer(status, retry_after="9")
    outcome = send(hooks.url("json"))
    assert (outcome.verdict, outcome.code) == (verdict, f"HTTP {status}")
    assert outcome.retry_after == (timedelta(seconds=9) if verdict is Verdict.TRANSIENT else None)
    assert len(hooks.posts) == 1


def test_a_redirect_is_not_followed(hooks: HookServer) -> None:
    hooks.answer(302, location=hooks.url("http", "/elsewhere"))
    assert send(hooks.url("json")).verdict is Verdict.PERMANENT
    assert len(hooks.posts) == 1


def test_a_cut_connection_may_have_delivered(hooks: HookServer) -> None:
    hooks.answer(CUT)
    assert send(hooks.url("json")).verdict is Verdict.AMBIGUOUS


def test_a_dead_service_is_transient_and_its_token_shown_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    with HookServer() as server:
        url = server.url("json", f"/{TOKEN}?+Authorization=Bearer%20{TOKEN}&:key={TOKEN}")
    outcome = send(url)
    assert outcome.verdict is Verdict.TRANSIENT
    assert TOKEN not in repr(outcome)
    assert TOKEN not in "".join(capfd.readouterr())


def test_a_recipient_takes_its_place_in_the_url(hooks: HookServer) -> None:
    assert send(hooks.url("json", "/{recipient}/in"), recipient="night desk").verdict is Verdict.SENT
    [post] = hooks.wait(1)
    assert post.path.rstrip("/") == "/night%20desk/in"


def test_a_recipient_without_a_place_is_refused(hooks: HookServer) -> None:
    assert send(hooks.url("json"), recipient="night").verdict is Verdict.PERMANENT
    assert hooks.posts == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"slcak://{TOKEN}/x", "not a channel URL that anything here understands: slcak://…"),
        (f"slack://{TOKEN}", "slack://… is not complete"),
        (f"json://host/{TOKEN}?retry=3", "retry="),
        (f"json://host/{TOKEN}?Wait=3", "wait="),
        (f"discord://{TOKEN}/{TOKEN}?optional=yes", "optional="),
        (f"mailto://me:{TOKEN}@gmail.com?retry=2", "retry="),
        (f"mailto://me:{TOKEN}@gmail.com?pgp=sign", "pgp="),
        (f"smtp://me:{TOKEN}@host?from=a@b.de&mode=tls", "mode=tls"),
        (f"webhooks://host/?secret={TOKEN}&secret=", "secret"),
    ],
)
def test_a_wrong_channel_is_refused_in_one_line_without_its_secret(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        check(Channel(name="desk", url=url))
    assert TOKEN not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "console://",
        "smtp://127.0.0.1:2525?from=monitor@example.org&to=desk@example.org",
        "mailtos://desk:secret@example.org",
        "webhook://127.0.0.1:9/hook?secret=abcdef",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#newsroom",
        "tgram://123456789:abcdefg_hijklmnop/{recipient}/",
        "ntfy://topic",
    ],
)
def test_channels_that_can_be_used_pass_the_check(url: str) -> None:
    check(Channel(name="desk", url=url))


def test_a_template_with_a_fault_is_refused() -> None:
    with pytest.raises(UsageError, match="template"):
        check(Channel(name="desk", url="console://", templates={"text": "{{ item.titel }}"}))


WIRE = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(WIRE)
def test_escaped_wire_text_reads_as_it_was(text: str) -> None:
    """Law: whatever a headline holds, a chat shows it letter by letter, in one style, without a link."""
    shown = list(runs(escape(text)))
    assert not any(run.strong or run.struck or run.url for run in shown)
    assert plain(escape(text)).replace(ZERO_WIDTH_SPACE, "") == clean(text).replace(ZERO_WIDTH_SPACE, "")


@given(WIRE, WIRE)
def test_wire_text_cannot_leave_its_place(label: str, url: str) -> None:
    """Law: a link stays one link, and text after it stays text."""
    first, last = list(runs(link(label, "https://e/" + url) + "x"))
    assert first.url.startswith("https://e/")
    assert (last.text, last.url) == ("x", "")


@pytest.mark.parametrize("call", ["@everyone", "@here", "@channel", "<!channel>", "<@U123>"])
def test_nobody_is_woken_by_a_headline(call: str) -> None:
    assert call not in plain(escape(f"Attention {call} now"))
    assert call not in escape(f"Attention {call} now").replace("\\", "")


def test_html_for_chats_has_the_few_tags_they_know() -> None:
    assert as_html(CHAT) == (
        "<b>[Nordkorea] Kim reist</b>\ndpa\n… zur <b>Auslandsreise</b> &lt;b&gt;\n"
        '<a href="https://example.org/a_b">Read the story</a>'
    )

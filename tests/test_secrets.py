"""The canary: secrets of channels are in no log, no table and no answer, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk import desk
from tests.inbox import HookServer, MailServer
from tests.newsroom import TRIP, newsroom, rss
from tests.servers import FeedServer
from tests.shell import Shell

CANARY = "kanarienvogel"  # in every secret
LOOKS = (
    ("status",),
    ("doctor",),
    ("list-deliveries",),
    ("list-deliveries", "--failed", "--json"),
    ("list-alerts", "--json"),
    ("show-alert", "1", "--json"),
    ("handover", "--json"),
    ("list-rules", "--json"),
)


PAGES = (
    "/",
    "/deliveries",
    "/deliveries/1",
    "/deliveries/2",
    "/stories/1",
    "/rules/kim",
    "/rules/kim/edit",
    "/silences",
    "/handover",
    "/people",
    "/settings",
    "/sources",
    "/metrics",
    "/readyz",
    "/api/v1/deliveries?failed=true",
    "/api/v1/deliveries/1",
    "/api/v1/deliveries/2",
    "/api/v1/alerts/1",
    "/api/v1/channels",
    "/api/v1/status",
)


@pytest.mark.slow
def test_a_secret_is_on_no_page_and_in_no_event(tmp_path: Path) -> None:
    with MailServer(users={"desk": "another"}) as mail, HookServer() as hooks:
        login = f"smtp://desk:{CANARY}1@127.0.0.1:{mail.port}?from=m@example.org&to=d@example.org&mode=plain"
        channels = {
            "mail": {"url": login},
            "hook": {"url": f"webhook://127.0.0.1:{hooks.port}/{CANARY}2?secret={CANARY}3-is-long-enough"},
        }
        hooks.answer(401, 500)
        beat = {"url": f"http://127.0.0.1:9/{CANARY}4"}
        with newsroom(tmp_path, channels=channels, heartbeat=beat) as room, desk(room) as visitor:
            heard: list[str] = []
            room.app.listen(lambda event, **facts: heard.append(f"{event} {facts}"))
            room.wire("wire", TRIP)
            room.add_source("wire")
            room.add_rule("Kim", name="kim", channels=("mail", "hook"))
            room.poll()
            shown = {path: visitor.get(path).text for path in PAGES}
    assert any("535" in page for page in shown.values())
    assert any("delivery.retry" in event for event in heard)
    assert [] == [path for path, page in shown.items() if CANARY in page]
    assert [] == [event for event in heard if CANARY in event]


@pytest.mark.slow
def test_a_secret_is_in_no_log_no_table_and_no_answer(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    with (
        MailServer(users={"desk": "another"}) as mail,
        HookServer() as hooks,
        FeedServer() as feeds,
    ):
        host = f"127.0.0.1:{hooks.port}"
        monitor.configure(
            mail=f"smtp://desk:{CANARY}1@127.0.0.1:{mail.port}?from=m@example.org&to=d@example.org&mode=plain",
            hook=f"webhook://{host}/{CANARY}2?secret={CANARY}3-is-long-enough",
            json=f"json://user:{CANARY}4@{host}/{CANARY}5?+Authorization=Bearer {CANARY}6&:key={CANARY}7",
            ntfy=f"ntfy://{CANARY}8@{host}/topic",
            dead=f"webhook://127.0.0.1:9/{CANARY}9",
        )
        hooks.answer(*[500, 401, 403, 429])
        assert 0 == monitor("add-source", feeds.serve("/wire", rss(TRIP)), "--name", "wire").code
        channels = ("mail", "hook", "json", "ntfy", "dead")
        targets = [part for channel in channels for part in ("--to", channel)]
        assert 0 == monitor("add-rule", "Kim", "--name", "kim", *targets).code
        said = [monitor("poll")]
        said += [monitor("test-channel", channel) for channel in channels]
        said += [monitor(*look) for look in LOOKS]
        said.append(monitor.process("poll", "--all", MONITOR_DEBUG="1"))
    assert mail.letters == []  # the login was refused, so the mail channel had something to say
    for answer in said:
        assert CANARY not in answer.out + answer.err
    assert any("535" in answer.out for answer in said)
    files = [file for file in tmp_path.iterdir() if file.name.startswith("monitor.db")]
    assert files
    for file in files:
        assert CANARY.encode() not in file.read_bytes()

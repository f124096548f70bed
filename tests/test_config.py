"""The configuration: strict, and every error names its key and the way out."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from service import config, quantities
from service.errors import ConfigError


def test_the_example_is_a_valid_configuration_and_shows_the_defaults() -> None:
    """What is written in the example is what holds without it, but for the channel it brings."""
    table = tomllib.loads(config.example())
    assert {"console"} == set(table.pop("channels"))
    assert config.Config() == config.read(table)


def test_an_empty_file_is_a_valid_configuration() -> None:
    assert timedelta(minutes=5) == config.read({}).poll.every
    assert config.read({}).quiet_hours is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[http]\ntimeout = 'soon'", "http.timeout: not a duration: 'soon' (write a number and s, m, h or d"),
        ("[http]\ntimeout = '0s'", "http.timeout: a duration lies between 1s and"),
        ("[http]\ntimeout = 20", "http.timeout: expected a text in quotes, got 20"),
        ("[http]\ntimout = '20s'", "http.timout: unknown key"),
        ("[htp]\ntimeout = '20s'", "htp: unknown key"),
        ("[http]\nmax_bytes = 'lots'", "http.max_bytes: not a size: 'lots' (write a number and kB, MB or GB"),
        ("[http]\nper_host = 'one'", "http.per_host: expected a number, got a text"),
        ("http = 3", "http: expected a table, got a number"),
        ("[http]\nper_host = 0", "http.per_host: a number from 1 to 64, not 0"),
        ("[http]\nallowed_networks = ['10.0.0.0/99']", "http.allowed_networks: not a network: '10.0.0.0/99'"),
        ("[http]\nproxy = 'proxy.example:3128'", "http.proxy: not an HTTP proxy (write http://host:port"),
        ("[http]\nproxy = 'socks5://desk:geheim@10.0.0.1'", "http.proxy: not an HTTP proxy (write http://"),
        ("[digest]\ntimezone = 'Mars/Olympus'", "digest.timezone: not a time zone: 'Mars/Olympus'"),
        ("[digest]\ndaily_at = '25:00'", "digest.daily_at: not a time of day: '25:00'"),
        ("[quiet_hours]\nfrom = 'late'", "quiet_hours.from: not a time of day: 'late'"),
        ("[quiet_hours]\ndays = ['someday']", "quiet_hours.days: 'someday' is none of mon, tue"),
        ("[database]\nurl = 'monitor.db'", "database.url: not a database URL (write sqlite:///monitor.db)"),
        ("[database]\nsynchronous = 'off'", "database.synchronous: full or normal"),
        ("[channels.desk]\nurl = 'desk@example.org'", "channels.desk.url: not a channel URL"),
        (
            "[channels.desk]\nrate = '60/m'",
            "channels.desk.url: give exactly one of url, url_env and url_file",
        ),
        ("[channels.desk]\nurl = 'console://'\nrate = 'fast'", "channels.desk.rate: not a rate: 'fast'"),
        ("[channels.desk]\nurl = 3", "channels.desk.url: expected a text, got a number"),
        ("[channels.desk]\nurl = 'console://'\nfallback = 'x'", "channels.desk.fallback: no other channel"),
        ("[channels.'a b']\nurl = 'console://'", "channels.a b: a channel's name is made of"),
        ("[alerts]\ndefault_channels = ['desk']", "alerts.default_channels: no channel is named 'desk'"),
        ("[alerts]\nthrottle = -1", "alerts.throttle: a number of messages, or 0 for any number, not -1"),
        ("[alerts]\nstorm_limit = -1", "alerts.storm_limit: a number of messages"),
        ("[http]\nmax_bytes = '1B'", "http.max_bytes: no feed would fit into that (write 10MB)"),
        (
            "[channels.desk]\nurl = 'console://'\n[alerts]\noperators = ['desk:']",
            "alerts.operators: nobody is named after the colon of 'desk:' (write desk alone, or who)",
        ),
        ("[poll]\nevery = '2d'", "poll.longest: shorter than poll.every"),
        ("[web]\nlisten = '127.0.0.1:99999'", "web.listen: not host:port: '127.0.0.1:99999'"),
        ("[web]\nbase_url = 'https://x.example/news'", "web.base_url: the desk stands at the root of a name"),
        ("[web]\nbase_url = 'monitor'", "web.base_url: not an address: 'monitor' (write https://"),
        ("[heartbeat]\nurl = 'geheim'", "heartbeat.url: not an address (write https://"),
        ("path = 'x'", "path: unknown key"),
        ("[http", "not TOML"),
    ],
)
def test_an_error_names_the_file_the_key_and_the_way_out(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    assert str(refused.value).startswith("config.toml: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.load(tmp_path / "none.toml")
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b"[http]\ncontact = '\xfc'\n")
    with pytest.raises(ConfigError, match=r"latin\.toml: cannot be read"):
        config.load(broken)


def test_the_file_is_found_by_argument_then_environment_then_place(tmp_path: Path) -> None:
    named, other = tmp_path / "a.toml", tmp_path / "b.toml"
    named.touch()
    other.touch()
    environment = {"MONITOR_CONFIG": str(other)}
    assert named == config.find(str(named), environment)
    assert other == config.find(None, environment)
    with pytest.raises(ConfigError, match="no such file"):
        config.find(str(tmp_path / "none.toml"), environment)
    with pytest.raises(ConfigError, match="a folder"):
        config.find(str(tmp_path), environment)


def test_a_relative_database_lies_beside_the_file(tmp_path: Path) -> None:
    read = config.read({}, path=str(tmp_path / "config.toml"))
    assert f"sqlite:///{tmp_path}/monitor.db" == read.database_url()
    absolute = config.read({"database": {"url": "sqlite:////var/lib/x.db"}}, path=str(tmp_path / "c.toml"))
    assert "sqlite:////var/lib/x.db" == absolute.database_url()


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "desk-url").write_text("ntfy://file/topic\n", encoding="utf-8")
    read = config.read(
        {"channels": {"a": {"url_env": "DESK"}, "b": {"url_file": "desk-url"}}},
        path=str(tmp_path / "config.toml"),
    )
    assert "ntfy://env/topic" == read.channel("a", {"DESK": "ntfy://env/topic"}).url
    assert "ntfy://file/topic" == read.channel("b", {}).url
    with pytest.raises(ConfigError, match=r"channels\.a\.url_env: the environment variable DESK is not set"):
        read.channel("a", {})


def test_programs_are_told_faster_than_people() -> None:
    read = config.read(
        {
            "channels": {
                "mail": {"url": "mailto://example.org"},
                "hook": {"url": "webhooks://example.org/x"},
                "slow": {"url": "json://example.org/x", "rate": "30/m"},
            }
        }
    )
    assert [1.0, 10.0, 0.5] == [read.channel(name).rate for name in ("mail", "hook", "slow")]


def test_a_channel_shows_no_secret() -> None:
    read = config.read({"channels": {"desk": {"url": "slack://secrettoken/x"}}})
    assert "secrettoken" not in repr(read.channel("desk"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90s", 90), ("5m", 300), ("24h", 86400), ("2d", 172800)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert timedelta(seconds=seconds) == quantities.duration(text)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "1.5h", "5 m m", "0s", "99999999d", "٣m"[::-1]])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        quantities.duration(text)

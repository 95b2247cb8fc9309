"""Channels that Apprise takes and that would lose messages are refused at the start."""

import pytest

from scheduler.settings import InvalidSetting
from tests.tasks.channels.attempt import channels


@pytest.mark.parametrize("variable", ["all_proxy", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5h", "socks5", "socks4"])
def test_a_socks_proxy_without_its_package_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://user:hunter2@127.0.0.1:1080")

    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms="atalk://user@apikey12345/{phone}")

    assert "pip install PySocks" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_host_that_no_proxy_excepts_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:1080")
    monkeypatch.setenv("no_proxy", "gateway.example")

    assert len(channels(channel_sms="jsons://gateway.example/?:to={phone}")) == 1


def test_a_key_in_the_hosts_place_is_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:1080")

    with pytest.raises(InvalidSetting, match="PySocks"):
        channels(channel_sms="octopush://me@site.example:apikey0123456789/TUTOR/{phone}")


def test_mail_does_not_go_by_that_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:1080")

    assert len(channels(channel_email="mailto://u:p@mail.example?from=a@b.example&to={email}")) == 1


def test_a_service_that_leaves_the_number_out_is_refused() -> None:
    """VoIP.ms takes North American numbers alone."""
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms="voipms://password:me@site.example/16135550100/{phone}")

    assert "takes no number of PHONE_REGION" in str(refused.value)


def test_a_service_that_writes_to_its_own_phone_alone_is_refused() -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms="freemobile://user@password")

    assert "its own account's phone" in str(refused.value)


def test_an_address_that_a_plugin_leaves_unfilled_is_refused() -> None:
    """Plivo's, in Apprise 2.3.0."""
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms=f"plivo://{'M' * 20}@{'t' * 40}/15551234567/{{phone}}")

    assert "unfilled" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "json://gateway.example:port/?:to={phone}",
        "twilio://a:b@c:d/{phone}",
        "mailto://host:port?to={phone}@x.example",
    ],
)
def test_a_url_that_a_plugin_chokes_on_is_one_line(url: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms=url)

    assert "\n" not in str(refused.value)

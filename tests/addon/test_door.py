"""What stands between the network and the torrents."""

from collections.abc import Callable
from typing import Any

import libtorrent as lt
import pytest
import qbittorrentapi
import requests

from live import LOOPBACK, PASSWORD, Daemon, Seeder

BAN = "Your IP address has been banned after too many failed authentication attempts."


def call(daemon: Daemon, method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(method, f"{daemon.url}{path}", timeout=20, **more)


def login(daemon: Daemon, password: str, **more: Any) -> requests.Response:
    return call(daemon, "POST", "/api/v2/auth/login", data={"username": "admin", "password": password}, **more)


def cookie(daemon: Daemon) -> dict[str, str]:
    return {"SID": login(daemon, PASSWORD).cookies["SID"]}


def test_without_a_login_only_health_and_the_front_page_answer(daemon: Daemon) -> None:
    for path in ("app/version", "torrents/info", "sync/maindata", "torrents/nothing"):
        reply = call(daemon, "GET", f"/api/v2/{path}", cookies={"SID": "bogus"})
        assert (reply.status_code, reply.text) == (403, "Forbidden")
    assert call(daemon, "GET", "/health").json() == {"status": "ok", "listening": True, "vpn": "off"}
    assert call(daemon, "HEAD", "/").status_code == 200


def test_login_and_logout_answer_as_qbittorrent_does(daemon: Daemon) -> None:
    reply = login(daemon, PASSWORD)
    assert (reply.status_code, reply.text) == (200, "Ok.")
    assert "HttpOnly" in reply.headers["Set-Cookie"]
    assert "SameSite=Strict" in reply.headers["Set-Cookie"]
    sid = dict(reply.cookies)
    assert login(daemon, "anything", cookies=sid).text == "Ok."
    assert call(daemon, "GET", "/api/v2/app/version", cookies=sid).text == "v5.1.0"
    assert call(daemon, "POST", "/api/v2/auth/logout", cookies=sid).status_code == 200
    assert call(daemon, "GET", "/api/v2/app/version", cookies=sid).status_code == 403


def test_the_fifth_failure_bans_even_the_right_password(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.start()
    before = cookie(daemon)
    assert [login(daemon, "wrong").text for _ in range(5)] == ["Fails."] * 5
    reply = login(daemon, PASSWORD)
    assert (reply.status_code, reply.text) == (403, BAN)
    # Whoever is in already stays in.
    assert call(daemon, "GET", "/api/v2/app/version", cookies=before).status_code == 200


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Referer": "http://evil.example/x"}])
def test_a_page_of_another_site_is_turned_away(daemon: Daemon, header: dict[str, str]) -> None:
    sid = cookie(daemon)
    assert call(daemon, "GET", "/api/v2/app/version", cookies=sid, headers=header).status_code == 401
    assert login(daemon, PASSWORD, headers=header).status_code == 401
    own = {next(iter(header)): f"{daemon.url}/x"}
    assert call(daemon, "GET", "/api/v2/app/version", cookies=sid, headers=own).status_code == 200


def test_unknown_calls_and_wrong_methods_are_told(daemon: Daemon) -> None:
    sid = cookie(daemon)
    for path in ("torrents/nothing", "torrents/pause", "nothing/info", "rss/items", "torrents", "torrents/info/x"):
        assert call(daemon, "GET", f"/api/v2/{path}", cookies=sid).status_code == 404, path
    for path in ("torrents/add", "torrents/delete", "app/setPreferences", "torrents/stop", "auth/login"):
        assert call(daemon, "GET", f"/api/v2/{path}", cookies=sid).status_code == 405, path


@pytest.mark.parametrize("content", [b"this is no torrent", b"", b"d4:infod4:name1:xee", b"d" * 5_000, b"i1e"])
def test_a_file_that_is_no_torrent_is_415_and_nothing_of_the_call_is_added(
    daemon: Daemon, seeder: Seeder, content: bytes
) -> None:
    reply = call(
        daemon,
        "POST",
        "/api/v2/torrents/add",
        cookies=cookie(daemon),
        files=[("torrents", ("good.torrent", seeder.album().torrent_file)), ("torrents", ("bad.torrent", content))],
    )
    assert (reply.status_code, reply.text) == (415, "Error: 'bad.torrent' is not a valid torrent file.")
    assert daemon.client().torrents_info() == []


def test_a_torrent_file_over_ten_mebibytes_is_not_read_to_its_end(daemon: Daemon) -> None:
    sid = cookie(daemon)
    reply = call(daemon, "POST", "/api/v2/torrents/add", cookies=sid, files={"torrents": b"d" * (11 << 20)})
    assert reply.status_code == 413
    reply = call(daemon, "POST", "/api/v2/torrents/add", cookies=sid, data={"urls": "x" * (2 << 20)})
    assert reply.status_code == 413
    assert call(daemon, "GET", "/health").status_code == 200


@pytest.mark.parametrize(
    "link", ["magnet:?xt=urn:btih:zz", "hello", "http://127.0.0.1:9/x.torrent", "file:///etc/passwd", "magnet:?dn=x"]
)
def test_a_link_that_cannot_be_added_fails(client: qbittorrentapi.Client, link: str) -> None:
    assert client.torrents_add(urls=link) == "Fails."
    assert client.torrents_info() == []


def test_the_password_is_nowhere_in_clear(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(*LOOPBACK, "--log-level", "debug")
    daemon.start().torrents_info()
    login(daemon, "a wrong word")
    assert daemon.stop() == 0
    everything = daemon.read_log() + "".join(
        path.read_text(errors="replace") for path in daemon.state.rglob("*") if path.is_file()
    )
    assert PASSWORD not in everything
    assert "a wrong word" not in everything


def test_a_password_is_made_at_the_first_start_and_said_once(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(password=None)
    daemon.start()
    (line,) = [line for line in daemon.read_log().splitlines() if "password" in line]
    made = line.rsplit(" ", 1)[1]
    assert daemon.client(made).torrents_count() == 0
    daemon.stop()
    daemon.start()
    assert daemon.read_log().count(made) == 1
    assert daemon.client(made).torrents_count() == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in daemon.state.rglob("*.json"))


def test_a_second_torrentd_does_not_touch_a_state_folder_in_use(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.start()
    second = Daemon(daemon.home)
    with pytest.raises(ValueError):
        second.start()
    assert second.process is not None
    assert second.process.wait(10) == 1
    second.close()
    assert "used by another torrentd" in daemon.read_log()


def test_magnets_keep_only_plain_trackers(client: qbittorrentapi.Client) -> None:
    link = f"magnet:?xt=urn:btih:{'a' * 40}&tr=wss://tracker.example/x&tr=ws://tracker.example&tr=udp://t.example:1"
    client.torrents_add(urls=link, is_stopped=True)
    assert [entry.url for entry in client.torrents_trackers("a" * 40)][3:] == ["udp://t.example:1"]
    assert lt.parse_magnet_uri(client.torrents_info()[0].magnet_uri).trackers == ["udp://t.example:1"]

"""A file is played while it downloads: real torrentd, a real seeder with a limit, plain HTTP."""

import contextlib
import http.client
import re
from collections.abc import Iterator
from typing import Any

import pytest
import qbittorrentapi
import requests

from live import PASSWORD, Daemon, Seeded, Seeder, is_complete, wait_until

MEBIBYTE = 1 << 20
PIECE_BYTES = 32_768


class Player:
    """One HTTP connection to one file."""

    def __init__(self, daemon: Daemon, address: str, cookies: dict[str, str] | None, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=20)
        cookie = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
        self._connection.request("GET", address, headers={"Cookie": cookie, **headers})
        self.reply = self._connection.getresponse()

    def read(self, size: int | None = None) -> bytes:
        return self.reply.read(size)

    def close(self) -> None:
        self.reply.close()
        self._connection.close()


class Listening:
    """A logged-in household with one album of which a known part has been downloaded."""

    def __init__(self, daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder) -> None:
        self.daemon, self.client, self.seeder = daemon, client, seeder
        reply = requests.post(
            f"{daemon.url}/api/v2/auth/login", data={"username": "admin", "password": PASSWORD}, timeout=20
        )
        self.cookies = {"SID": reply.cookies["SID"]}
        self.players: list[Player] = []

    def add(self, sizes: dict[str, int], rate_bps: int = 0) -> Seeded:
        """Add an album, its seeder limited to so many bytes a second."""
        album = self.seeder.album(sizes)
        if rate_bps:
            self.seeder.limit(rate_bps)
        self.client.torrents_add(torrent_files=album.torrent_file)
        self.client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
        return album

    def add_complete(self, sizes: dict[str, int]) -> Seeded:
        album = self.add(sizes)
        wait_until("complete", lambda: is_complete(self.client, album.info_hash))
        return album

    def address(self, album: Seeded, name: str) -> str:
        (index,) = [file.index for file in self.client.torrents_files(album.info_hash) if file.name.endswith(name)]
        return f"/api/v2/trusttune/stream/{album.info_hash}/{index}"

    def play(self, album: Seeded, name: str, **headers: str) -> Player:
        player = Player(self.daemon, self.address(album, name), self.cookies, **headers)
        self.players.append(player)
        return player

    def ask(self, method: str, address: str, *, has_login: bool = True, **headers: str) -> requests.Response:
        return requests.request(
            method,
            f"{self.daemon.url}{address}",
            cookies=self.cookies if has_login else None,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=20,
        )

    def readers(self) -> list[dict[str, Any]]:
        return self.ask("GET", "/api/v2/trusttune/streams").json()["readers"]

    def states(self, album: Seeded) -> list[int]:
        return list(self.client.torrents_piece_states(album.info_hash))

    def signed(self, album: Seeded, **more: object) -> str:
        reply = requests.post(
            f"{self.daemon.url}/api/v2/trusttune/streamUrl",
            data={"hash": album.info_hash, "id": self.address(album, "a.flac")[-1], **more},
            cookies=self.cookies,
            timeout=20,
        )
        return reply.json()["url"] if reply.ok else f"{reply.status_code}"


@pytest.fixture
def home(daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder) -> Iterator[Listening]:
    home = Listening(daemon, client, seeder)
    yield home
    for player in home.players:
        player.close()
    seeder.limit(0)


def original(album: Seeded, name: str) -> bytes:
    return next(content for path, content in album.files.items() if path.endswith(name))


def test_the_first_bytes_arrive_while_the_download_is_far_from_done(home: Listening) -> None:
    album = home.add({"long.flac": 4 * MEBIBYTE}, rate_bps=2 * MEBIBYTE)
    player = home.play(album, "long.flac")
    assert (player.reply.status, player.reply.headers["Content-Type"]) == (200, "audio/flac")
    first = player.read(256 * 1024)
    assert home.client.torrents_info()[0].completed < 3 * MEBIBYTE
    assert first + player.read() == original(album, "long.flac")


def test_after_a_seek_the_middle_arrives_before_the_rest_of_the_beginning(home: Listening) -> None:
    album = home.add({"long.flac": 8 * MEBIBYTE}, rate_bps=2 * MEBIBYTE)
    begun = home.play(album, "long.flac")
    assert begun.read(128 * 1024) == original(album, "long.flac")[: 128 * 1024]
    begun.close()
    middle = 4 * MEBIBYTE + 12_345
    player = home.play(album, "long.flac", Range=f"bytes={middle}-")
    assert player.reply.status == 206
    assert player.read(256 * 1024) == original(album, "long.flac")[middle : middle + 256 * 1024]
    states = home.states(album)
    # Some of the first half is still missing, though the whole torrent downloads in order.
    assert any(state != 2 for state in states[: middle // PIECE_BYTES])
    assert player.read() == original(album, "long.flac")[middle + 256 * 1024 :]


def test_head_and_tail_of_the_file_come_early(home: Listening) -> None:
    album = home.add({"long.flac": 6 * MEBIBYTE}, rate_bps=MEBIBYTE)
    player = home.play(album, "long.flac", Range=f"bytes={2 * MEBIBYTE}-")
    player.read(PIECE_BYTES)

    def both_ends_are_here() -> bool:
        states = home.states(album)
        return states[0] == states[-1] == 2

    wait_until("head and tail are here", both_ends_are_here, 5)
    assert sum(state == 2 for state in home.states(album)) < 192


def test_two_readers_at_once_both_get_every_byte(home: Listening) -> None:
    album = home.add({"a.flac": 2 * MEBIBYTE, "b.mp3": MEBIBYTE + 77}, rate_bps=4 * MEBIBYTE)
    first, second, third = home.play(album, "a.flac"), home.play(album, "b.mp3"), home.play(album, "a.flac")
    assert second.reply.headers["Content-Type"] == "audio/mpeg"
    assert len(home.readers()) == 3
    parts = [first.read(100_000), second.read(100_000), third.read(5)]
    assert parts[1] + second.read() == original(album, "b.mp3")
    assert parts[0] + first.read() == original(album, "a.flac")
    assert parts[2] + third.read() == original(album, "a.flac")
    wait_until("nobody reads", lambda: not home.readers())


def test_a_reader_that_goes_away_frees_its_deadlines_and_the_order_of_before(home: Listening) -> None:
    album = home.add({"long.flac": 8 * MEBIBYTE}, rate_bps=200_000)
    player = home.play(album, "long.flac", Range="bytes=1000000-")
    (reader,) = home.readers()
    assert reader["position"] >= 1_000_000
    assert {0, 255, 1_000_000 // PIECE_BYTES} <= set(reader["window"])
    assert len(reader["window"]) <= 66
    wait_until("in order", lambda: home.client.torrents_info()[0].seq_dl)
    other = home.play(album, "long.flac")
    player.close()
    wait_until("one is left", lambda: len(home.readers()) == 1)
    assert home.readers()[0]["position"] < 1_000_000
    assert home.client.torrents_info()[0].seq_dl
    other.close()
    wait_until("nobody reads", lambda: not home.readers(), 3)
    wait_until("any order again", lambda: not home.client.torrents_info()[0].seq_dl)
    assert home.ask("GET", "/api/v2/trusttune/streams").json()["cached_bytes"] == 0


@pytest.mark.parametrize("end", ["delete", "stop"])
def test_reading_ends_when_the_torrent_is_deleted_or_stopped(home: Listening, end: str) -> None:
    album = home.add({"long.flac": 8 * MEBIBYTE}, rate_bps=300_000)
    address = home.address(album, "long.flac")
    player = home.play(album, "long.flac")
    assert player.read(1_000)
    if end == "delete":
        home.client.torrents_delete(torrent_hashes=album.info_hash, delete_files=True)
    else:
        home.client.torrents_stop(torrent_hashes=album.info_hash)
    with pytest.raises(http.client.IncompleteRead):
        player.read()
    wait_until("nobody reads", lambda: not home.readers(), 3)
    assert home.ask("GET", address).status_code == (404 if end == "delete" else 409)
    assert "Traceback" not in home.daemon.read_log()
    if end == "stop":
        home.seeder.limit(0)
        home.client.torrents_start(torrent_hashes=album.info_hash)
        home.client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
        assert home.play(album, "long.flac").read() == original(album, "long.flac")


def test_a_complete_torrent_that_was_stopped_can_be_played(home: Listening) -> None:
    album = home.add_complete({"a.flac": 300_000})
    home.client.torrents_stop(torrent_hashes=album.info_hash)
    wait_until("stopped", lambda: home.client.torrents_info()[0].state == "stoppedUP")
    assert home.play(album, "a.flac").read() == original(album, "a.flac")


def test_ranges_are_answered_as_the_rfc_says(home: Listening) -> None:
    album = home.add_complete({"a.opus": 100_001, "b.flac": 200_000, "page.html": 9, "nothing.txt": 0})
    for name in ("a.opus", "b.flac"):
        content, address = original(album, name), home.address(album, name)
        size = len(content)
        for asked, start, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=32767-32768", 32_767, 32_769),
            ("bytes=1000-", 1_000, size),
            ("bytes=-5", size - 5, size),
            (f"bytes=-{size * 2}", 0, size),
            (f"BYTES=5-{size * 9}", 5, size),
        ):
            reply = home.ask("GET", address, Range=asked)
            assert (reply.status_code, reply.content) == (206, content[start:end]), asked
            assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
            assert reply.headers["Content-Length"] == str(end - start)
        for asked in (f"bytes={size}-", "bytes=-0", f"bytes={'9' * 18}-"):
            reply = home.ask("GET", address, Range=asked)
            assert (reply.status_code, reply.headers["Content-Range"]) == (416, f"bytes */{size}"), asked
        for asked in ("bytes=5-4", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=+1-2"):
            reply = home.ask("GET", address, Range=asked)
            assert (reply.status_code, reply.content) == (200, content), asked
    assert home.ask("GET", home.address(album, "page.html")).headers["Content-Type"] == "application/octet-stream"
    assert home.ask("GET", home.address(album, "nothing.txt")).content == b""
    assert home.ask("GET", home.address(album, "nothing.txt"), Range="bytes=0-").status_code == 416


def test_head_tells_size_type_and_tag_without_a_body(home: Listening) -> None:
    album = home.add_complete({"a.opus": 100_001})
    reply = home.ask("HEAD", home.address(album, "a.opus"), Range="bytes=0-5")
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["Content-Length"] == "100001"
    assert reply.headers["Content-Type"] == "audio/ogg"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["ETag"] == f'"{album.info_hash}-0"'


def test_a_range_counts_only_while_the_tag_is_the_same(home: Listening) -> None:
    album = home.add_complete({"a.opus": 50_000})
    address = home.address(album, "a.opus")
    etag = home.ask("HEAD", address).headers["ETag"]
    assert home.ask("GET", address, Range="bytes=0-9", If_Range=etag).status_code == 206
    for other in (f"W/{etag}", '"something else"', "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert home.ask("GET", address, Range="bytes=0-9", If_Range=other).status_code == 200


def test_what_cannot_be_played_is_told_in_a_sentence(home: Listening) -> None:
    album = home.add_complete({"a.flac": 70_000, "b.flac": 70_000})
    address = home.address(album, "b.flac")
    home.client.torrents_file_priority(torrent_hash=album.info_hash, file_ids=[int(address[-1])], priority=0)
    reply = home.ask("GET", address)
    assert (reply.status_code, "not selected" in reply.text) == (409, True)
    base = f"/api/v2/trusttune/stream/{album.info_hash}"
    for wrong in (f"{base}/2", f"{base}/-1", f"{base}/", base, f"{base}/0/x", f"/api/v2/trusttune/stream/{'0' * 40}/0"):
        assert home.ask("GET", wrong).status_code == 404, wrong
    assert home.ask("POST", address).status_code == 405
    assert home.ask("GET", address, has_login=False).status_code == 403
    assert home.ask("GET", address, Origin="http://evil.example").status_code == 401
    magnet = f"magnet:?xt=urn:btih:{'d' * 40}"
    home.client.torrents_add(urls=magnet)
    assert home.ask("GET", f"/api/v2/trusttune/stream/{'d' * 40}/0").status_code == 409


def test_a_signed_address_needs_no_login_and_permits_that_file_alone(home: Listening) -> None:
    album = home.add_complete({"a.flac": 70_000, "b.flac": 70_000})
    url = home.signed(album, lifetime_s=600)
    reply = home.ask("GET", url, has_login=False, Origin="http://homeassistant.example:8123", Range="bytes=7-")
    assert (reply.status_code, reply.content) == (206, original(album, "a.flac")[7:])
    assert home.ask("HEAD", url, has_login=False).status_code == 200
    expires, signature = re.findall(r"expires=(\d+)&signature=([0-9a-f]{64})", url)[0]
    path = url.partition("?")[0]
    for wrong in (
        url.replace(path, home.address(album, "b.flac")),
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires={expires}&signature={signature[::-1]}",
        f"{path}?expires={expires}",
        f"{path}?signature={signature}",
        f"{path}?expires=soon&signature=%C3%A9",
        f"/api/v2/trusttune/streams?expires={expires}&signature={signature}",
        f"/api/v2/torrents/info?expires={expires}&signature={signature}",
    ):
        assert home.ask("GET", wrong, has_login=False).status_code == 403, wrong
    assert home.ask("POST", url, has_login=False).status_code == 405
    assert signature not in home.daemon.read_log()
    (secret,) = home.daemon.state.glob("stream.secret")
    assert secret.stat().st_mode & 0o077 == 0


def test_a_signed_address_ends(home: Listening) -> None:
    album = home.add_complete({"a.flac": 70_000})
    url = home.signed(album, lifetime_s=1)
    assert home.ask("GET", url, has_login=False).status_code == 200
    wait_until("expired", lambda: home.ask("GET", url, has_login=False).status_code == 403, 5)
    assert [home.signed(album, lifetime_s=wrong) for wrong in (0, -5, 86_401)] == ["400"] * 3


def test_more_readers_than_there_are_places_are_turned_away(home: Listening) -> None:
    album = home.add({"long.flac": 8 * MEBIBYTE}, rate_bps=100_000)
    for _ in range(16):
        home.play(album, "long.flac")
    assert home.ask("GET", home.address(album, "long.flac")).status_code == 503
    for player in home.players:
        player.close()
    wait_until("nobody reads", lambda: not home.readers(), 5)
    with contextlib.closing(home.play(album, "long.flac")) as player:
        assert player.reply.status == 200

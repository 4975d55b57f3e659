"""A torrent cannot make torrentd speak to services on this machine or in the home network."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import libtorrent as lt
import pytest
from torrentd.session.addresses import address_filter

from live import LOOPBACK, Daemon, Seeder, wait_until


class Victim(ThreadingHTTPServer):
    """A service of the household that notes who asks it."""

    def __init__(self) -> None:
        asked: list[str] = []
        self.asked = asked

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answer)


@pytest.fixture
def victim() -> Iterator[Victim]:
    server = Victim()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def aimed_at(victim: Victim, seeder: Seeder) -> tuple[bytes, str]:
    album = seeder.album()
    torrent = lt.bdecode(album.torrent_file)
    address = f"http://127.0.0.1:{victim.server_port}"
    torrent[b"announce"] = f"{address}/announce".encode()
    torrent[b"url-list"] = [f"{address}/api/states".encode()]
    return lt.bencode(torrent), album.info_hash


def test_trackers_and_web_seeds_on_this_machine_are_asked_only_when_the_household_allows_it(
    new_daemon: Callable[..., Daemon], victim: Victim, seeder: Seeder
) -> None:
    torrent_file, info_hash = aimed_at(victim, seeder)
    closed = new_daemon("--log-level", "info")
    client = closed.start()
    client.torrents_add(torrent_files=torrent_file)
    client.torrents_reannounce(torrent_hashes=info_hash)
    # The tracker's failure is the sign that its turn has come and the filter has spoken.
    wait_until("the tracker was refused", lambda: client.torrents_trackers(info_hash)[3].status == 4)
    client.torrents_reannounce(torrent_hashes=info_hash)
    assert victim.asked == []
    opened = new_daemon(*LOOPBACK)
    client = opened.start()
    client.torrents_add(torrent_files=torrent_file)
    wait_until("both are asked", lambda: len({path.split("?")[0][:5] for path in victim.asked}) == 2)


def test_the_filter_closes_every_private_range_and_opens_what_is_listed() -> None:
    rules = address_filter([])
    closed = ("127.0.0.1", "10.1.2.3", "172.30.32.2", "192.168.1.1", "169.254.1.1", "100.64.0.1", "::1", "fd00::1")
    assert all(rules.access(address) for address in closed)
    assert rules.access("::ffff:7f00:1")
    assert not any(rules.access(address) for address in ("8.8.8.8", "172.15.0.1", "2606:4700::1"))

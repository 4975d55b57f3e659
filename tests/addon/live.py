"""A real torrentd process, and a real libtorrent seeder beside it, both on 127.0.0.1."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import libtorrent as lt
import pytest
import qbittorrentapi

ADDON = Path(__file__).parents[2] / "addon"
PASSWORD = "a-word-for-the-tests"
LOOPBACK = ("--allow-peers-from", "127.0.0.0/8")
QUIET = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "webtorrent_stun_server": "",
    "max_webtorrent_offers": 0,
    "allow_multiple_connections_per_ip": True,
}


def wait_until[T](what: str, found: Callable[[], T], bound_s: float = 20.0) -> T:
    """Return the first true answer, asking often, for a bounded time."""
    end = time.monotonic() + bound_s
    while not (answer := found()):
        if time.monotonic() > end:
            pytest.fail(f"did not happen within {bound_s} s: {what}")
        time.sleep(0.02)
    return answer


@dataclass
class Daemon:
    """One state folder and download folder, and the process that serves them."""

    home: Path
    arguments: tuple[str, ...] = LOOPBACK
    password: str | None = PASSWORD
    # What runs the command, such as `ip netns exec NAME`.
    within: tuple[str, ...] = ()
    discovery: tuple[str, ...] = ("--no-dht", "--no-lsd", "--no-upnp")
    url: str = ""
    log: str = ""
    process: subprocess.Popen[str] | None = None
    clients: list[qbittorrentapi.Client] = field(default_factory=list)

    @property
    def downloads(self) -> Path:
        return self.home / "downloads"

    @property
    def state(self) -> Path:
        return self.home / "state"

    def start(self) -> qbittorrentapi.Client:
        environment = {**os.environ, "PYTHONPATH": str(ADDON)}
        environment.pop("TRUSTTUNE_TORRENTD_PASSWORD", None)
        if self.password is not None:
            environment["TRUSTTUNE_TORRENTD_PASSWORD"] = self.password
        with (self.home / "log").open("a") as log:
            self.process = subprocess.Popen(
                [
                    *self.within,
                    *(sys.executable, "-m", "torrentd", "--port", "0", "--peer-interfaces", "127.0.0.1:0"),
                    *self.discovery,
                    *("--state-folder", str(self.state), "--download-folder", str(self.downloads)),
                    *self.arguments,
                ],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        return self.client()

    def client(self, password: str = PASSWORD) -> qbittorrentapi.Client:
        client = qbittorrentapi.Client(
            host=self.url, username="admin", password=password, REQUESTS_ARGS={"timeout": 20}
        )
        self.clients.append(client)
        return client

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(15)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(15)

    def read_log(self) -> str:
        return (self.home / "log").read_text()

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()
        for client in self.clients:
            with contextlib.suppress(Exception):
                client._session.close()


@dataclass
class Seeded:
    """A torrent that the seeder has whole."""

    torrent_file: bytes
    info_hash: str
    folder: Path
    port: int

    @property
    def magnet(self) -> str:
        return f"magnet:?xt=urn:btih:{self.info_hash}&x.pe=127.0.0.1:{self.port}"

    @property
    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


class Seeder:
    """Seeds freshly made albums of random bytes."""

    def __init__(self, home: Path, settings: dict[str, object] | None = None) -> None:
        self._home = home
        self._session = lt.session(lt.session_params(dict(settings or QUIET)))
        self._random = random.Random(7)
        self._made = 0
        self._handles: dict[str, lt.torrent_handle] = {}

    def album(self, sizes: dict[str, int] | None = None, name: str = "Mirel Vosk - Low Tide") -> Seeded:
        self._made += 1
        folder = self._home / f"seed{self._made}"
        name = f"{name} {self._made}"
        sizes = sizes or {"01 - Harbour.flac": 400_000, "02 - Ferry.flac": 300_123, "cover.jpg": 7}
        for path, size in sizes.items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self._random.randbytes(size))
        maker = lt.create_torrent(lt.list_files(str(folder / name)), 32_768, lt.create_torrent.v1_only)
        lt.set_piece_hashes(maker, str(folder))
        return self.seed(lt.bencode(maker.generate()), folder)

    def seed(self, torrent_file: bytes, folder: Path, names: dict[int, str] | None = None) -> Seeded:
        source = lt.load_torrent_buffer(torrent_file)
        source.save_path = str(folder)
        source.renamed_files = names or {}
        # Queued, a seeder would go quiet after its fifth torrent.
        source.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        handle = self._session.add_torrent(source)
        wait_until("the seeder has everything", lambda: handle.status().is_seeding)
        self._handles[str(handle.info_hashes().v1)] = handle
        return Seeded(torrent_file, str(handle.info_hashes().v1), folder, self._session.listen_port())

    def limit(self, rate_bps: int) -> None:
        """Upload at most so many bytes a second, also to peers on this machine; 0 ends the limit."""
        self._session.set_peer_class_filter(_everyone_in_class(lt.session.global_peer_class_id))
        self._session.apply_settings({"upload_rate_limit": rate_bps})

    def forget(self, seeded: Seeded) -> None:
        self._session.remove_torrent(self._handles.pop(seeded.info_hash))


def _everyone_in_class(peer_class: int) -> lt.ip_filter:
    everyone = lt.ip_filter()
    everyone.add_rule("0.0.0.0", "255.255.255.255", 1 << peer_class)
    return everyone


def is_complete(client: qbittorrentapi.Client, info_hash: str) -> bool:
    rows = client.torrents_info(torrent_hashes=info_hash)
    return bool(rows) and rows[0].progress == 1

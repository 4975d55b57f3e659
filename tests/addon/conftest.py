"""Fixtures around real torrentd processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import qbittorrentapi

from live import LOOPBACK, PASSWORD, Daemon, Seeder


@pytest.fixture(scope="session")
def seeder(tmp_path_factory: pytest.TempPathFactory) -> Seeder:
    return Seeder(tmp_path_factory.mktemp("seeder"))


@pytest.fixture
def new_daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def make(*arguments: str, password: str | None = PASSWORD) -> Daemon:
        home = tmp_path / f"daemon{len(made)}"
        home.mkdir()
        daemon = Daemon(home, arguments or LOOPBACK, password)
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.close()


@pytest.fixture(scope="session")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("shared"))
    daemon.start()
    yield daemon
    daemon.close()


@pytest.fixture
def daemon(shared_daemon: Daemon) -> Iterator[Daemon]:
    """Give the one daemon most tests share; each leaves it empty."""
    yield shared_daemon
    client = shared_daemon.client()
    client.torrents_delete(delete_files=True, torrent_hashes="all")
    client.torrents_remove_categories(categories=list(client.torrents_categories()))
    client.torrents_delete_tags(tags=list(client.torrents_tags()))


@pytest.fixture
def client(daemon: Daemon) -> qbittorrentapi.Client:
    return daemon.client()

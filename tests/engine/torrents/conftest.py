"""A running client and the adapter connected to it."""

import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from custom_components.trusttune.engine.config import ClientConfig
from custom_components.trusttune.engine.torrents.qbittorrent import QBittorrentClient
from tests.torrent_clients import CLIENTS, ClientName, RunningClient, torrent_client
from tests.world.torrents import bencode

PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Album:
    """A torrent of two real files under `folder`."""

    folder: Path
    raw: bytes
    info_hash: str

    @property
    def magnet(self) -> str:
        return f"magnet:?xt=urn:btih:{self.info_hash}&dn=Album"


def make_album(folder: Path) -> Album:
    """Write two files of random bytes, which share no piece, and the torrent that describes them."""
    root = folder / "Lumen Vale - Tidal Glass"
    root.mkdir(parents=True)
    parts = {"01 - Harbour.flac": os.urandom(3 * PIECE), "02 - Ebb.flac": os.urandom(2 * PIECE)}
    for name, content in parts.items():
        (root / name).write_bytes(content)
    whole = b"".join(parts.values())
    pieces = b"".join(hashlib.sha1(whole[at : at + PIECE]).digest() for at in range(0, len(whole), PIECE))
    info = bencode(
        {
            "files": [{"length": len(content), "path": [name]} for name, content in parts.items()],
            "name": root.name,
            "piece length": PIECE,
            "pieces": pieces,
        }
    )
    return Album(folder, b"d4:info%be" % info, hashlib.sha1(info).hexdigest())


def make_hybrid() -> Album:
    """Make a torrent of both versions: two files of one piece each, the first padded to its end (BEP 47, BEP 52)."""
    parts = {"01": b"1" * 10000, "02": b"2" * PIECE}
    # A file of one piece or less has the root of its blocks' tree, which for one block is its SHA-256.
    tree = {
        name: {"": {"length": len(content), "pieces root": hashlib.sha256(content).digest()}}
        for name, content in parts.items()
    }
    padding = PIECE - len(parts["01"])
    pieces = hashlib.sha1(parts["01"] + bytes(padding)).digest() + hashlib.sha1(parts["02"]).digest()
    info = bencode(
        {
            "file tree": tree,
            "files": [
                {"length": len(parts["01"]), "path": ["01"]},
                {"attr": "p", "length": padding, "path": [".pad", str(padding)]},
                {"length": len(parts["02"]), "path": ["02"]},
            ],
            "meta version": 2,
            "name": "Kite",
            "piece length": PIECE,
            "pieces": pieces,
        }
    )
    # The layers of pieces are only for files of more than one.
    return Album(Path(), b"d4:info%b12:piece layersdee" % info, hashlib.sha1(info).hexdigest())


@pytest.fixture(params=CLIENTS)
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningClient]:
    async with torrent_client(cast(ClientName, request.param), tmp_path / "client") as client:
        yield client


def config_of(running: RunningClient) -> ClientConfig:
    return ClientConfig(url=running.url, username=running.username, password=running.password)


@pytest.fixture
async def client(running: RunningClient) -> AsyncIterator[QBittorrentClient]:
    client = QBittorrentClient(config_of(running))
    yield client
    await client.close()

"""A BitTorrent tracker over HTTP (BEP 3, compact peers of BEP 23) for the world's swarm on 127.0.0.1."""

import asyncio
import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.typedefs import Middleware

from .torrents import bencode

_INTERVAL_S = 5


@dataclass(frozen=True, slots=True)
class Peer:
    """One member of a swarm."""

    address: str
    port: int
    is_seed: bool


class Tracker:
    """Knows who has what. `url` is the announce address that .torrent files and magnets name."""

    name = "tracker"

    def __init__(self) -> None:
        self.url = ""
        self.seeder_port: int | None = None
        """The world's own seeder: it is named before others that have all, which may have been killed since."""
        self._changed = asyncio.Condition()
        self._swarms: dict[bytes, dict[tuple[str, int], Peer]] = {}

    def listen_at(self, base_url: str) -> None:
        """Learn the address. libtorrent talks to a loopback tracker only at a path that starts with /announce."""
        self.url = f"{base_url}/announce"

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares)
        app.router.add_get("/announce", self._announce)
        return app

    def peers(self, info_hash: str) -> list[Peer]:
        """Give the swarm of one torrent."""
        return list(self._swarms.get(bytes.fromhex(info_hash), {}).values())

    async def wait_for_seeds(self, info_hashes: Iterable[str], timeout_s: float = 20.0) -> None:
        """Wait until each of these torrents has a seed. Raises TimeoutError."""
        wanted = set(info_hashes)
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(
                lambda: all(any(peer.is_seed for peer in self.peers(info_hash)) for info_hash in wanted)
            )

    async def _announce(self, request: web.Request) -> web.Response:
        query = _raw_query(request.raw_path)
        try:
            info_hash, port, left = query["info_hash"], int(query["port"]), int(query.get("left", b"0"))
            if len(info_hash) != 20 or not 0 <= port < 65536:
                raise ValueError
        except KeyError, ValueError:
            return _answer({"failure reason": "Not an announce"})
        swarm = self._swarms.setdefault(info_hash, {})
        me = (request.remote or "127.0.0.1", port)
        if query.get("event") == b"stopped":
            swarm.pop(me, None)
        elif port:
            swarm[me] = Peer(*me, is_seed=left == 0)
        async with self._changed:
            self._changed.notify_all()
        others = [peer for key, peer in swarm.items() if key != me]
        seeds = [peer for peer in others if peer.is_seed]
        # Clients keep one peer for an address, and all are on 127.0.0.1: naming a second would replace the seed.
        if left == 0:
            chosen = [peer for peer in others if not peer.is_seed]
        else:
            chosen = sorted(seeds or others, key=lambda peer: peer.port != self.seeder_port)[:1]
        compact = b"".join(ipaddress.IPv4Address(peer.address).packed + struct.pack(">H", peer.port) for peer in chosen)
        return _answer(
            {
                "interval": _INTERVAL_S,
                "min interval": 1,
                "complete": len([peer for peer in swarm.values() if peer.is_seed]),
                "incomplete": len([peer for peer in swarm.values() if not peer.is_seed]),
                "peers": compact,
            }
        )


def _raw_query(path: str) -> dict[str, bytes]:
    """Read a query whose values are bytes, not text."""
    pairs = [part.partition("=") for part in path.partition("?")[2].split("&")]
    return {name: unquote_to_bytes(value) for name, _, value in pairs}


def _answer(members: dict[str, int | str | bytes]) -> web.Response:
    return web.Response(body=bencode(members), content_type="text/plain")

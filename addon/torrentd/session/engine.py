"""One libtorrent session on the event loop: alerts wake the loop by a socket, nothing polls a torrent."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Hashable
from typing import Any

import libtorrent as lt

from ..options import Options
from .addresses import address_filter, everyone_in_class
from .settings import session_settings

_LOGGER = logging.getLogger(__name__)

TICK_S = 1.0
FRESH_S = 0.1
REFRESH_TIMEOUT_S = 2.0

_STATUS_FLAGS = (
    lt.torrent_handle.query_distributed_copies
    | lt.torrent_handle.query_last_seen_complete
    | lt.torrent_handle.query_accurate_download_counters
)
_COUNTERS = (
    "net.recv_payload_bytes",
    "net.sent_payload_bytes",
    "net.recv_redundant_bytes",
    "net.recv_failed_bytes",
    "net.has_incoming_connections",
    "dht.dht_nodes",
    "peer.num_peers_connected",
    "disk.num_jobs",
    "disk.queued_write_bytes",
    "disk.disk_blocks_in_use",
)


class Engine:
    """Owns the session. Alerts are handed out by type, synchronously: they die with the next batch."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._session: lt.session | None = None
        self._handlers: dict[str, list[Callable[[Any], None]]] = {}
        self._waiters: dict[tuple[str, Hashable], list[asyncio.Future[Any]]] = {}
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._refreshed_at = 0.0
        self._on_tick: list[Callable[[], None]] = []
        self.counters: dict[str, int] = {}
        self.last_alert_at = 0.0

    @property
    def session(self) -> lt.session:
        """The running session."""
        assert self._session is not None, "the engine is not started"
        return self._session

    @property
    def is_running(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def may_look_up_names(self) -> bool:
        """Whether torrents may bring names of hosts; looking one up goes past the VPN interface."""
        return not (self._options.vpn_interface and self._options.vpn_strict_dns)

    def on(self, alert: str, handler: Callable[[Any], None]) -> None:
        """Call the handler with every alert of this type."""
        self._handlers.setdefault(alert, []).append(handler)

    def on_tick(self, action: Callable[[], None]) -> None:
        """Call the action about once a second."""
        self._on_tick.append(action)

    def expect(self, event: str, key: Hashable) -> asyncio.Future[Any]:
        """Return a future that `settle` with the same event and key resolves."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault((event, key), []).append(future)
        return future

    def settle(self, event: str, key: Hashable, outcome: object = None) -> None:
        """Resolve everyone who expects this event."""
        for future in self._waiters.pop((event, key), []):
            if not future.done():
                future.set_result(outcome)

    async def start(self) -> None:
        """Open the session and begin to listen to it."""
        options = self._options
        loop = asyncio.get_running_loop()
        session = await asyncio.to_thread(lt.session, lt.session_params(session_settings(options)))
        session.set_ip_filter(address_filter(options.allow_peers_from))
        session.set_peer_class_filter(everyone_in_class(lt.session.global_peer_class_id))
        self._session = session
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._wake = (reader, writer)
        self.on("state_update_alert", lambda _alert: self.settle("refreshed", None))
        self.on("session_stats_alert", self._count)
        loop.add_reader(reader.fileno(), self._drain)
        session.set_alert_fd(writer.fileno())
        self._ticker = asyncio.create_task(self._tick(), name="torrentd tick")

    async def stop(self) -> None:
        """Close the session; what must be saved has been saved by now."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        if self._session is not None and self._wake is not None:
            self._drain()
            asyncio.get_running_loop().remove_reader(self._wake[0].fileno())
            session, self._session = self._session, None
            session.set_alert_fd(-1)
            for end in self._wake:
                end.close()
            # The last reference closes the session and waits for its threads.
            await asyncio.to_thread(_let_go, [session])

    async def refresh(self) -> None:
        """Make every record's status current to a tenth of a second."""
        if time.monotonic() - self._refreshed_at < FRESH_S:
            return
        is_first = ("refreshed", None) not in self._waiters
        future = self.expect("refreshed", None)
        if is_first:
            self.session.post_torrent_updates(_STATUS_FLAGS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(future, REFRESH_TIMEOUT_S)
        self._refreshed_at = time.monotonic()

    def outdate(self) -> None:
        """Make the next refresh ask libtorrent, because something was just changed."""
        self._refreshed_at = 0.0

    def _drain(self) -> None:
        assert self._wake is not None
        with contextlib.suppress(BlockingIOError):
            while self._wake[0].recv(4096):
                pass
        while alerts := self.session.pop_alerts():
            self.last_alert_at = time.monotonic()
            for alert in alerts:
                for handler in self._handlers.get(type(alert).__name__, ()):
                    try:
                        handler(alert)
                    except Exception:
                        _LOGGER.exception("Handling %s failed", type(alert).__name__)

    def _count(self, alert: lt.session_stats_alert) -> None:
        # Session counters by name, as libtorrent's manual lists them.
        values = alert.values
        self.counters = {name: values[name] for name in _COUNTERS if name in values}

    async def _tick(self) -> None:
        while True:
            self.session.post_torrent_updates(_STATUS_FLAGS)
            self.session.post_session_stats()
            for action in self._on_tick:
                try:
                    action()
                except Exception:
                    _LOGGER.exception("A regular task failed")
            await asyncio.sleep(TICK_S)


def _let_go(held: list[lt.session]) -> None:
    held.clear()

"""The kill switch: the session lives on one interface, and stands still whenever that cannot carry it out."""

import asyncio
import contextlib
import logging
import re
import socket
import time
from typing import TYPE_CHECKING

from ..options import Options
from .netlink import Tunnel, read_tunnel, subscribe

if TYPE_CHECKING:
    from .engine import Engine

_LOGGER = logging.getLogger(__name__)

# Netlink tells at once; this is for what it could not tell (a full buffer, a refused socket).
POLL_S = 2.0
# libtorrent leaves a peer alone for a minute after a connection ended; those the fall cut are wanted at once.
EAGER_RECONNECT_S, EAGER_FOR_S = 1, 30
CALM_RECONNECT_S = 60


def peer_port(peer_interfaces: str) -> int:
    """Return the first port of a list as libtorrent's listen_interfaces; 0 lets the system choose."""
    found = re.search(r":(\d{1,5})[a-z]*(?:,|$)", peer_interfaces.replace(" ", ""))
    return min(int(found[1]), 65_535) if found else 0


class VpnGuard:
    """Watches the interface and holds or releases the session. A session begins held: see `session_settings`."""

    def __init__(self, engine: "Engine", options: Options) -> None:
        assert options.vpn_interface is not None, "a guard has an interface to guard"
        self.interface = options.vpn_interface
        self._engine = engine
        self._listen = f"{self.interface}:{peer_port(options.peer_interfaces)}"
        self._is_dht_on = options.is_dht_on
        self._is_dns_strict = options.vpn_strict_dns
        self._bound: Tunnel | None = None
        self._told: str | None = None
        self._netlink: socket.socket | None = None
        self._poll: asyncio.Task[None] | None = None
        self._calming: asyncio.TimerHandle | None = None
        self.since = time.time()

    @property
    def is_bound(self) -> bool:
        """Whether the session is bound to the interface and may talk."""
        return self._bound is not None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses it is bound to."""
        return self._bound.addresses if self._bound is not None else ()

    async def start(self) -> None:
        """Hold the session, then release it if the interface is ready. Call before any torrent is added."""
        self._engine.session.pause()
        if not self._is_dns_strict:
            _LOGGER.warning(
                "Names of trackers are looked up by this system's resolver, which is not bound to %s: "
                "see vpn_strict_dns in the documentation",
                self.interface,
            )
        try:
            self._netlink = subscribe()
        except OSError as error:
            _LOGGER.warning("Changes of the network are only seen every %s s: %s", POLL_S, error.strerror)
        else:
            asyncio.get_running_loop().add_reader(self._netlink.fileno(), self._on_change)
        self._judge()
        self._poll = asyncio.create_task(self._keep_judging(), name="torrentd VPN poll")

    async def stop(self) -> None:
        """Stop watching and leave the session as it is; the caller closes it."""
        self._stop_calming()
        if self._netlink is not None:
            asyncio.get_running_loop().remove_reader(self._netlink.fileno())
            self._netlink.close()
            self._netlink = None
        if self._poll is not None:
            self._poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poll

    def _on_change(self) -> None:
        assert self._netlink is not None
        # What it says is not read: the state is asked for afresh, so a lost message loses nothing.
        with contextlib.suppress(OSError):
            while self._netlink.recv(1 << 16):
                pass
        self._judge()

    async def _keep_judging(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            self._judge()

    def _judge(self) -> None:
        try:
            tunnel = read_tunnel(self.interface)
        except Exception as error:
            # What cannot be judged is not safe, whatever the reason.
            _LOGGER.debug("The interface could not be read", exc_info=True)
            tunnel = Tunnel(problem=f"could not be read ({type(error).__name__})")
        if tunnel == self._bound:
            return
        if self._bound is not None:
            self._hold()
        if tunnel.problem is None:
            self._release(tunnel)
        elif tunnel.problem != self._told:
            self._told = tunnel.problem
            _LOGGER.warning("The VPN interface %s %s: everything is paused", self.interface, tunnel.problem)

    def _hold(self) -> None:
        self._bound = None
        self.since = time.time()
        # The sockets stay, tied to the interface: for a closed one the kernel would refuse peers' packets, and where
        # only the route is gone its refusals would take the other way out.
        self._engine.session.pause()
        self._engine.session.apply_settings({"enable_dht": False})

    def _release(self, tunnel: Tunnel) -> None:
        session = self._engine.session
        # An interface that was made anew has its name but not its sockets.
        session.apply_settings({"listen_interfaces": ""})
        session.apply_settings(
            {
                "listen_interfaces": self._listen,
                "enable_dht": self._is_dht_on,
                "min_reconnect_time": EAGER_RECONNECT_S,
            }
        )
        session.resume()
        self._stop_calming()
        self._calming = asyncio.get_running_loop().call_later(EAGER_FOR_S, self._calm)
        self._bound = tunnel
        self._told = None
        self.since = time.time()
        _LOGGER.info("Bound to the VPN interface %s (%s)", self.interface, ", ".join(tunnel.addresses))

    def _calm(self) -> None:
        self._engine.session.apply_settings({"min_reconnect_time": CALM_RECONNECT_S})

    def _stop_calming(self) -> None:
        if self._calming is not None:
            self._calming.cancel()
            self._calming = None

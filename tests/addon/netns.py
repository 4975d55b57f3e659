"""A small internet of network namespaces: torrentd's, with two ways out, and the far side that hears both."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TUNNEL, HOME = "vpn0", "lan0"
TUNNEL_ADDRESS, HOME_ADDRESS = "10.77.1.2", "10.77.2.2"
FAR = "10.77.9.1"
REFUSAL = "refused by the kernel:"
_ALL_FRAMES, _OUTGOING = 0x0003, 4


def missing() -> str | None:
    """Return why no namespaces can be made here."""
    if os.geteuid() != 0:
        return "left out: network namespaces need root"
    if shutil.which("ip") is None:
        return "left out: the command ip is missing (package iproute2)"
    probe = f"tt-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"left out: no network namespace can be made here ({made.stderr.strip()})"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return None


@dataclass
class TwoWaysOut:
    """Namespaces `near` (torrentd) and `far` (seeder, trackers, resolver).

    A tunnel and the home line lead from near to a router between them: libtorrent binds to the interface of an
    address, so the far side needs one that is always there.
    """

    near: str = f"tt-near-{os.getpid()}"
    router: str = f"tt-mid-{os.getpid()}"
    far: str = f"tt-far-{os.getpid()}"
    _made: list[str] = field(default_factory=list)

    def build(self, *, with_tunnel: bool = True) -> None:
        for name in (self.near, self.router, self.far):
            self.ip("netns", "add", name)
            self._made.append(name)
            with inside(name):
                # The kernel's own neighbour chatter is not torrentd's.
                for scope in ("all", "default"):
                    Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
            self.ip("-n", name, "link", "set", "lo", "up")
        # As a resolver of the household would be: some address, reached by whatever way there is.
        resolver = Path("/etc/netns") / self.near / "resolv.conf"
        resolver.parent.mkdir(parents=True)
        resolver.write_text(f"nameserver {FAR}\noptions timeout:1 attempts:2\n")
        with inside(self.router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self._link(self.far, "far0", f"{FAR}/24", "10.77.9.254/24")
        self.ip("-n", self.far, "route", "add", "default", "via", "10.77.9.254")
        self._join(HOME, HOME_ADDRESS, "10.77.2.1", metric=100)
        if with_tunnel:
            self.add_tunnel()

    def ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    def _link(self, end: str, name: str, end_address: str, router_address: str) -> None:
        self.ip("-n", end, "link", "add", name, "type", "veth", "peer", "name", name, "netns", self.router)
        for where, address in ((end, end_address), (self.router, router_address)):
            self.ip("-n", where, "addr", "add", address, "dev", name)
            self.ip("-n", where, "link", "set", name, "up")

    def _join(self, name: str, near_address: str, gateway: str, metric: int) -> None:
        self._link(self.near, name, f"{near_address}/24", f"{gateway}/24")
        self.add_route(name, gateway, metric)

    def add_route(self, name: str = TUNNEL, gateway: str = "10.77.1.1", metric: int = 10) -> None:
        # Written anew as a VPN program does: the kernel drops routes with the link.
        route = ("default", "via", gateway, "dev", name, "metric", str(metric))
        self.ip("-n", self.near, "route", "replace", *route)

    def add_tunnel(self, near_address: str = TUNNEL_ADDRESS) -> None:
        self._join(TUNNEL, near_address, "10.77.1.1", metric=10)

    def near_ip(self, *arguments: str) -> None:
        self.ip("-n", self.near, *arguments)

    def close(self) -> None:
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self.near, ignore_errors=True)
        with contextlib.suppress(OSError):
            Path("/etc/netns").rmdir()


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Let this thread, and what it starts, live in a namespace; sockets made here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.setns(there, os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(home, os.CLONE_NEWNET)
    finally:
        os.close(there)
        os.close(home)


class Capture:
    """Every frame that leaves by one interface of a namespace."""

    def __init__(self, namespace: str, interface: str) -> None:
        with inside(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind((interface, _ALL_FRAMES))
        self._socket.setblocking(False)
        self._left: list[str] = []

    def left(self) -> list[str]:
        """Return what has left until now, one line a frame."""
        while True:
            try:
                frame, (_, _, direction, _, _) = self._socket.recvfrom(65_535)
            except BlockingIOError:
                return list(self._left)
            if direction == _OUTGOING:
                self._left.append(_line(frame))

    def close(self) -> None:
        self._socket.close()


def _line(frame: bytes) -> str:
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind != 0x0800 or len(frame) < 38:
        return {0x0806: "ARP", 0x86DD: "IPv6"}.get(kind, hex(kind))
    body = frame[14:]
    source, target = socket.inet_ntoa(body[12:16]), socket.inet_ntoa(body[16:20])
    ports = struct.unpack_from("!HH", body, (body[0] & 15) * 4)
    # What the kernel answers by itself to a packet for nobody: no process sends these.
    if body[9] == 1 and body[(body[0] & 15) * 4] == 3:
        return f"{REFUSAL} ICMP {source} > {target}"
    if body[9] == 6 and body[(body[0] & 15) * 4 + 13] & 0x07 == 0x04:
        return f"{REFUSAL} RST {source} > {target}"
    protocol = {6: "TCP", 17: "UDP"}.get(body[9], str(body[9]))
    return f"{protocol} {source}:{ports[0]} > {target}:{ports[1]}"

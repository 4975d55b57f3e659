"""What Linux says about one network interface, asked and heard over rtnetlink (rtnetlink(7)). No privilege needed."""

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE
_GET_LINK, _GET_ADDRESS, _GET_ROUTE = 18, 22, 26
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_REQUEST_DUMP = 0x1 | 0x300
_ERROR, _DONE, _DUMP_INTERRUPTED = 2, 3, 0x10
_UP, _RUNNING = 0x1, 0x40
_ADDRESS_UNUSABLE = 0x40 | 0x08  # tentative, or found twice
_LINK_SCOPE = 253
_UNICAST, _BY_KERNEL, _CLONED, _DEAD_OR_DOWN = 1, 2, 0x200, 0x1 | 0x10
_LOCAL_TABLE = 255
_HEADER = struct.Struct("=IHHII")
_TIMEOUT_S = 1.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An interface as it is now; with a problem it carries nothing out."""

    index: int = 0
    addresses: tuple[str, ...] = ()
    problem: str | None = None


def subscribe() -> socket.socket:
    """Return a socket that becomes readable whenever a link, an address or a route changes. Raises OSError."""
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        listener.setblocking(False)
        listener.bind((0, _GROUPS))
    except OSError:
        listener.close()
        raise
    return listener


def read_tunnel(name: str) -> Tunnel:
    """Return the state of the interface: it is usable when up, with an address and a route out. Raises OSError."""
    link = next((found for found in _dump(_GET_LINK, _NEW_LINK, 16) if _name(found) == name), None)
    if link is None:
        return Tunnel(problem="is not there")
    _, _, _, index, flags, _ = struct.unpack("=BBHiII", link[0])
    addresses: list[tuple[int, str]] = []
    for fixed, attributes in _dump(_GET_ADDRESS, _NEW_ADDRESS, 8):
        family, _, short_flags, scope, owner = struct.unpack("=BBBBI", fixed)
        all_flags = struct.unpack("=I", attributes[8])[0] if len(attributes.get(8, b"")) == 4 else short_flags
        # Of a point-to-point link attribute 1 is the other end, 2 its own.
        raw = attributes.get(2) or attributes.get(1)
        if owner == index and scope < _LINK_SCOPE and not all_flags & _ADDRESS_UNUSABLE and raw is not None:
            addresses.append((family, str(ipaddress.ip_address(raw))))
    texts = tuple(sorted(text for _, text in addresses))
    if not flags & _UP:
        return Tunnel(index, texts, "is down")
    if not flags & _RUNNING:
        return Tunnel(index, texts, "has no carrier")
    if not addresses:
        return Tunnel(index, texts, "has no address")
    if not {family for family, _ in addresses} & _routed_families(index):
        return Tunnel(index, texts, "has no route")
    return Tunnel(index, texts)


def _routed_families(index: int) -> set[int]:
    # The network an address lies in is the kernel's own route: it ends at the tunnel's other side.
    families = set()
    for fixed, attributes in _dump(_GET_ROUTE, _NEW_ROUTE, 12):
        family, _, _, _, table, protocol, _, kind, flags = struct.unpack("=BBBBBBBBI", fixed)
        is_way_out = kind == _UNICAST and protocol != _BY_KERNEL and table != _LOCAL_TABLE
        if is_way_out and not flags & (_CLONED | _DEAD_OR_DOWN) and index in _exits(attributes):
            families.add(family)
    return families


def _exits(attributes: dict[int, bytes]) -> set[int]:
    exits = set()
    if len(attributes.get(4, b"")) == 4:
        exits.add(struct.unpack("=i", attributes[4])[0])
    hops = attributes.get(9, b"")
    while len(hops) >= 8:
        length, flags, _, exit_index = struct.unpack_from("=HBBi", hops)
        if not flags & _DEAD_OR_DOWN:
            exits.add(exit_index)
        hops = hops[max(8, (length + 3) & ~3) :]
    return exits


type _Message = tuple[bytes, dict[int, bytes]]


def _name(link: _Message) -> str:
    return link[1].get(3, b"").rstrip(b"\0").decode(errors="replace")


def _dump(request: int, wanted: int, fixed_bytes: int) -> list[_Message]:
    for _ in range(_TRIES):
        found = _dump_once(request, wanted, fixed_bytes)
        if found is not None:
            return found
    raise OSError("the network kept changing while it was read")


def _dump_once(request: int, wanted: int, fixed_bytes: int) -> list[_Message] | None:
    found: list[_Message] = []
    is_consistent = True
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as asker:
        asker.settimeout(_TIMEOUT_S)
        body = b"\0" * fixed_bytes
        asker.sendto(_HEADER.pack(_HEADER.size + len(body), request, _REQUEST_DUMP, 1, 0) + body, (0, 0))
        while True:
            received = asker.recv(1 << 17)
            while len(received) >= _HEADER.size:
                length, kind, flags, _, _ = _HEADER.unpack_from(received)
                message, received = received[_HEADER.size : length], received[max(16, (length + 3) & ~3) :]
                is_consistent = is_consistent and not flags & _DUMP_INTERRUPTED
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", message)[0], "rtnetlink refused")
                if kind == _DONE:
                    return found if is_consistent else None
                if kind == wanted and len(message) >= fixed_bytes:
                    found.append((message[:fixed_bytes], dict(_attributes(message[fixed_bytes:]))))


def _attributes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    while len(raw) >= 4:
        length, kind = struct.unpack_from("=HH", raw)
        if length < 4:
            return
        yield kind & 0x3FFF, raw[4:length]
        raw = raw[(length + 3) & ~3 :]

"""Which addresses peers, trackers and web seeds may have.

libtorrent's own SSRF mitigation still lets a torrent's web seeds ask services on this machine and
in the home network, so every private range is closed here and opened only by the household.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import libtorrent as lt

from ..options import Network

BLOCKED = 1

# Special-purpose ranges of RFC 6890 and its registry that lead back home or nowhere.
PRIVATE_RANGES: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/127",
        "::ffff:0:0/96",  # IPv4 in IPv6 clothes
        "64:ff9b::/96",  # NAT64 reaches IPv4 as well
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4 too
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def address_filter(allowed: Iterable[Network]) -> lt.ip_filter:
    """Return the filter: private ranges closed, then the allowed networks opened again."""
    rules = lt.ip_filter()
    for network in PRIVATE_RANGES:
        _add(rules, network, BLOCKED)
    for network in allowed:
        _add(rules, network, 0)
    return rules


def everyone_in_class(peer_class: int) -> lt.ip_filter:
    """Return a class filter that puts every peer, local ones too, under the session's rate limits."""
    rules = lt.ip_filter()
    for network in (ip_network("0.0.0.0/0"), ip_network("::/0")):
        _add(rules, network, 1 << peer_class)
    return rules


def drop_named_sources(source: lt.add_torrent_params) -> int:
    """Leave only what needs no name looked up, now or after a redirect: udp:// trackers and nodes with an address.

    Returns how many trackers, web seeds and nodes went.
    """
    before = len(source.trackers) + len(source.url_seeds) + len(source.dht_nodes)
    tiers = list(source.tracker_tiers)
    kept = [
        (url, tiers[index] if index < len(tiers) else 0)
        for index, url in enumerate(source.trackers)
        if url.lower().startswith("udp://") and _is_address(_host(url))
    ]
    source.trackers = [url for url, _ in kept]
    source.tracker_tiers = [tier for _, tier in kept]
    source.url_seeds = []
    source.dht_nodes = [node for node in source.dht_nodes if _is_address(node[0])]
    return before - len(kept) - len(source.dht_nodes)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _add(rules: lt.ip_filter, network: IPv4Network | IPv6Network, flag: int) -> None:
    rules.add_rule(str(network.network_address), str(network.broadcast_address), flag)

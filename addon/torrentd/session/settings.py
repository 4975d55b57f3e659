"""libtorrent's settings for a small always-on computer, measured on one."""

from typing import TYPE_CHECKING

import libtorrent as lt

from .. import __version__
from ..options import Options

if TYPE_CHECKING:
    from libtorrent import settings_pack

MEBIBYTE = 1 << 20
CONNECTIONS_LIMIT = 200


def session_settings(options: Options) -> "settings_pack":
    """Return the settings pack a session starts with."""
    categories = lt.alert_category
    # With a kill switch a session begins without sockets; VpnGuard opens them on the interface.
    vpn = options.vpn_interface
    bootstrap = "" if vpn and options.vpn_strict_dns else "dht.libtorrent.org:25401,router.bittorrent.com:6881"
    return {
        "alert_mask": categories.error | categories.status | categories.storage,
        "alert_queue_size": 20_000,
        "user_agent": f"TrustTune-Torrents/{__version__} libtorrent/{lt.__version__}",
        "listen_interfaces": "" if vpn else options.peer_interfaces,
        "outgoing_interfaces": vpn or "",
        "enable_dht": options.is_dht_on and not vpn,
        "enable_lsd": options.is_lsd_on,
        "enable_upnp": options.is_upnp_on,
        "enable_natpmp": options.is_upnp_on,
        "dht_bootstrap_nodes": bootstrap if options.is_dht_on else "",
        # WebTorrent would ask a public STUN server, past any VPN binding.
        "webtorrent_stun_server": "",
        "max_webtorrent_offers": 0,
        "validate_https_trackers": True,
        "ssrf_mitigation": True,
        "allow_idna": False,
        "apply_ip_filter_to_trackers": True,
        "max_http_recv_buffer_size": 4 * MEBIBYTE,
        "max_metadata_size": 10 * MEBIBYTE,
        # A disk queue of 1 MiB was both the fastest and the smallest.
        "max_queued_disk_bytes": MEBIBYTE,
        "aio_threads": 4,
        "hashing_threads": 1,
        "file_pool_size": 40,
        "checking_mem_usage": 64,
        "connections_limit": CONNECTIONS_LIMIT,
        # Several peers on one address only where the household opened a private network.
        "allow_multiple_connections_per_ip": bool(options.allow_peers_from),
        # A magnet's peers must stay while its names are still being judged.
        "close_redundant_connections": False,
        "stop_tracker_timeout": 1,
        "announce_to_all_tiers": True,
    }

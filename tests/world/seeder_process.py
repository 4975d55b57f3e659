"""Seeds the world's torrents with libtorrent on 127.0.0.1; runs by itself under CPython 3.13.

Commands come as JSON lines on standard input and are answered one by one on standard output. When standard
input closes, because the world ended in whatever way, the process ends too. Imports nothing of the project.
"""

import base64
import json
import os
import sys
from typing import Any

import libtorrent as lt  # type: ignore[import-not-found]

_SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "webtorrent_stun_server": "",
    "max_webtorrent_offers": 0,
    # Clients try uTP first: refused, it would cost each of them three seconds until they try TCP.
    "enable_incoming_utp": True,
    # All clients under test share the address 127.0.0.1.
    "allow_multiple_connections_per_ip": True,
    "active_seeds": -1,
    "active_limit": -1,
    "min_announce_interval": 1,
    "min_reconnect_time": 1,
    "stop_tracker_timeout": 1,
    "close_redundant_connections": True,
    "unchoke_slots_limit": -1,
    "alert_mask": 0,
}


class _Seeding:
    """The session and its torrents, by info hash."""

    def __init__(self) -> None:
        self._session = lt.session(_SETTINGS)
        # Without this, limits would not hold for peers on the local network.
        every_address = lt.ip_filter()
        every_address.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
        self._session.set_peer_class_filter(every_address)
        self._known: dict[str, tuple[bytes, str]] = {}
        self._handles: dict[str, Any] = {}

    def add(self, torrents: list[dict[str, str]]) -> dict[str, object]:
        """Start seeding; the files are trusted to be whole, because the world has just hashed them."""
        for torrent in torrents:
            metainfo = base64.b64decode(torrent["metainfo"])
            info_hash = str(lt.torrent_info(lt.bdecode(metainfo)).info_hash())
            self._known[info_hash] = (metainfo, torrent["save_path"])
            self.start(info_hash)
        return {}

    def start(self, info_hash: str) -> dict[str, object]:
        metainfo, save_path = self._known[info_hash]
        if info_hash not in self._handles:
            parameters = lt.add_torrent_params()
            parameters.ti = lt.torrent_info(lt.bdecode(metainfo))
            parameters.save_path = save_path
            parameters.flags = lt.torrent_flags.seed_mode | lt.torrent_flags.upload_mode
            parameters.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
            self._handles[info_hash] = self._session.add_torrent(parameters)
        return {}

    def stop(self, info_hash: str) -> dict[str, object]:
        """Stop: peers are dropped, and the tracker is told."""
        if handle := self._handles.pop(info_hash, None):
            self._session.remove_torrent(handle)
        return {}

    def limit(self, bytes_per_second: int) -> dict[str, object]:
        """Limit the upload of all torrents together; 0 is unlimited."""
        self._session.apply_settings({"upload_rate_limit": bytes_per_second})
        return {}

    def status(self) -> dict[str, object]:
        """Say what is seeded and how much each torrent has sent."""
        statuses = {info_hash: handle.status() for info_hash, handle in self._handles.items()}
        return {
            "port": self._session.listen_port(),
            "torrents": {
                info_hash: {
                    "is_seeding": status.is_seeding,
                    "uploaded_bytes": status.total_payload_upload,
                    "peers": status.num_peers,
                    "error": status.errc.message() if status.errc.value() else "",
                }
                for info_hash, status in statuses.items()
            },
        }


def main() -> None:
    """Serve commands until standard input ends."""
    seeding = _Seeding()
    commands = {name: getattr(seeding, name) for name in ("add", "start", "stop", "limit", "status")}
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = {"ok": True, **commands[request.pop("command")](**request)}
        except Exception as err:  # noqa: BLE001 - whatever it is, the world shall hear of it
            answer = {"ok": False, "error": f"{type(err).__name__}: {err}"}
        print(json.dumps(answer), flush=True)
    # The session's destructor could wait for a tracker that is already gone.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

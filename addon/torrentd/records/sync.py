"""`sync/maindata`: what changed since the answer with the number the client names."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ..session.engine import Engine
from .fields import torrent_row
from .register import Register

MAX_CLIENTS = 64


@dataclass(slots=True)
class _Snapshot:
    rid: int = 0
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    server_state: dict[str, Any] = field(default_factory=dict)
    categories: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    trackers: dict[str, list[str]] = field(default_factory=dict)


class MainData:
    """Remembers, for every login, the last answer it was given. An answer that was lost is asked for in full."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._last: OrderedDict[str, _Snapshot] = OrderedDict()

    def forget(self, client: str) -> None:
        """Drop what a login was told."""
        self._last.pop(client, None)

    def answer(self, client: str, rid: int, server_state: dict[str, Any]) -> dict[str, Any]:
        """Return the full state, or the difference when `rid` is the number of this client's last answer."""
        before = self._last.get(client)
        now = self._current((before.rid if before is not None else 0) + 1, server_state)
        self._last[client] = now
        self._last.move_to_end(client)
        while len(self._last) > MAX_CLIENTS:
            self._last.popitem(last=False)
        if before is None or rid <= 0 or rid != before.rid:
            return {
                "rid": now.rid,
                "full_update": True,
                "categories": now.categories,
                "server_state": now.server_state,
                "tags": sorted(now.tags),
                "torrents": {key: _without_hash(row) for key, row in now.rows.items()},
                "trackers": now.trackers,
            }
        return {"rid": now.rid} | _difference(before, now)

    def _current(self, rid: int, server_state: dict[str, Any]) -> _Snapshot:
        register = self._register
        trackers: dict[str, list[str]] = {}
        for record in register.records:
            for tracker in record.trackers:
                trackers.setdefault(tracker, []).append(record.torrent_id)
        return _Snapshot(
            rid=rid,
            rows={record.torrent_id: torrent_row(record, register.preferences) for record in register.records},
            server_state=server_state,
            categories=categories_reply(register.preferences.categories),
            tags=frozenset(register.preferences.tags),
            trackers=trackers,
        )


def _difference(before: _Snapshot, now: _Snapshot) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    torrents = {}
    for key, row in now.rows.items():
        old = before.rows.get(key)
        if old is row:
            # Rows are built anew for every change: the same one says nothing new.
            continue
        changed = _without_hash(row) if old is None else {name: v for name, v in row.items() if old[name] != v}
        if changed:
            torrents[key] = changed
    changes["torrents"] = torrents
    changes["torrents_removed"] = [key for key in before.rows if key not in now.rows]
    changes["server_state"] = {name: v for name, v in now.server_state.items() if before.server_state.get(name) != v}
    changes["categories"] = {name: v for name, v in now.categories.items() if before.categories.get(name) != v}
    changes["categories_removed"] = [name for name in before.categories if name not in now.categories]
    changes["tags"] = sorted(now.tags - before.tags)
    changes["tags_removed"] = sorted(before.tags - now.tags)
    changes["trackers"] = {url: ids for url, ids in now.trackers.items() if before.trackers.get(url) != ids}
    changes["trackers_removed"] = [url for url in before.trackers if url not in now.trackers]
    return {name: value for name, value in changes.items() if value}


def _without_hash(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hash"}


def categories_reply(categories: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return categories as the API tells them."""
    return {name: {"name": name, "savePath": path} for name, path in sorted(categories.items())}


def transfer_state(register: Register) -> dict[str, Any]:
    """Return the reply of `transfer/info`."""
    engine: Engine = register.engine
    counters = engine.counters
    statuses = [record.status for record in register.records if record.status is not None]
    if counters.get("net.has_incoming_connections"):
        connection = "connected"
    else:
        connection = "firewalled" if engine.session.is_listening() else "disconnected"
    return {
        "connection_status": connection,
        "dht_nodes": counters.get("dht.dht_nodes", 0),
        "dl_info_data": counters.get("net.recv_payload_bytes", 0),
        "dl_info_speed": sum(status.download_payload_rate for status in statuses),
        "dl_rate_limit": register.preferences.download_limit,
        "last_external_address_v4": "",
        "last_external_address_v6": "",
        "up_info_data": counters.get("net.sent_payload_bytes", 0),
        "up_info_speed": sum(status.upload_payload_rate for status in statuses),
        "up_rate_limit": register.preferences.upload_limit,
    }


def server_state(register: Register, free_bytes: int) -> dict[str, Any]:
    """Return `server_state` of `sync/maindata`."""
    counters = register.engine.counters
    preferences = register.preferences
    downloaded, uploaded = register.alltime
    ratio = uploaded / downloaded if downloaded else 0
    return transfer_state(register) | {
        "alltime_dl": downloaded,
        "alltime_ul": uploaded,
        "average_time_queue": 0,
        "free_space_on_disk": free_bytes,
        "global_ratio": f"{ratio:.2f}",
        "queued_io_jobs": counters.get("disk.num_jobs", 0),
        "queueing": False,
        "read_cache_hits": "0",
        "read_cache_overload": "0",
        "refresh_interval": 1_500,
        "total_buffers_size": counters.get("disk.disk_blocks_in_use", 0) * 16_384,
        "total_peer_connections": counters.get("peer.num_peers_connected", 0),
        "total_queued_size": counters.get("disk.queued_write_bytes", 0),
        "total_wasted_session": counters.get("net.recv_redundant_bytes", 0) + counters.get("net.recv_failed_bytes", 0),
        "use_alt_speed_limits": preferences.is_alternative_on,
        "use_subcategories": False,
        "write_cache_overload": "0",
    }

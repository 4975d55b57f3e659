"""The fields of `torrents/info`, `properties` and `sync/maindata`, computed from a record.

Names, units and special values are qBittorrent 5.1's: -1 for unknown dates, 8640000 for an
unknown time left, -2 for "as configured globally".
"""

import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

import libtorrent as lt

from .preferences import Preferences
from .state import STOPPED, state_of
from .torrent import GLOBAL_LIMIT, TorrentRecord

UNKNOWN_ETA = 8_640_000
MAX_RATIO = 9_999.0
_MONTH_S = 30 * 86_400
_ALMOST = 0.9999


def share_ratio(status: lt.torrent_status) -> float:
    """Return uploaded over downloaded; what was there from the start counts as downloaded."""
    uploaded = status.all_time_upload
    downloaded = status.all_time_download
    if downloaded < status.total_done * 0.01:
        downloaded = status.total_done
    if downloaded <= 0:
        return MAX_RATIO if uploaded else 0
    return min(uploaded / downloaded, MAX_RATIO)


def effective_limits(record: TorrentRecord, preferences: Preferences) -> tuple[float, int, int]:
    """Ratio, seeding minutes and idle minutes at which seeding ends; -1 is never."""
    ratio = preferences.max_ratio if record.ratio_limit == GLOBAL_LIMIT else record.ratio_limit
    seeding = preferences.max_seeding_time if record.seeding_time_limit == GLOBAL_LIMIT else record.seeding_time_limit
    idle = (
        preferences.max_inactive_seeding_time
        if record.inactive_seeding_time_limit == GLOBAL_LIMIT
        else record.inactive_seeding_time_limit
    )
    return ratio, seeding, idle


def last_activity(record: TorrentRecord) -> int:
    """When bytes last moved, in seconds since 1970; when it was added if they never did."""
    status = record.status
    moments = [] if status is None else [status.last_download, status.last_upload]
    return max([record.added_on, *(_epoch(moment) for moment in moments if moment is not None)])


def torrent_row(record: TorrentRecord, preferences: Preferences) -> dict[str, Any]:
    """Return the row of `torrents/info`, cached until the record changes."""
    if record.row is None:
        record.row = _build_row(record, preferences)
    return record.row


def _build_row(record: TorrentRecord, preferences: Preferences) -> dict[str, Any]:
    status = record.status
    contents = record.contents
    state = state_of(record)
    is_stopped = state in STOPPED
    wanted = status.total_wanted if status is not None and contents is not None else 0
    done = status.total_wanted_done if status is not None and contents is not None else 0
    if wanted and done >= wanted and not record.is_complete:
        done = wanted - 1
    progress = shown_progress(record)
    ratio = share_ratio(status) if status is not None else 0
    max_ratio, max_seeding, max_idle = effective_limits(record, preferences)
    active_s = _seconds(status.active_duration) if status is not None else 0
    download_bps = status.download_payload_rate if status is not None and not is_stopped else 0
    upload_bps = status.upload_payload_rate if status is not None and not is_stopped else 0
    return {
        "added_on": record.added_on,
        "amount_left": wanted - done,
        "auto_tmm": False,
        "availability": round(status.distributed_copies, 6) if status is not None and status.distributed_copies else 0,
        "category": record.category,
        "comment": record.comment,
        "completed": done,
        "completion_on": completion_date(record),
        "content_path": f"{record.save_path}/{contents.top}".rstrip("/") if contents is not None else "",
        "dl_limit": max(0, status.download_limit) if status is not None else 0,
        "dlspeed": download_bps,
        "download_path": "",
        "downloaded": status.all_time_download if status is not None else 0,
        "downloaded_session": status.total_payload_download if status is not None else 0,
        "eta": _eta(wanted - done, download_bps, is_idle=is_stopped or record.is_complete),
        "f_l_piece_prio": record.has_first_last_priority,
        "force_start": record.is_forced,
        "has_metadata": contents is not None,
        "hash": record.torrent_id,
        "inactive_seeding_time_limit": record.inactive_seeding_time_limit,
        "infohash_v1": record.info_hash_v1,
        "infohash_v2": record.info_hash_v2,
        "last_activity": last_activity(record),
        "magnet_uri": magnet_uri(record),
        "max_inactive_seeding_time": max_idle,
        "max_ratio": max_ratio,
        "max_seeding_time": max_seeding,
        "name": record.name,
        "num_complete": _swarm(status.num_complete, status.list_seeds) if status is not None else 0,
        "num_incomplete": _swarm(status.num_incomplete, status.list_peers - status.list_seeds)
        if status is not None
        else 0,
        "num_leechs": max(0, status.num_peers - status.num_seeds) if status is not None else 0,
        "num_seeds": status.num_seeds if status is not None else 0,
        "popularity": ratio / max(1, active_s) * _MONTH_S if ratio else 0,
        "priority": status.queue_position + 1 if status is not None else 0,
        "private": contents.is_private if contents is not None else None,
        "progress": progress,
        "ratio": ratio,
        "ratio_limit": record.ratio_limit,
        "reannounce": _seconds(status.next_announce) if status is not None and not is_stopped else 0,
        "root_path": f"{record.save_path}/{contents.root}" if contents is not None and contents.root else "",
        "save_path": record.save_path,
        "seeding_time": _seconds(status.seeding_duration) if status is not None else 0,
        "seeding_time_limit": record.seeding_time_limit,
        "seen_complete": (status.last_seen_complete or -1) if status is not None else -1,
        "seq_dl": bool(status.flags & lt.torrent_flags.sequential_download) if status is not None else False,
        "size": wanted,
        "state": str(state),
        "super_seeding": False,
        "tags": ", ".join(sorted(record.tags)),
        "time_active": active_s,
        "total_size": contents.total_bytes if contents is not None else -1,
        "tracker": (status.current_tracker if status is not None else "") or next(iter(record.trackers), ""),
        "trackers_count": len(record.trackers),
        "up_limit": max(0, status.upload_limit) if status is not None else 0,
        "uploaded": status.all_time_upload if status is not None else 0,
        "uploaded_session": status.total_payload_upload if status is not None else 0,
        "upspeed": upload_bps,
    }


def torrent_properties(record: TorrentRecord, preferences: Preferences, connections_limit: int) -> dict[str, Any]:
    """Return the reply of `torrents/properties`."""
    row = torrent_row(record, preferences)
    status = record.status
    contents = record.contents
    active_s = max(0, row["time_active"] - row["seeding_time"])
    have = status.num_pieces if status is not None else 0
    return {
        "addition_date": row["added_on"],
        "comment": row["comment"],
        "completion_date": row["completion_on"],
        "created_by": record.created_by,
        "creation_date": contents.creation_date if contents is not None else -1,
        "dl_limit": row["dl_limit"] or -1,
        "dl_speed": row["dlspeed"],
        "dl_speed_avg": int(row["downloaded"] / active_s) if active_s else -1,
        "download_path": "",
        "eta": row["eta"],
        "has_metadata": row["has_metadata"],
        "hash": row["hash"],
        "infohash_v1": row["infohash_v1"],
        "infohash_v2": row["infohash_v2"],
        "is_private": bool(row["private"]),
        "last_seen": row["seen_complete"],
        "name": row["name"],
        "nb_connections": status.num_connections if status is not None else 0,
        "nb_connections_limit": connections_limit,
        "peers": row["num_leechs"],
        "peers_total": row["num_incomplete"],
        "piece_size": contents.piece_bytes if contents is not None else -1,
        "pieces_have": have,
        "pieces_num": contents.pieces if contents is not None else -1,
        "popularity": row["popularity"],
        "private": row["private"],
        "progress": row["progress"],
        "reannounce": row["reannounce"],
        "save_path": row["save_path"],
        "seeding_time": row["seeding_time"],
        "seeds": row["num_seeds"],
        "seeds_total": row["num_complete"],
        "share_ratio": row["ratio"],
        "time_elapsed": row["time_active"],
        "total_downloaded": row["downloaded"],
        "total_downloaded_session": row["downloaded_session"],
        "total_size": row["total_size"],
        "total_uploaded": row["uploaded"],
        "total_uploaded_session": row["uploaded_session"],
        "total_wasted": (status.total_failed_bytes + status.total_redundant_bytes) if status is not None else 0,
        "up_limit": row["up_limit"] or -1,
        "up_speed": row["upspeed"],
        "up_speed_avg": int(row["uploaded"] / row["time_active"]) if row["time_active"] else -1,
    }


def shown_progress(record: TorrentRecord) -> float:
    """Progress from 0 to 1 of what is wanted; 1 only when the disk has confirmed it."""
    status = record.status
    if status is None or record.contents is None:
        return 0
    if status.state == lt.torrent_status.checking_files:
        return min(status.progress, _ALMOST)
    if record.is_complete:
        return 1
    if not status.total_wanted:
        return 0
    return min(status.total_wanted_done / status.total_wanted, _ALMOST)


def completion_date(record: TorrentRecord) -> int:
    """When the last wanted byte came, or -1."""
    if record.status is None or not record.is_complete:
        return -1
    return record.status.completed_time or -1


def magnet_uri(record: TorrentRecord) -> str:
    """Return a magnet link in the shape qBittorrent gives."""
    parts = []
    if record.info_hash_v1:
        parts.append(f"xt=urn:btih:{record.info_hash_v1}")
    if record.info_hash_v2:
        parts.append(f"xt=urn:btmh:1220{record.info_hash_v2}")
    if record.name != record.torrent_id:
        parts.append(f"dn={quote(record.name, safe='')}")
    if record.contents is not None:
        parts.append(f"xl={record.contents.total_bytes}")
    parts.extend(f"tr={quote(tracker, safe='')}" for tracker in record.trackers)
    return "magnet:?" + "&".join(parts)


def _eta(left: int, rate_bps: int, *, is_idle: bool) -> int:
    if is_idle or rate_bps <= 0:
        return UNKNOWN_ETA
    return min(-(-left // rate_bps), UNKNOWN_ETA)


def _swarm(scraped: int, listed: int) -> int:
    return scraped if scraped > 0 else max(0, listed)


def _seconds(duration: Any) -> int:
    return max(0, int(duration.total_seconds()))


def _epoch(moment: datetime) -> int:
    # libtorrent's binding gives naive local times.
    return min(int(moment.timestamp()), int(time.time()))

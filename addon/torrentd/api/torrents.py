"""The reading calls under `torrents`."""

import asyncio
from typing import Any

import libtorrent as lt
from aiohttp import web

from ..records.fields import torrent_properties, torrent_row
from ..records.state import passes, state_of
from ..records.torrent import TorrentRecord
from ..session.settings import CONNECTIONS_LIMIT
from .call import ApiError, Call, Endpoint, Reply

_API_PRIORITY = {0: 0, 6: 6, 7: 7}


async def info(call: Call) -> Reply:
    """`torrents/info`: rows, chosen, sorted and cut as asked."""
    await call.register.engine.refresh()
    parameters = call.parameters
    records = call.chosen(parameters["hashes"]) if parameters.get("hashes") else list(call.register.records)
    rows = []
    for record in records:
        if "category" in parameters and record.category != parameters["category"]:
            continue
        if "tag" in parameters and not _has_tag(record, parameters["tag"]):
            continue
        row = torrent_row(record, call.register.preferences)
        if passes(call.get("filter"), state_of(record), (row["dlspeed"], row["upspeed"])):
            rows.append(row)
    if sort := call.get("sort"):
        if rows and sort not in rows[0]:
            raise ApiError(400, "'sort' parameter is invalid")
        rows.sort(key=lambda row: _sort_key(row[sort]))
    if call.flag("reverse"):
        rows.reverse()
    offset = call.number("offset")
    if offset < 0:
        offset = max(0, len(rows) + offset)
    limit = call.number("limit")
    return list(rows[offset : offset + limit] if limit > 0 else rows[offset:])


async def count(call: Call) -> Reply:
    """`torrents/count`."""
    return len(list(call.register.records))


async def properties(call: Call) -> Reply:
    """`torrents/properties`."""
    record = call.torrent()
    await call.register.engine.refresh()
    return torrent_properties(record, call.register.preferences, CONNECTIONS_LIMIT)


async def trackers(call: Call) -> Reply:
    """`torrents/trackers`: the three peer sources that are no trackers, then the trackers."""
    record = call.torrent()
    options = call.services.options
    is_private = record.contents is not None and record.contents.is_private
    status = {"DHT": options.is_dht_on, "PeX": True, "LSD": options.is_lsd_on}
    rows: list[object] = [
        {
            "msg": "This torrent is private" if is_private else "",
            "num_downloaded": 0,
            "num_leeches": 0,
            "num_peers": 0,
            "num_seeds": 0,
            "status": 2 if is_on and not is_private and not record.is_stopped else 0,
            "tier": -1,
            "url": f"** [{name}] **",
        }
        for name, is_on in status.items()
    ]
    if record.handle is not None:
        entries = await asyncio.to_thread(record.handle.trackers)
        rows.extend(_tracker_row(entry) for entry in entries)
    return rows


async def files(call: Call) -> Reply:
    """`torrents/files`: paths relative to the save path, as they are on disk."""
    record = call.torrent()
    contents, handle = record.contents, record.handle
    if contents is None or handle is None:
        return []
    await call.register.engine.refresh()

    def ask() -> tuple[list[int], list[int], list[int]]:
        return handle.file_progress(), handle.get_file_priorities(), handle.piece_availability()

    progress, priorities, availability = await asyncio.to_thread(ask)
    wanted = call.get("indexes")
    try:
        chosen = {int(index) for index in wanted.split("|")} if wanted else set(range(len(contents.files)))
    except ValueError:
        raise ApiError(400) from None
    if wanted and any(not 0 <= index < len(contents.files) for index in chosen):
        raise ApiError(409, "File ID is not valid")
    rows: list[object] = []
    for index, file in enumerate(contents.files):
        if index not in chosen:
            continue
        priority = priorities[file.native_index] if file.native_index < len(priorities) else 4
        done = progress[file.native_index] if file.native_index < len(progress) else 0
        share = done / file.size_bytes if file.size_bytes else 1
        is_whole = share >= 1 and (record.is_complete or not priority)
        row: dict[str, Any] = {
            "availability": _availability(record, availability[file.first_piece : file.last_piece + 1]),
            "index": index,
            "name": file.path,
            "piece_range": [file.first_piece, file.last_piece],
            "priority": _API_PRIORITY.get(priority, 1),
            # One is said only when the disk has confirmed it.
            "progress": 1 if is_whole else min(share, 0.9999),
            "size": file.size_bytes,
        }
        if index == 0:
            row["is_seed"] = record.is_complete
        rows.append(row)
    return rows


async def piece_states(call: Call) -> Reply:
    """`torrents/pieceStates`: 0 missing, 1 coming, 2 here."""
    record = call.torrent()
    handle = record.handle
    if record.contents is None or handle is None:
        return []

    def ask() -> tuple[list[bool], list[int]]:
        have = handle.status(lt.torrent_handle.query_pieces).pieces
        return have, [piece["piece_index"] for piece in handle.get_download_queue()]

    have, coming = await asyncio.to_thread(ask)
    states: list[object] = [2 if is_here else 0 for is_here in have] or [0] * record.contents.pieces
    for index in coming:
        if states[index] == 0:
            states[index] = 1
    return states


async def web_seeds(call: Call) -> Reply:
    """`torrents/webseeds`."""
    record = call.torrent()
    assert record.handle is not None
    return [{"url": url} for url in sorted(await asyncio.to_thread(record.handle.url_seeds))]


async def export(call: Call) -> Reply:
    """`torrents/export`: the torrent as a .torrent file."""
    record = call.torrent()
    if record.contents is None or record.handle is None:
        raise ApiError(409, "Unable to export torrent file. Error: Missing metadata")
    metadata = await asyncio.to_thread(record.handle.torrent_file)
    if metadata is None or record.contents.info_hash_v2:
        # Version 2 needs its piece layers beside the info part: libtorrent writes those from the resume data.
        folder = call.register.folder
        resume = await folder.read(folder.resume_path(record.torrent_id))
        if resume is None:
            raise ApiError(409, "Unable to export torrent file. Error: Not saved yet")
        content = await asyncio.to_thread(_torrent_file_from_resume, resume)
    else:
        content = _torrent_file(record, metadata.info_section())
    return web.Response(
        body=content,
        content_type="application/x-bittorrent",
        headers={"Content-Disposition": f'attachment; filename="{record.torrent_id}.torrent"'},
    )


async def download_limits(call: Call) -> Reply:
    """`torrents/downloadLimit`."""
    return await _limits(call, "dl_limit")


async def upload_limits(call: Call) -> Reply:
    """`torrents/uploadLimit`."""
    return await _limits(call, "up_limit")


async def _limits(call: Call, name: str) -> Reply:
    (hashes,) = call.required("hashes")
    await call.register.engine.refresh()
    limits: dict[str, object] = {}
    for info_hash in hashes.split("|"):
        record = call.register.find(info_hash)
        limits[info_hash] = torrent_row(record, call.register.preferences)[name] if record is not None else -1
    return limits


def _torrent_file_from_resume(resume: bytes) -> bytes:
    torrent: Any = lt.write_torrent_file(lt.read_resume_data(resume))
    return lt.bencode(torrent)


def _torrent_file(record: TorrentRecord, info_section: bytes) -> bytes:
    # The info part as it came, byte for byte: its hash is the torrent's name.
    parts: list[tuple[str, Any]] = []
    if record.trackers:
        parts.append(("announce", record.trackers[0]))
    if len(record.trackers) > 1:
        parts.append(("announce-list", [[tracker] for tracker in record.trackers]))
    if record.comment:
        parts.append(("comment", record.comment))
    if record.created_by:
        parts.append(("created by", record.created_by))
    assert record.contents is not None
    if record.contents.creation_date > 0:
        parts.append(("creation date", record.contents.creation_date))
    head = b"".join(lt.bencode(key) + lt.bencode(value) for key, value in parts)
    return b"d" + head + lt.bencode("info") + info_section + b"e"


def _has_tag(record: TorrentRecord, tag: str) -> bool:
    return tag in record.tags if tag else not record.tags


def _sort_key(value: Any) -> tuple[int, Any]:
    # Nothing first, then numbers, then texts without case.
    if value is None:
        return (0, 0)
    return (2, value.casefold()) if isinstance(value, str) else (1, value)


def _availability(record: TorrentRecord, pieces: list[int]) -> float:
    if record.is_complete:
        return -1
    return sum(1 for seen in pieces if seen > 0) / len(pieces) if pieces else 0


def _tracker_row(entry: Any) -> dict[str, object]:
    replies = [reply for endpoint in entry.get("endpoints", []) for reply in endpoint.get("info_hashes", [])]
    failures = max((reply["fails"] for reply in replies), default=0)
    message = next((reply["message"] for reply in replies if reply["message"]), "")
    if any(reply["updating"] for reply in replies):
        status = 3
    elif entry.get("verified") and not failures:
        status = 2
    elif failures:
        status = 4
    else:
        status = 1

    def most(name: str) -> int:
        return max((reply[name] for reply in replies), default=-1)

    return {
        "msg": message[:500],
        "num_downloaded": most("scrape_downloaded"),
        "num_leeches": most("scrape_incomplete"),
        "num_peers": -1,
        "num_seeds": most("scrape_complete"),
        "status": status,
        "tier": entry.get("tier", 0),
        "url": entry.get("url", ""),
    }


ENDPOINTS = {
    "info": Endpoint(info),
    "count": Endpoint(count),
    "properties": Endpoint(properties),
    "trackers": Endpoint(trackers),
    "webseeds": Endpoint(web_seeds),
    "files": Endpoint(files),
    "pieceStates": Endpoint(piece_states),
    "export": Endpoint(export),
    "downloadLimit": Endpoint(download_limits),
    "uploadLimit": Endpoint(upload_limits),
}

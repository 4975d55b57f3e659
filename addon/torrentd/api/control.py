"""The calls under `torrents` that change a torrent."""

import asyncio
import ipaddress
import os
from pathlib import Path

import libtorrent as lt

from ..records.names import clean_text
from ..records.register import apply_first_last_priority
from ..records.roots import OutsideRootsError
from ..records.torrent import GLOBAL_LIMIT
from .adding import ratio_limit
from .call import WRITE, ApiError, Call, Endpoint, Reply

# qBittorrent's priorities and libtorrent's; 4 is an old name of normal that clients still send.
_PRIORITIES = {0: 0, 1: 4, 4: 4, 6: 6, 7: 7}


async def stop(call: Call) -> Reply:
    """`torrents/stop`."""
    for record in call.torrents():
        await call.register.set_stopped(record, is_stopped=True)
    return None


async def start(call: Call) -> Reply:
    """`torrents/start`."""
    for record in call.torrents():
        await call.register.set_stopped(record, is_stopped=False)
    return None


async def delete(call: Call) -> Reply:
    """`torrents/delete`: Lidarr leaves `deleteFiles` out when it is false."""
    (_,) = call.required("hashes")
    with_files = call.flag("deleteFiles")
    await asyncio.gather(*(call.register.delete(record, with_files=with_files) for record in call.torrents()))
    return None


async def recheck(call: Call) -> Reply:
    """`torrents/recheck`."""
    for record in call.torrents():
        await call.register.recheck(record)
    return None


async def reannounce(call: Call) -> Reply:
    """`torrents/reannounce`."""
    for record in call.torrents():
        call.register.reannounce(record)
    return None


async def file_priority(call: Call) -> Reply:
    """`torrents/filePrio`: 0 skips, 1 normal, 6 high, 7 first."""
    _, ids, text = call.required("hash", "id", "priority")
    try:
        priority = _PRIORITIES[int(text)]
    except (ValueError, KeyError):
        raise ApiError(400, "Priority is not valid") from None
    record = call.torrent()
    if record.contents is None:
        raise ApiError(409, "Torrent's metadata has not yet downloaded")
    try:
        chosen = [int(index) for index in ids.split("|")]
    except ValueError:
        raise ApiError(400, "File IDs must be integers") from None
    if any(not 0 <= index < len(record.contents.files) for index in chosen):
        raise ApiError(409, "File ID is not valid")
    native = [record.contents.files[index].native_index for index in chosen]
    await call.register.set_file_priorities(record, native, priority)
    return None


async def set_download_limit(call: Call) -> Reply:
    """`torrents/setDownloadLimit`."""
    call.required("hashes", "limit")
    for record in call.torrents():
        assert record.handle is not None
        record.handle.set_download_limit(max(0, call.number("limit")))
        call.register.save_soon(record)
    call.register.engine.outdate()
    return None


async def set_upload_limit(call: Call) -> Reply:
    """`torrents/setUploadLimit`."""
    call.required("hashes", "limit")
    for record in call.torrents():
        assert record.handle is not None
        record.handle.set_upload_limit(max(0, call.number("limit")))
        call.register.save_soon(record)
    call.register.engine.outdate()
    return None


async def set_share_limits(call: Call) -> Reply:
    """`torrents/setShareLimits`: also in the shape of older clients, which know two of the three."""
    call.required("hashes", "ratioLimit", "seedingTimeLimit")
    for record in call.torrents():
        record.ratio_limit = ratio_limit(call)
        record.seeding_time_limit = max(GLOBAL_LIMIT, call.number("seedingTimeLimit", GLOBAL_LIMIT))
        record.inactive_seeding_time_limit = max(GLOBAL_LIMIT, call.number("inactiveSeedingTimeLimit", GLOBAL_LIMIT))
        await call.register.save_record(record)
    return None


async def set_location(call: Call) -> Reply:
    """`torrents/setLocation`: only below the configured folders."""
    _, location = call.required("hashes", "location")
    if not location.strip():
        raise ApiError(400, "Save path cannot be empty")
    try:
        path = await asyncio.to_thread(_writable_folder, call, location)
    except (OutsideRootsError, OSError):
        raise ApiError(409, "Cannot make save path") from None
    for record in call.torrents():
        if record.save_path != str(path):
            await call.register.move(record, path)
    return None


def _writable_folder(call: Call, location: str) -> Path:
    path = call.services.roots.resolve(location)
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(path)
    return path


async def rename(call: Call) -> Reply:
    """`torrents/rename`: the name people see; files keep theirs."""
    _, name = call.required("hash", "name")
    record = call.torrent()
    cleaned = clean_text(name).strip()[:500]
    if not cleaned:
        raise ApiError(409, "Incorrect torrent name")
    record.given_name = cleaned
    await call.register.save_record(record)
    return None


async def set_force_start(call: Call) -> Reply:
    """`torrents/setForceStart`."""
    call.required("hashes", "value")
    for record in call.torrents():
        record.is_forced = call.flag("value")
        if record.is_forced:
            await call.register.set_stopped(record, is_stopped=False)
        else:
            await call.register.save_record(record)
    return None


async def toggle_sequential(call: Call) -> Reply:
    """`torrents/toggleSequentialDownload`."""
    for record in call.torrents():
        assert record.handle is not None
        flag = lt.torrent_flags.sequential_download
        if await asyncio.to_thread(record.handle.flags) & flag:
            record.handle.unset_flags(flag)
        else:
            record.handle.set_flags(flag)
        call.register.save_soon(record)
    call.register.engine.outdate()
    return None


async def toggle_first_last(call: Call) -> Reply:
    """`torrents/toggleFirstLastPiecePrio`."""
    for record in call.torrents():
        record.has_first_last_priority = not record.has_first_last_priority
        if record.contents is not None:
            await asyncio.to_thread(apply_first_last_priority, record)
        await call.register.save_record(record)
    return None


async def queue_priority(_call: Call) -> Reply:
    """`torrents/topPrio` and its like: there is no queue, and saying so is tolerated by every client."""
    raise ApiError(409, "Torrent queueing must be enabled")


async def add_peers(call: Call) -> Reply:
    """`torrents/addPeers`: addresses to try; those in closed networks are refused by the session's filter."""
    _, text = call.required("hashes", "peers")
    peers = [peer for part in text.split("|")[:100] if (peer := _endpoint(part)) is not None]
    if not peers:
        raise ApiError(400, "No valid peers were specified")
    results: dict[str, object] = {}
    for record in call.torrents():
        assert record.handle is not None
        for peer in peers:
            record.handle.connect_peer(peer)
        results[record.torrent_id] = {"added": len(peers), "failed": 0}
    return results


def _endpoint(text: str) -> tuple[str, int] | None:
    host, _, port = text.strip().rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError:
        return None
    return (str(address), number) if 0 < number < 65_536 else None


ENDPOINTS = {
    "stop": Endpoint(stop, WRITE),
    "start": Endpoint(start, WRITE),
    "delete": Endpoint(delete, WRITE),
    "recheck": Endpoint(recheck, WRITE),
    "reannounce": Endpoint(reannounce, WRITE),
    "filePrio": Endpoint(file_priority, WRITE),
    "setDownloadLimit": Endpoint(set_download_limit, WRITE),
    "setUploadLimit": Endpoint(set_upload_limit, WRITE),
    "setShareLimits": Endpoint(set_share_limits, WRITE),
    "setLocation": Endpoint(set_location, WRITE),
    "rename": Endpoint(rename, WRITE),
    "setForceStart": Endpoint(set_force_start, WRITE),
    "toggleSequentialDownload": Endpoint(toggle_sequential, WRITE),
    "toggleFirstLastPiecePrio": Endpoint(toggle_first_last, WRITE),
    "addPeers": Endpoint(add_peers, WRITE),
    **dict.fromkeys(("topPrio", "bottomPrio", "increasePrio", "decreasePrio"), Endpoint(queue_priority, WRITE)),
}

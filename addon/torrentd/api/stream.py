"""The calls under `trusttune` that qBittorrent does not have: a file is played while it downloads."""

import asyncio
import logging
import re
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from ..records.contents import ContentFile
from ..records.reading import NotReadableError, Reader, ReadingEndedError, TooManyReadersError
from ..records.torrent import TorrentRecord
from .call import WRITE, ApiError, Call, Endpoint, Reply, Services
from .signing import MAX_LIFETIME_S

_LOGGER = logging.getLogger(__name__)

CHUNK_BYTES = 65_536
# A player that pauses leaves its connection full; after this it may come back with a range.
WRITE_TIMEOUT_S = 600
DEFAULT_LIFETIME_S = 3_600
_PATH = re.compile(r"trusttune/stream/([0-9a-fA-F]{40}|[0-9a-fA-F]{64})/([0-9]{1,6})")
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE | re.ASCII)
# Fixed here: what a torrent's file is called must never make it a page or a script.
_TYPES = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "ape": "audio/x-ape",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "mka": "audio/x-matroska",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "wma": "audio/x-ms-wma",
    "wv": "audio/x-wavpack",
    "mkv": "video/x-matroska",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "cue": "text/plain",
    "log": "text/plain",
    "txt": "text/plain",
}


class UnsatisfiableRangeError(Exception):
    """A range that has no byte in common with the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from start up to, not including, end."""

    start: int
    end: int


def parse_range(header: str | None, size: int) -> Part | None:
    """Return the one range asked for, None when the whole is to be sent (RFC 9110, section 14).

    Several ranges, other units and what cannot be read are ignored, as the RFC allows.
    Raises UnsatisfiableRangeError.
    """
    match = _RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        if int(last) == 0 or size == 0:
            raise UnsatisfiableRangeError
        return Part(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise UnsatisfiableRangeError
    return Part(int(first), min(size, int(last) + 1) if last else size)


def content_type(path: str) -> str:
    """Return the media type that a file's name promises."""
    return _TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


async def has_permission(services: Services, request: web.Request) -> bool:
    """Tell whether the address itself permits the call; one that claims to and does not is refused."""
    match = _PATH.fullmatch(request.match_info["tail"])
    expires, signature = request.query.get("expires"), request.query.get("signature")
    if match is None or (expires is None and signature is None):
        return False
    is_number = expires is not None and re.fullmatch("[0-9]{1,12}", expires) is not None
    if not is_number or not await services.signer.is_valid(
        match[1].lower(), int(match[2]), int(expires or 0), signature or ""
    ):
        raise ApiError(403, "This address has expired or was not made here.")
    return True


async def stream(call: Call) -> Reply:
    """`trusttune/stream/<hash>/<file index>`: the file or a part of it, also while it downloads."""
    request, readings = call.request, call.services.readings
    match = _PATH.fullmatch(request.match_info["tail"])
    if match is None:
        raise ApiError(404, "Not Found")
    record = call.register.find(match[1])
    if record is None:
        raise ApiError(404)
    file = _file(record, int(match[2]))
    try:
        await readings.check(record, file)
    except NotReadableError as error:
        raise ApiError(409, str(error)) from None
    etag = f'"{record.torrent_id}-{int(match[2])}"'
    response = web.StreamResponse()
    response.content_type = content_type(file.path)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = etag
    name = file.path.rpartition("/")[2].encode(errors="replace")
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name, safe='')}"
    part = None
    # A range has a meaning for GET alone, and with If-Range only while the tag is the same.
    if request.method == "GET" and request.headers.get("If-Range", etag).strip() == etag:
        try:
            part = parse_range(request.headers.get("Range"), file.size_bytes)
        except UnsatisfiableRangeError:
            headers = {"Content-Range": f"bytes */{file.size_bytes}", "Accept-Ranges": "bytes", "ETag": etag}
            return web.Response(status=416, headers=headers, text="Range Not Satisfiable")
    if part is not None:
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{file.size_bytes}"
    else:
        part = Part(0, file.size_bytes)
    response.content_length = part.end - part.start
    if request.method == "HEAD" or not response.content_length:
        return response
    try:
        reader = await readings.open(record, file, part.start, part.end)
    except TooManyReadersError:
        raise ApiError(503, "Too many files are being read at once.") from None
    try:
        await _send(request, response, reader)
    finally:
        reader.close()
    return response


async def _send(request: web.Request, response: web.StreamResponse, reader: Reader) -> None:
    def is_gone() -> bool:
        return request.transport is None or request.transport.is_closing()

    try:
        await response.prepare(request)
        while part := await reader.read(is_gone):
            for start in range(0, len(part), CHUNK_BYTES):
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(part[start : start + CHUNK_BYTES])
    except (ReadingEndedError, ConnectionError, TimeoutError, RuntimeError) as error:
        # The length was promised: only a closed connection says that the rest will not come.
        _LOGGER.debug("Reading %s ended early: %s", reader.torrent_id, error)
        response.force_close()
        if request.transport is not None:
            request.transport.close()


async def stream_url(call: Call) -> Reply:
    """`trusttune/streamUrl`: an address that a media player can use without a login, for `lifetime_s`."""
    record = call.torrent()
    (index,) = call.required("id")
    if re.fullmatch("[0-9]{1,6}", index) is None:
        raise ApiError(400)
    _file(record, int(index))
    lifetime_s = call.number("lifetime_s", DEFAULT_LIFETIME_S)
    if not 1 <= lifetime_s <= MAX_LIFETIME_S:
        raise ApiError(400, f"'lifetime_s' must be from 1 to {MAX_LIFETIME_S}")
    expires, signature = await call.services.signer.sign(record.torrent_id, int(index), lifetime_s)
    path = f"/api/v2/trusttune/stream/{record.torrent_id}/{int(index)}"
    return {"url": f"{path}?expires={expires}&signature={signature}"}


async def streams(call: Call) -> Reply:
    """`trusttune/streams`: who reads what, and which pieces are urgent for it."""
    readings = call.services.readings
    readers: list[object] = [
        {
            "hash": reader.torrent_id,
            "path": reader.file.path,
            "position": reader.position,
            "window": readings.window(reader),
        }
        for reader in readings.readers
    ]
    return {"readers": readers, "cached_bytes": readings.cached_bytes}


def _file(record: TorrentRecord, index: int) -> ContentFile:
    if record.contents is None:
        raise ApiError(409, "The torrent's metadata is not here yet.")
    if index >= len(record.contents.files):
        raise ApiError(404)
    return record.contents.files[index]


ENDPOINTS = {
    "stream": Endpoint(stream, frozenset({"GET", "HEAD"})),
    "streamUrl": Endpoint(stream_url, WRITE),
    "streams": Endpoint(streams),
}

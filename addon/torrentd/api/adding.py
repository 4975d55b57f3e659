"""`torrents/add`: files and magnet links, judged before anything of them is kept."""

import asyncio
import logging

import libtorrent as lt

from ..records.names import clean_text
from ..records.register import Wishes
from ..records.roots import OutsideRootsError
from ..records.torrent import GLOBAL_LIMIT
from .call import WRITE, ApiError, Call, Endpoint, Reply
from .labels import is_category_name, split_tags

_LOGGER = logging.getLogger(__name__)

MAX_MAGNET_CHARACTERS = 16_384
MAX_LINKS = 100


async def add(call: Call) -> Reply:
    """`Ok.` when something was added, `Fails.` when nothing was, 415 for a file that is no torrent."""
    if call.is_multipart and not call.uploads and not call.get("urls").strip():
        raise ApiError(400)
    sources: list[lt.add_torrent_params] = []
    for upload in call.uploads:
        source = await asyncio.to_thread(_parse_file, upload.content)
        if source is None:
            raise ApiError(415, f"Error: '{clean_text(upload.name)[:200]}' is not a valid torrent file.")
        sources.append(source)
    # Links over http(s) are refused: whoever has one fetches it and sends the file.
    magnets = (_parse_magnet(link.strip()) for link in call.get("urls").split("\n")[:MAX_LINKS])
    sources.extend(magnet for magnet in magnets if magnet is not None)
    if not sources:
        return "Fails."
    wishes = await _wishes(call)
    if wishes is None:
        return "Fails."
    added = [await call.register.add(source, wishes) for source in sources]
    call.register.engine.outdate()
    return "Ok." if any(added) else "Fails."


async def _wishes(call: Call) -> Wishes | None:
    category = call.get("category")
    if category and not is_category_name(category):
        return None
    if call.get("contentLayout", "Original") not in ("", "Original"):
        _LOGGER.warning("A torrent was refused: only the content layout Original is known")
        return None
    if call.get("stopCondition", "None") not in ("", "None"):
        _LOGGER.warning("A torrent was refused: stop conditions are not known")
        return None
    try:
        save_path = await asyncio.to_thread(call.services.roots.resolve, call.get("savepath"))
    except OutsideRootsError as error:
        _LOGGER.warning("A torrent was refused: %s", error)
        return None
    is_forced = call.flag("forced")
    return Wishes(
        save_path=save_path,
        name=call.get("rename"),
        category=category,
        tags=split_tags(call.get("tags")),
        # 4.x says paused, 5.x says stopped; clients of both send both.
        is_stopped=(call.flag("stopped") or call.flag("paused")) and not is_forced,
        is_forced=is_forced,
        is_sequential=call.flag("sequentialDownload"),
        has_first_last_priority=call.flag("firstLastPiecePrio"),
        download_limit=max(0, call.number("dlLimit")),
        upload_limit=max(0, call.number("upLimit")),
        ratio_limit=ratio_limit(call),
        seeding_time_limit=max(GLOBAL_LIMIT, call.number("seedingTimeLimit", GLOBAL_LIMIT)),
        inactive_seeding_time_limit=max(GLOBAL_LIMIT, call.number("inactiveSeedingTimeLimit", GLOBAL_LIMIT)),
    )


def ratio_limit(call: Call) -> float:
    """Return the wanted ratio: -2 as configured, -1 none, else two decimals."""
    try:
        ratio = float(call.get("ratioLimit", str(GLOBAL_LIMIT)))
    except ValueError:
        return GLOBAL_LIMIT
    if not GLOBAL_LIMIT <= ratio < 1e6:
        return GLOBAL_LIMIT
    return round(ratio, 2) if ratio >= 0 else float(int(ratio))


def _parse_file(content: bytes) -> lt.add_torrent_params | None:
    try:
        source = lt.load_torrent_buffer(content)
    except (RuntimeError, ValueError):
        return None
    return source if source.ti is not None and source.ti.num_files() > 0 else None


def _parse_magnet(link: str) -> lt.add_torrent_params | None:
    if not link.lower().startswith("magnet:") or len(link) > MAX_MAGNET_CHARACTERS:
        return None
    try:
        source = lt.parse_magnet_uri(link)
    except (RuntimeError, ValueError):
        return None
    # File priorities of a link would skip what its files are not yet known to be.
    source.file_priorities = []
    return source


ENDPOINTS = {"add": Endpoint(add, WRITE)}

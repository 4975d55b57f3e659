"""The Internet Archive: audio under free licences, the one source that needs no set-up."""

import asyncio
import json
import re
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from ..errors import NotReachableError, RateLimitedError, UnexpectedReplyError
from .query import Query
from .release import IndexedRelease
from .retry_after import retry_after_s
from .torznab_xml import clean_title

_MAX_BODY_BYTES: Final = 4 * 1024**2
_ROWS: Final = 50
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10)
_FIELDS: Final = ("identifier", "title", "creator", "year", "date", "licenseurl", "item_size", "btih")
_FREE: Final = re.compile(r"https?://(www\.)?creativecommons\.org/(licenses|publicdomain)/", re.IGNORECASE)


class InternetArchiveIndexer:
    """Albums of the Internet Archive whose licence lets everybody copy them."""

    id = "internet_archive"
    name = "Internet Archive"

    def __init__(self, session: aiohttp.ClientSession, base_url: str = "https://archive.org") -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")

    async def search(self, query: Query) -> tuple[IndexedRelease, ...]:
        """Give what is free to copy. Raises NotReachableError, RateLimitedError, UnexpectedReplyError."""
        words = (
            "mediatype:(audio OR etree) AND licenseurl:(*creativecommons.org*)"
            f" AND creator:({_phrase(query.artist)}) AND title:({_phrase(query.album)})"
        )
        parameters = [("q", words), ("rows", str(_ROWS)), ("page", "1"), ("output", "json")]
        parameters += [("fl[]", field) for field in _FIELDS]
        address = URL(f"{self._base_url}/advancedsearch.php").with_query(parameters)
        try:
            async with (
                asyncio.timeout(_TIMEOUT.total),
                self._session.get(address, timeout=_TIMEOUT, max_redirects=3) as response,
            ):
                if response.status == 429:
                    wait_s = retry_after_s(response.headers.get("Retry-After"))
                    raise RateLimitedError("The Internet Archive asks to be left alone for a while.", wait_s)
                if response.status != 200:
                    raise NotReachableError(f"The Internet Archive answers with an error ({response.status}).")
                body = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _MAX_BODY_BYTES:
                        raise UnexpectedReplyError("The Internet Archive sends more than was asked for.")
        except TimeoutError, aiohttp.ClientError, OSError:
            raise NotReachableError("The Internet Archive cannot be reached.") from None
        try:
            rows = json.loads(body)["response"]["docs"]
            found = [self._release(row) for row in rows[:_ROWS]]
        except ValueError, LookupError, TypeError, AttributeError, RecursionError:
            raise UnexpectedReplyError("The Internet Archive gave an answer that cannot be understood.") from None
        return tuple(release for release in found if release is not None)

    def _release(self, row: dict[str, Any]) -> IndexedRelease | None:
        identifier, licence = _first(row.get("identifier")), _first(row.get("licenseurl"))
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}", identifier) or not _FREE.match(licence):
            return None
        title = clean_title(_first(row.get("title"))) or identifier
        creator = clean_title(_first(row.get("creator")))
        year = re.match("[0-9]{4}", _first(row.get("year")) or _first(row.get("date")))
        name = " - ".join(part for part in (creator, title) if part) + (f" ({year[0]})" if year else "")
        info_hash, size = _first(row.get("btih")).lower(), _first(row.get("item_size"))
        path = quote(identifier)
        return IndexedRelease(
            indexer_id=self.id,
            guid=f"{self._base_url}/details/{path}",
            title=name,
            link=f"{self._base_url}/download/{path}/{path}_archive.torrent",
            size_bytes=int(size) if re.fullmatch("[1-9][0-9]{0,15}", size) else None,
            info_hash=info_hash if re.fullmatch("[0-9a-f]{40}", info_hash) else None,
            categories=(3000,),
            licence=licence,
        )


def _phrase(text: str) -> str:
    """Quote for the search language, where everything but a quote and a backslash is literal in quotes."""
    return '"' + re.sub(r'[\\"]', " ", text).strip() + '"'


def _first(value: object) -> str:
    """Give a field's text; several values come as a list, numbers as numbers."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value) if isinstance(value, str | int) else ""

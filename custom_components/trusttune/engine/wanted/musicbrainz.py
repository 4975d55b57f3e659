"""MusicBrainz: what is to be known of an album that Lidarr does not know; the engine asks it before a search."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiolimiter import AsyncLimiter
from yarl import URL

from ..config import MusicBrainzConfig
from ..errors import NotReachableError, RateLimitedError, UnexpectedReplyError
from ..indexers.retry_after import retry_after_s
from . import musicbrainz_records as records
from .album import WantedAlbum

_MAX_BODY_BYTES: Final = 4 * 1024**2
_TIMEOUT: Final = aiohttp.ClientTimeout(total=20, sock_connect=10)
_ALBUM_TIMEOUT_S: Final = 60.0
"""For all requests about one album, and their waiting for each other."""
_REMEMBERED_ALBUMS: Final = 200
_REMEMBERED_S: Final = 6 * 3600.0
_LEFT_ALONE_S: Final = 60.0
_HEADERS: Final = {
    # MusicBrainz asks every program to say who it is and where its people are found.
    "User-Agent": "TrustTune/0.1.0 ( https://github.com/trusttune/trusttune )",
    "Accept": "application/xml",
}


@dataclass(frozen=True, slots=True)
class _Remembered:
    at: float
    album: WantedAlbum | None


class MusicBrainz:
    """One MusicBrainz. Raises NotReachableError, UnexpectedReplyError, RateLimitedError.

    It is asked once a second at most. While it cannot be reached it is left alone for a minute, or for as long
    as it asks: until then every call fails at once.
    """

    def __init__(
        self,
        config: MusicBrainzConfig,
        session: aiohttp.ClientSession,
        *,
        limiter: AbstractAsyncContextManager[None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = config.url.rstrip("/")
        self._session = session
        self._limiter = limiter if limiter is not None else AsyncLimiter(1, 1)
        self._clock = clock
        self._left_alone: tuple[float, str] = (0.0, "")
        self._remembered: OrderedDict[tuple[str, str, int | None], _Remembered] = OrderedDict()

    async def find_album(self, artist: str, title: str, year: int | None) -> WantedAlbum | None:
        """Give the album of just this artist and title with the tracks of its original release.

        None when there is none, and when it could be one or another; the answer is kept for six hours. The
        artist's name is the one MusicBrainz files it under, and the one asked for is the first of its aliases.
        """
        key = (records.comparable(artist), records.comparable(title), year)
        known = self._remembered.get(key)
        if known is not None and self._clock() - known.at < _REMEMBERED_S:
            self._remembered.move_to_end(key)
            return known.album
        try:
            async with asyncio.timeout(_ALBUM_TIMEOUT_S):
                album = await self._find_album(artist, title, year)
        except TimeoutError:
            raise NotReachableError("MusicBrainz takes too long to tell about one album.") from None
        self._remembered[key] = _Remembered(self._clock(), album)
        self._remembered.move_to_end(key)
        while len(self._remembered) > _REMEMBERED_ALBUMS:
            self._remembered.popitem(last=False)
        return album

    async def aliases(self, artist_id: str) -> tuple[str, ...]:
        """Give the other names of an artist; a search tells them too, but not always."""
        return records.aliases_of(await self._ask(f"artist/{artist_id}", inc="aliases"))

    async def _find_album(self, artist: str, title: str, year: int | None) -> WantedAlbum | None:
        titled = f"releasegroup:{_phrase(title)}"
        groups = records.same_name(await self._search(f"{titled} AND artist:{_phrase(artist)}"), artist, title)
        known: dict[str, tuple[str, ...]] = {}
        if not groups:
            # Albums are searched by the name on their cover only.
            found = await self._ask("artist", query=f"alias:{_phrase(artist)}", limit="25")
            known = records.artists_known_as(found, artist)
            if not known:
                return None
            albums = await self._search(f"{titled} AND arid:({' OR '.join(known)})")
            groups = records.same_name(albums, artist, title, known)
        group = records.the_one_meant(groups, year)
        if group is None:
            return None
        aliases = group.aliases or known.get(group.artist_ids[0], ())
        if not aliases and len(group.artist_ids) == 1:
            aliases = await self.aliases(group.artist_ids[0])
        releases = await self._ask(
            "release", inc="media", limit="100", status="official", **{"release-group": group.id}
        )
        release_id = records.nearest_original(releases)
        release = await self._ask(f"release/{release_id}", inc="recordings") if release_id else {}
        return WantedAlbum(
            artist=group.artist,
            title=group.title,
            year=group.year or year,
            album_type=group.album_type,
            tracks=records.tracks_of(release),
            artist_aliases=records.other_names(group, aliases, artist),
            release_group_id=group.id,
        )

    async def _search(self, query: str) -> tuple[records.ReleaseGroup, ...]:
        return records.release_groups_of(await self._ask("release-group", query=query, limit="50"))

    async def _ask(self, path: str, **parameters: str) -> Mapping[str, Any]:
        self._refuse_while_left_alone()
        async with self._limiter:
            # Another one may have been turned away while this one waited.
            self._refuse_while_left_alone()
            try:
                body = await self._body(path, parameters)
            except NotReachableError as error:
                self._left_alone = self._clock() + _LEFT_ALONE_S, str(error)
                raise
        return await asyncio.to_thread(records.parse, body)

    def _refuse_while_left_alone(self) -> None:
        until, why = self._left_alone
        if (left_s := until - self._clock()) > 0:
            raise RateLimitedError(f"{why} It is left alone for another {left_s:.0f} s.", left_s)

    async def _body(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Give the body of an answer that is no error."""
        try:
            address = URL(f"{self._url}/ws/2/{path}").with_query(parameters)
            async with (
                asyncio.timeout(_TIMEOUT.total),
                self._session.get(address, headers=_HEADERS, allow_redirects=False, timeout=_TIMEOUT) as response,
            ):
                self._refuse_errors(response)
                body = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _MAX_BODY_BYTES:
                        raise UnexpectedReplyError("MusicBrainz sends more than was asked for.")
        except TimeoutError:
            raise NotReachableError("MusicBrainz did not answer in time.") from None
        except aiohttp.InvalidURL, UnicodeError, ValueError:
            raise UnexpectedReplyError("MusicBrainz' address is none. Enter it again.") from None
        except aiohttp.ClientError, OSError:
            raise NotReachableError("MusicBrainz cannot be reached.") from None
        return bytes(body)

    def _refuse_errors(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        # 503 is how MusicBrainz says that it is asked too often.
        if status in {429, 503}:
            wait_s = retry_after_s(response.headers.get("Retry-After"))
            words = "MusicBrainz asks to be left alone for a while."
            self._left_alone = self._clock() + wait_s, words
            raise RateLimitedError(words, wait_s)
        if status >= 500:
            raise NotReachableError(f"MusicBrainz answers with an error ({status}).")
        if 300 <= status < 400:
            raise UnexpectedReplyError("MusicBrainz' address leads elsewhere. Enter the one it leads to.")
        if status != 200:
            raise UnexpectedReplyError(f"MusicBrainz answers with {status}. Check its address.")


def _phrase(text: str) -> str:
    """Quote for Lucene, in whose phrases everything but a quote and a backslash is literal."""
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'

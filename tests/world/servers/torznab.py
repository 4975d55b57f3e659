"""A Torznab indexer as Jackett serves one, with everything an indexer lists around the catalogue's albums."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from aiohttp import web
from aiohttp.typedefs import Middleware
from yarl import URL

from ..catalogue import Catalogue, LinkKind, Release
from ..torrents import WorldTorrent

_FEED = "/api/v2.0/indexers/world/results/torznab/api"
_ATTRIBUTES = "http://torznab.com/schemas/2015/feed"
_CATEGORIES = {3000: "Audio", 3010: "Audio/MP3", 3020: "Audio/Video", 3040: "Audio/Lossless", 4000: "PC"}
_OVERSIZED_BYTES = 11 * 1024 * 1024
_REASONS = {100: "Invalid API Key", 200: "Missing parameter", 201: "Incorrect parameter", 202: "No such function"}
ET.register_namespace("torznab", _ATTRIBUTES)


class TorznabServer:
    """One indexer. `music_parameters` is what its caps promise for t=music; others it ignores.

    `url` is the whole feed address; `tracker_url` is what its torrents and magnets name.
    """

    name = "torznab"

    def __init__(
        self,
        catalogue: Catalogue,
        torrents: Mapping[str, WorldTorrent],
        tracker_url: str,
        api_key: str | None = None,
        music_parameters: tuple[str, ...] = ("q",),
    ) -> None:
        self.url = ""
        self.api_key = api_key or secrets.token_hex(16)
        self.music_parameters = music_parameters
        self.tracker_url = tracker_url
        self.hidden: set[str] = set()
        """Keys of releases it does not list for now."""
        self._catalogue = catalogue
        self._torrents = torrents
        self._base = ""

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self._base = base_url
        self.url = f"{base_url}{_FEED}"

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares)
        app.router.add_get("/api/v2.0/indexers/world/results/torznab{rest:.*}", self._feed)
        app.router.add_get("/dl/world/", self._download)
        app.router.add_get("/dl/world/again/{key}", self._download_again)
        return app

    def link(self, release: Release) -> str:
        """Give a release's download link, as the feed does."""
        query = {"jackett_apikey": self.api_key, "path": release.key, "file": release.title}
        return f"{self._base}/dl/world/?{urlencode(query)}"

    async def _feed(self, request: web.Request) -> web.Response:
        query = request.query
        if not secrets.compare_digest(query.get("apikey", query.get("passkey", "")).encode(), self.api_key.encode()):
            return _error(100)
        match query.get("t"):
            case None | "":
                return _error(200, "Missing parameter (t)")
            case "caps":
                return _xml(self._caps())
            case "search" | "music" | "audio":
                return self._search(query)
            case "movie" | "tvsearch" | "book":
                return _error(203, "Function not available")
            case _:
                return _error(202)

    def _search(self, query: Mapping[str, str]) -> web.Response:
        try:
            categories = {int(part) for part in query.get("cat", "").split(",") if part}
            limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
        except ValueError:
            return _error(201, "Incorrect parameter (cat, limit or offset)")
        understood = ("q",) if query["t"] == "search" else self.music_parameters
        words = _words(" ".join(query.get(name, "") for name in understood))
        found = [
            release
            for release in self._catalogue.releases
            if release.key not in self.hidden
            and words <= _words(release.title)
            and (not categories or categories & {release.category, release.category // 1000 * 1000})
        ]
        found.sort(key=lambda release: release.age_days)
        return _xml(self._results(found[offset : offset + min(limit, 100)]))

    def _caps(self) -> ET.Element:
        caps = ET.Element("caps")
        ET.SubElement(caps, "server", title="Jackett")
        ET.SubElement(caps, "limits", default="100", max="100")
        searching = ET.SubElement(caps, "searching")
        ET.SubElement(searching, "search", available="yes", supportedParams="q", searchEngine="raw")
        for unavailable in ("tv-search", "movie-search"):
            ET.SubElement(searching, unavailable, available="no", supportedParams="q")
        for music in ("music-search", "audio-search"):
            ET.SubElement(searching, music, available="yes", supportedParams=",".join(self.music_parameters))
        categories = ET.SubElement(caps, "categories")
        audio = ET.SubElement(categories, "category", id="3000", name="Audio")
        for number, name in _CATEGORIES.items():
            if 3000 < number < 4000:
                ET.SubElement(audio, "subcat", id=str(number), name=name)
        ET.SubElement(categories, "category", id="4000", name="PC")
        return caps

    def _results(self, releases: list[Release]) -> ET.Element:
        rss = ET.Element("rss", version="2.0")
        channel = ET.SubElement(rss, "channel")
        ET.SubElement(channel, "title").text = "World"
        ET.SubElement(channel, "link").text = self._base
        for release in releases:
            self._row(channel, release)
        return rss

    def _row(self, channel: ET.Element, release: Release) -> None:
        torrent = self._torrents[release.key]
        link, size = self.link(release), str(torrent.size_bytes)
        row = ET.SubElement(channel, "item")
        details = f"{self._base}/details/{release.key}"
        published = datetime.now(UTC) - timedelta(days=release.age_days)
        for name, text in {
            "title": release.title,
            "guid": details,
            "type": "public",
            "comments": details,
            "pubDate": format_datetime(published),
            "size": size,
            "files": str(len(torrent.files)),
            "description": "",
            "link": link,
            "category": str(release.category),
        }.items():
            ET.SubElement(row, name).text = text
        ET.SubElement(row, "jackettindexer", id="world").text = "World"
        ET.SubElement(row, "enclosure", url=link, length=size, type="application/x-bittorrent")
        attributes = {"category": str(release.category), "downloadvolumefactor": "1", "uploadvolumefactor": "1"}
        if release.seeders is not None:
            attributes |= {"seeders": str(release.seeders), "peers": str(release.seeders + 1)}
        if release.shows_info_hash:
            attributes["infohash"] = torrent.info_hash
        for name, value in attributes.items():
            ET.SubElement(row, f"{{{_ATTRIBUTES}}}attr", name=name, value=value)

    async def _download(self, request: web.Request) -> web.Response:
        if request.query.get("jackett_apikey") != self.api_key:
            return web.Response(status=401, text="Unauthorized")
        torrent = self._torrents.get(request.query.get("path", ""))
        if torrent is None:
            return web.Response(status=404)
        match torrent.release.link:
            case LinkKind.MAGNET_302 | LinkKind.MAGNET_301 as kind:
                status = 302 if kind is LinkKind.MAGNET_302 else 301
                return _redirect(torrent.magnet(self.tracker_url), status)
            case LinkKind.HTTP_REDIRECT:
                return _redirect(str(URL(self._base) / "dl/world/again" / torrent.release.key), 302)
            case LinkKind.FILE_REDIRECT:
                return _redirect("file:///etc/passwd", 302)
            case LinkKind.OVERSIZED:
                return _torrent_file(b"d4:info" + b"0" * _OVERSIZED_BYTES)
            case LinkKind.NOT_BENCODED:
                return _torrent_file(b"<html><body>Just a moment...</body></html>")
            case _:
                return _torrent_file(torrent.metainfo(self.tracker_url))

    async def _download_again(self, request: web.Request) -> web.Response:
        torrent = self._torrents.get(request.match_info["key"])
        return _torrent_file(torrent.metainfo(self.tracker_url)) if torrent else web.Response(status=404)


def _words(text: str) -> set[str]:
    """Split as a tracker does: without accents, case and punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return set(re.findall(r"\w+", "".join(letter for letter in plain if not unicodedata.combining(letter))))


def _redirect(location: str, status: int) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


def _torrent_file(content: bytes) -> web.Response:
    return web.Response(body=content, content_type="application/x-bittorrent")


def _error(code: int, text: str = "") -> web.Response:
    return _xml(ET.Element("error", code=str(code), description=text or _REASONS[code]))


def _xml(root: ET.Element) -> web.Response:
    body = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return web.Response(body=body, content_type="application/rss+xml" if root.tag == "rss" else "application/xml")

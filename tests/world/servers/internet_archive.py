"""The Internet Archive: search, metadata and the torrent of an entry."""

from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..catalogue import Catalogue, Release
from ..torrents import WorldTorrent
from .lucene import matches

type Json = dict[str, object]


class InternetArchiveServer:
    """One Internet Archive. Two entries may be copied freely; a third says nothing about its licence."""

    name = "internet_archive"

    def __init__(self, catalogue: Catalogue, torrents: dict[str, WorldTorrent], tracker_url: str = "") -> None:
        self.url = ""
        self.tracker_url = tracker_url
        self._torrents = torrents
        self._entries = {release.archive_id: release for release in catalogue.releases if release.archive_id}

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares)
        app.router.add_get("/advancedsearch.php", self._search)
        app.router.add_get("/metadata/{id}", self._metadata)
        app.router.add_get("/download/{id}/{file:.+}", self._to_storage)
        app.router.add_get("/0/items/{id}/{file:.+}", self._file)
        return app

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        text = query.get("q", "")
        if query.get("output") != "json":
            return web.Response(text="<html><body>Advanced Search</body></html>", content_type="text/html")
        try:
            rows, page = int(query.get("rows", 50)), max(int(query.get("page", 1)), 1)
        except ValueError:
            return web.json_response({"error": "rows and page are numbers"}, status=400)
        fields = query.getall("fl[]", [])
        everything = [self._document(release) for release in self._entries.values()]
        found = [
            document
            for document in everything
            if text and matches(text, {name: str(value) for name, value in document.items()}, _all_text)
        ]
        start = (page - 1) * rows
        shown = [
            {name: value for name, value in document.items() if not fields or name in fields}
            for document in found[start : start + rows]
        ]
        header = {"status": 0, "QTime": 3, "params": {"query": text, "rows": rows, "start": start, "wt": "json"}}
        return web.json_response(
            {"responseHeader": header, "response": {"numFound": len(found), "start": start, "docs": shown}}
        )

    def _document(self, release: Release) -> Json:
        torrent = self._torrents[release.key]
        document: Json = {
            "identifier": release.archive_id,
            "title": release.album.title,
            "creator": release.album.artist.name,
            "mediatype": "audio",
            "year": str(release.album.year),
            "date": f"{release.album.year}-01-01T00:00:00Z",
            "item_size": torrent.size_bytes,
            "btih": torrent.info_hash,
            "format": ["Flac", "Archive BitTorrent"],
            "downloads": 17,
        }
        return document | ({"licenseurl": release.licence} if release.licence else {})

    async def _metadata(self, request: web.Request) -> web.Response:
        release = self._entries.get(request.match_info["id"])
        if release is None:
            return web.json_response({})  # An unknown entry is an empty object, not an error.
        torrent = self._torrents[release.key]
        described = self._document(release)
        about = {name: described[name] for name in ("identifier", "title", "creator", "mediatype", "date")}
        files: list[Json] = [
            {"name": path, "source": "original", "format": "Flac", "size": str(size)} for path, size in torrent.files
        ]
        files.append(
            {"name": f"{release.archive_id}_archive.torrent", "source": "metadata", "format": "Archive BitTorrent"}
        )
        return web.json_response(
            {
                "created": int(datetime.now(UTC).timestamp()),
                "dir": f"/0/items/{release.archive_id}",
                "files": files,
                "files_count": len(files),
                "item_size": torrent.size_bytes,
                "metadata": about | ({"licenseurl": release.licence} if release.licence else {}),
                "server": self.url.removeprefix("http://"),
            }
        )

    async def _to_storage(self, request: web.Request) -> web.Response:
        """Send on to the machine that stores the entry, as the Archive always does."""
        path = request.path.removeprefix("/download/")
        return web.Response(status=302, headers={"Location": f"{self.url}/0/items/{path}"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        release, name = self._entries.get(request.match_info["id"]), request.match_info["file"]
        if release is None:
            return web.Response(status=404)
        torrent = self._torrents[release.key]
        if name == f"{release.archive_id}_archive.torrent":
            return web.Response(body=torrent.metainfo(self.tracker_url), content_type="application/x-bittorrent")
        if torrent.save_path is None or name not in {path for path, _ in torrent.files}:
            return web.Response(status=404)
        return web.FileResponse(torrent.save_path / release.folder / name)


def _all_text(document: object) -> str:
    return " ".join(str(value) for value in document.values()) if isinstance(document, dict) else ""

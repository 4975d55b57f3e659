"""Lidarr v1 as the world has it: its library is the catalogue, its files are the real ones in the music folder."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..catalogue import Album, Catalogue
from .lidarr_commands import Commands
from .lidarr_library import LidarrLibrary
from .lidarr_resources import (
    Json,
    album_resource,
    artist_resource,
    track_file_resource,
    track_resource,
    utc,
    without_nulls,
)

_USER_INTERFACE = "<!doctype html><html><head><title>Lidarr</title></head><body>Lidarr</body></html>"
_SORT_KEYS: dict[str, Callable[[Album], object]] = {
    "albums.releaseDate": lambda album: album.release_date,
    "releaseDate": lambda album: album.release_date,
    "albums.title": lambda album: album.title.casefold(),
    "artists.sortName": lambda album: album.artist.sort_name.casefold(),
}


class LidarrServer:
    """One Lidarr. `library` is what it believes to have, `commands` what it was told to do.

    `queue` holds the queue's records as JSON objects; tests put there what a download client would cause.
    """

    name = "lidarr"

    def __init__(self, catalogue: Catalogue, music_folder: Path, api_key: str | None = None) -> None:
        self.url = ""
        self.api_key = api_key or secrets.token_hex(16)
        self.library = LidarrLibrary(catalogue, music_folder)
        self.commands = Commands(self.library)
        self.queue: list[Json] = []
        self._catalogue = catalogue
        self._started = datetime.now(UTC)

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=[*middlewares, self._check_key], client_max_size=16 * 1024**2)
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/api", self._versions)
        for path, handler in {
            "system/status": self._status,
            "health": _empty_list,
            "diskspace": self._diskspace,
            "wanted/missing": self._missing,
            "wanted/cutoff": self._cutoff,
            "album": self._albums,
            "album/{id:\\d+}": self._album,
            "wanted/missing/{id:\\d+}": self._album,
            "artist": self._artists,
            "artist/{id:\\d+}": self._artist,
            "track": self._tracks,
            "track/{id:\\d+}": self._track,
            "trackfile": self._track_files,
            "trackfile/{id:\\d+}": self._track_file,
            "rootfolder": self._root_folders,
            "qualityprofile": _quality_profiles,
            "metadataprofile": _metadata_profiles,
            "remotepathmapping": _empty_list,
            "downloadclient": _empty_list,
            "indexer": _empty_list,
            "tag": _empty_list,
            "queue": self._queue,
            "queue/details": self._queue_details,
            "queue/status": self._queue_status,
            "history": self._history,
            "command": self._all_commands,
            "command/{id:\\d+}": self._command,
            "manualimport": self._manual_import,
        }.items():
            app.router.add_get(f"/api/v1/{path}", handler)
        app.router.add_post("/api/v1/command", self._execute)
        app.router.add_post("/api/v1/manualimport", self._match_again)
        app.router.add_route("*", "/{path:.*}", _anything_else)
        app.on_cleanup.append(self._stop)
        return app

    async def _stop(self, _: web.Application) -> None:
        await self.commands.stop()

    @web.middleware
    async def _check_key(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
            key = request.query.get("apikey") or request.headers.get("X-Api-Key") or bearer
            if not secrets.compare_digest(key.encode(), self.api_key.encode()):
                return web.Response(status=401)
        return await handler(request)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "OK"})

    async def _versions(self, _: web.Request) -> web.Response:
        return web.json_response({"current": "v1", "deprecated": []})

    async def _status(self, _: web.Request) -> web.Response:
        return _reply(
            {
                "appName": "Lidarr",
                "instanceName": "Lidarr",
                "version": "3.1.0.4875",
                "buildTime": "2025-10-05T00:00:00Z",
                "isDebug": False,
                "isProduction": True,
                "isAdmin": False,
                "isUserInteractive": False,
                "startupPath": "/app/lidarr/bin",
                "appData": "/config",
                "osName": "debian",
                "osVersion": "12",
                "isNetCore": True,
                "isLinux": True,
                "isOsx": False,
                "isWindows": False,
                "isDocker": True,
                "mode": "console",
                "branch": "master",
                "databaseType": "sqLite",
                "databaseVersion": "3.40.1",
                "authentication": "forms",
                "migrationVersion": 79,
                "urlBase": "",
                "runtimeVersion": "6.0.35",
                "runtimeName": "netcore",
                "startTime": utc(self._started),
                "packageUpdateMechanism": "docker",
            }
        )

    async def _diskspace(self, _: web.Request) -> web.Response:
        return _reply([{"path": "/", "label": "", "freeSpace": 10**12, "totalSpace": 2 * 10**12}])

    async def _missing(self, request: web.Request) -> web.Response:
        wants_monitored = request.query.get("monitored", "true").casefold() == "true"
        albums = [
            album for album in self.library.missing() if (album.monitored and album.artist.monitored) == wants_monitored
        ]
        sort_key = request.query.get("sortKey", "")
        if key := _SORT_KEYS.get(sort_key):
            descending = request.query.get("sortDirection", "descending") != "ascending"
            albums.sort(key=key, reverse=descending)  # type: ignore[arg-type]
        with_artist = request.query.get("includeArtist", "false").casefold() == "true"
        return _page(request, [self._album_resource(album, with_artist=with_artist) for album in albums])

    async def _cutoff(self, request: web.Request) -> web.Response:
        return _page(request, [])  # The only profile allows no upgrades.

    async def _albums(self, request: web.Request) -> web.Response:
        albums = list(self._catalogue.albums)
        if ids := request.query.getall("albumIds", []):
            albums = [album for album in albums if str(album.id) in ids]
        elif artist := request.query.get("artistId"):
            albums = [album for album in albums if str(album.artist.id) == artist]
        elif foreign := request.query.get("foreignAlbumId"):
            albums = [album for album in albums if album.release_group_id == foreign]
        return _reply([self._album_resource(album) for album in albums])

    async def _album(self, request: web.Request) -> web.Response:
        album = self.library.album(int(request.match_info["id"]))
        return _reply(self._album_resource(album)) if album else _not_found()

    async def _artists(self, request: web.Request) -> web.Response:
        foreign = request.query.get("mbId")
        artists = [artist for artist in self._catalogue.artists if foreign in {None, "", artist.artist_id}]
        return _reply([self._artist_resource(artist.id) for artist in artists])

    async def _artist(self, request: web.Request) -> web.Response:
        known = {artist.id for artist in self._catalogue.artists}
        wanted = int(request.match_info["id"])
        return _reply(self._artist_resource(wanted)) if wanted in known else _not_found()

    async def _tracks(self, request: web.Request) -> web.Response:
        query = request.query
        if not {"artistId", "albumId", "albumReleaseId", "trackIds"} & query.keys():
            return _reply({"message": "One of artistId, albumId, albumReleaseId or trackIds must be provided"}, 400)
        try:
            artist, album, release = (int(query.get(name, 0)) for name in ("artistId", "albumId", "albumReleaseId"))
            ids = {int(text) for text in query.getall("trackIds", [])}
        except ValueError as err:
            return _reply(_binding_problem(str(err)), 400)
        found = [
            (of, track)
            for of, track in self.library.tracks()
            if of.artist.id == artist or of.id == album or of.id + 2000 == release or track.id in ids
        ]
        return _reply([track_resource(of, track, self.library.files) for of, track in found])

    async def _track(self, request: web.Request) -> web.Response:
        found = self.library.track(int(request.match_info["id"]))
        return _reply(track_resource(*found, self.library.files)) if found else _not_found()

    async def _track_files(self, request: web.Request) -> web.Response:
        albums, artist = request.query.getall("albumId", []), request.query.get("artistId")
        found = [
            (of, track)
            for of, track in self.library.tracks()
            if track.id in self.library.files and (str(of.id) in albums or str(of.artist.id) == artist)
        ]
        return _reply([track_file_resource(of, track, self.library.files[track.id]) for of, track in found])

    async def _track_file(self, request: web.Request) -> web.Response:
        found = self.library.track(int(request.match_info["id"]) - 50_000)
        if found is None or found[1].id not in self.library.files:
            return _not_found()
        return _reply(track_file_resource(*found, self.library.files[found[1].id]))

    async def _root_folders(self, _: web.Request) -> web.Response:
        folder = self.library.music_folder
        return _reply(
            [
                {
                    "id": 1,
                    "name": "Music",
                    "path": f"{folder}/",
                    "defaultMetadataProfileId": 1,
                    "defaultQualityProfileId": 1,
                    "defaultMonitorOption": "all",
                    "defaultNewItemMonitorOption": "all",
                    "defaultTags": [],
                    "accessible": await asyncio.to_thread(folder.is_dir),
                    "freeSpace": 10**12,
                    "totalSpace": 2 * 10**12,
                }
            ]
        )

    async def _queue(self, request: web.Request) -> web.Response:
        unknown = request.query.get("includeUnknownArtistItems", "false").casefold() == "true"
        return _page(request, [record for record in self.queue if unknown or "artistId" in record])

    async def _queue_details(self, request: web.Request) -> web.Response:
        albums, artist = request.query.getall("albumIds", []), request.query.get("artistId")
        return _reply(
            [
                record
                for record in self.queue
                if (not albums or str(record.get("albumId")) in albums)
                and artist in {None, str(record.get("artistId"))}
            ]
        )

    async def _queue_status(self, _: web.Request) -> web.Response:
        known = [record for record in self.queue if "artistId" in record]
        return _reply(
            {
                "totalCount": len(self.queue),
                "count": len(known),
                "unknownCount": len(self.queue) - len(known),
                "errors": any(record.get("trackedDownloadStatus") == "error" for record in known),
                "warnings": any(record.get("trackedDownloadStatus") == "warning" for record in known),
                "unknownErrors": False,
                "unknownWarnings": False,
            }
        )

    async def _history(self, request: web.Request) -> web.Response:
        album, kinds = request.query.get("albumId"), request.query.getall("eventType", [])
        numbers = {"grabbed": "1", "trackFileImported": "3"}
        records = [
            record
            for record in reversed(self.library.history)
            if album in {None, str(record["albumId"])} and (not kinds or numbers.get(str(record["eventType"])) in kinds)
        ]
        return _page(request, records)

    async def _all_commands(self, _: web.Request) -> web.Response:
        return _reply(self.commands.all())

    async def _command(self, request: web.Request) -> web.Response:
        command = self.commands.get(int(request.match_info["id"]))
        return _reply(command) if command else _not_found()

    async def _execute(self, request: web.Request) -> web.Response:
        body = await _json_body(request)
        if not isinstance(body, dict) or not isinstance(body.get("name"), str):
            return _reply(_binding_problem("The body field is required."), 400)
        command = self.commands.execute(body)
        if command is None:
            message = f"Unknown command: {body['name']}"
            return _reply({"message": message, "description": "   at Lidarr.Api.V1.Commands.StartCommand"}, 500)
        return _reply(command, 201)

    async def _manual_import(self, request: web.Request) -> web.Response:
        folder = request.query.get("folder", "")
        if download := request.query.get("downloadId"):
            folder = next((str(one["outputPath"]) for one in self.queue if one.get("downloadId") == download), folder)
        if not folder:
            return _reply([])
        artist = request.query.get("artistId")
        rows = await asyncio.to_thread(self.library.match_folder, Path(folder), int(artist) if artist else None)
        if download:
            rows = [row | {"downloadId": download} for row in rows]
        return _reply(rows)

    async def _match_again(self, request: web.Request) -> web.Response:
        body = await _json_body(request)
        if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
            return _reply(_binding_problem("The JSON value could not be converted to a list."), 400)
        return _reply(await asyncio.to_thread(self.library.match_rows, body), 202)

    def _album_resource(self, album: Album, *, with_artist: bool = True) -> Json:
        artist = self._artist_resource(album.artist.id) if with_artist else None
        return album_resource(album, artist, self.library.files)

    def _artist_resource(self, artist_id: int) -> Json:
        artist = next(artist for artist in self._catalogue.artists if artist.id == artist_id)
        albums = [album for album in self._catalogue.albums if album.artist.id == artist_id]
        return artist_resource(artist, albums, self.library.files, self.library.music_folder)


def _reply(body: object, status: int = 200) -> web.Response:
    return web.json_response(without_nulls(body), status=status)


def _page(request: web.Request, records: list[Json]) -> web.Response:
    try:
        page, size = int(request.query.get("page", 1)), int(request.query.get("pageSize", 10))
    except ValueError as err:
        return _reply(_binding_problem(str(err)), 400)
    start = (max(page, 1) - 1) * size
    return _reply(
        {
            "page": page,
            "pageSize": size,
            "sortKey": request.query.get("sortKey", "id"),
            "sortDirection": request.query.get("sortDirection", "descending"),
            "totalRecords": len(records),
            "records": records[start : start + size],
        }
    )


def _not_found() -> web.Response:
    body = {"type": "https://tools.ietf.org/html/rfc7231#section-6.5.4", "title": "Not Found", "status": 404}
    return web.json_response(body, status=404)


def _binding_problem(message: str) -> Json:
    return {"title": "One or more validation errors occurred.", "status": 400, "errors": {"$": [message]}}


async def _json_body(request: web.Request) -> object:
    try:
        return await request.json()
    except ValueError:
        return None


async def _empty_list(_: web.Request) -> web.Response:
    return _reply([])


async def _quality_profiles(_: web.Request) -> web.Response:
    lossy = {"quality": {"id": 4, "name": "MP3-320"}, "items": [], "allowed": True}
    lossless = {"quality": {"id": 6, "name": "FLAC"}, "items": [], "allowed": True}
    profile = {"id": 1, "name": "Any", "upgradeAllowed": False, "cutoff": 6, "items": [lossy, lossless]}
    return _reply([profile | {"minFormatScore": 0, "cutoffFormatScore": 0, "formatItems": []}])


async def _metadata_profiles(_: web.Request) -> web.Response:
    primary = [{"albumType": {"id": 0, "name": "Album"}, "allowed": True}]
    secondary = [{"albumType": {"id": 0, "name": "Studio"}, "allowed": True}]
    status = [{"releaseStatus": {"id": 0, "name": "Official"}, "allowed": True}]
    both = {"primaryAlbumTypes": primary, "secondaryAlbumTypes": secondary, "releaseStatuses": status}
    return _reply([{"id": 1, "name": "Standard", **both}, {"id": 2, "name": "None", **both}])


async def _anything_else(request: web.Request) -> web.Response:
    if re.match(r"/(api|feed)/", request.path):
        return _not_found()
    return web.Response(text=_USER_INTERFACE, content_type="text/html")

"""Jellyfin 10.11 or 12 as the world has it: its library is what really lies in the music folder, once scanned."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Middleware

from .jellyfin_library import JellyfinLibrary, Json

_SERVER_ID = "5f1c7a3e9b2d4c6f8a0b1c2d3e4f5061"
_USER_ID = "a3b1c5d7e9f0412233445566778899aa"
_AUTHORIZATION_PART = re.compile(r'(\w+)="([^"]*)"')


class JellyfinServer:
    """One Jellyfin. Before 12 it also takes the older ways to send a token.

    `refreshes` counts the scans it was asked for, `updated_paths` what it was told has changed.
    """

    name = "jellyfin"

    def __init__(self, music_folder: Path, api_key: str | None = None, version: str = "10.11.11") -> None:
        self.url = ""
        self.api_key = api_key or secrets.token_hex(16)
        self.version = version
        self.username, self.password = "household", secrets.token_hex(8)
        self.library = JellyfinLibrary(music_folder)
        self.refreshes = 0
        self.updated_paths: list[str] = []
        self.sessions: list[Json] = []
        self._user_tokens: dict[str, str] = {}
        self._scan: asyncio.Task[None] | None = None

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    async def scanned(self) -> None:
        """Wait until no scan runs."""
        if self._scan is not None:
            await asyncio.shield(self._scan)

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application. Paths are matched without regard to case, as Jellyfin does."""
        routes: list[tuple[str, str, Callable[[web.Request, re.Match[str]], Awaitable[web.Response]], bool]] = [
            ("GET", "/health", self._health, False),
            ("GET", "/system/info/public", self._public, False),
            ("POST", "/users/authenticatebyname", self._log_in, False),
            ("GET", "/quickconnect/enabled", self._no_quick_connect, False),
            ("GET", "/system/info", self._system, True),
            ("POST", "/system/ping", self._ping, True),
            ("GET", "/users", self._users, True),
            ("GET", "/users/me", self._me, True),
            ("GET", "/users/(?P<user>[0-9a-f-]+)", self._user, True),
            ("GET", "/items/counts", self._counts, True),
            ("GET", "/items", self._items, True),
            ("GET", "/users/(?P<user>[0-9a-f-]+)/items", self._items, True),
            ("GET", "/artists(?:/albumartists)?", self._artists, True),
            ("GET", "/items/(?P<item>[0-9a-f-]+)", self._item, True),
            ("GET", "/users/(?P<user>[0-9a-f-]+)/items/(?P<item>[0-9a-f-]+)", self._item, True),
            ("POST", "/items/(?P<item>[0-9a-f-]+)/refresh", self._refresh, True),
            ("GET", "/sessions", self._sessions, True),
            ("POST", "/library/refresh", self._refresh, True),
            ("POST", "/library/media/updated", self._media_updated, True),
            ("GET", "/library/virtualfolders", self._virtual_folders, True),
            ("GET", "/scheduledtasks", self._tasks, True),
        ]
        compiled = [(method, re.compile(path), handler, closed) for method, path, handler, closed in routes]

        async def dispatch(request: web.Request) -> web.Response:
            path = request.path.casefold().rstrip("/")
            for method, pattern, handler, closed in compiled:
                if method == request.method and (match := pattern.fullmatch(path)):
                    if closed and self._token(request) is None:
                        return web.Response(status=401)
                    return await handler(request, match)
            return web.Response(status=404)

        app = web.Application(middlewares=middlewares)
        app.router.add_route("*", "/{path:.*}", dispatch)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, _: web.Application) -> None:
        await self.library.scan()

    async def _stop(self, _: web.Application) -> None:
        if self._scan is not None:
            self._scan.cancel()
            await asyncio.gather(self._scan, return_exceptions=True)

    def _begin_scan(self) -> None:
        if self._scan is None or self._scan.done():
            self._scan = asyncio.get_running_loop().create_task(self.library.scan())
        else:  # What changed after the running scan passed must be seen too.
            running = self._scan

            async def scan_after() -> None:
                await running
                await self.library.scan()

            self._scan = asyncio.get_running_loop().create_task(scan_after())

    def _token(self, request: web.Request) -> str | None:
        """Give the request's token when it is a good one, sent in a way this version takes."""
        authorization = request.headers.get("Authorization", "")
        scheme, _, rest = authorization.partition(" ")
        parts = {name.casefold(): unquote(value) for name, value in _AUTHORIZATION_PART.findall(rest)}
        tokens = [parts.get("token") if scheme == "MediaBrowser" else None, request.query.get("ApiKey")]
        if int(self.version.split(".")[0]) < 12:
            legacy = request.headers.get("X-Emby-Authorization", "")
            old = {name.casefold(): unquote(value) for name, value in _AUTHORIZATION_PART.findall(legacy)}
            tokens += [
                request.headers.get("X-Emby-Token"),
                request.headers.get("X-MediaBrowser-Token"),
                request.query.get("api_key"),
                old.get("token"),
                parts.get("token") if scheme == "Emby" else None,
            ]
        good = {self.api_key, *self._user_tokens.values()}
        return next((token for token in tokens if token in good), None)

    async def _health(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.Response(text="Healthy")

    async def _public(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response(self._about())

    def _about(self) -> Json:
        return {
            "LocalAddress": self.url,
            "ServerName": "World",
            "Version": self.version,
            "ProductName": "Jellyfin Server",
            "OperatingSystem": "",
            "Id": _SERVER_ID,
            "StartupWizardCompleted": True,
        }

    async def _system(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        more = {"HasPendingRestart": False, "IsShuttingDown": False, "SupportsLibraryMonitor": True}
        return web.json_response(self._about() | more)

    async def _ping(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response("Jellyfin Server")

    async def _no_quick_connect(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response(data=False)

    async def _log_in(self, request: web.Request, _: re.Match[str]) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            return web.Response(status=400)
        given = {name.casefold(): value for name, value in body.items()}
        parts = dict(_AUTHORIZATION_PART.findall(request.headers.get("Authorization", "")))
        if not {"Client", "Device", "DeviceId", "Version"} <= parts.keys():
            return web.Response(status=400, text="Error processing request.")
        if (given.get("username"), given.get("pw")) != (self.username, self.password):
            return web.Response(status=401, text="Error processing request.")
        token = self._user_tokens[parts["DeviceId"]] = secrets.token_hex(16)
        session = {"Id": secrets.token_hex(16), "UserId": _USER_ID, "DeviceId": parts["DeviceId"]}
        answer = {"User": self._user_resource(), "SessionInfo": session, "AccessToken": token, "ServerId": _SERVER_ID}
        return web.json_response(answer)

    def _user_resource(self) -> Json:
        policy = {"IsAdministrator": True, "IsDisabled": False}
        return {"Name": self.username, "ServerId": _SERVER_ID, "Id": _USER_ID, "HasPassword": True, "Policy": policy}

    async def _users(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response([self._user_resource()])

    async def _user(self, _request: web.Request, match: re.Match[str]) -> web.Response:
        if match["user"].replace("-", "") != _USER_ID:
            return web.Response(status=404)
        return web.json_response(self._user_resource())

    async def _me(self, request: web.Request, _: re.Match[str]) -> web.Response:
        if self._token(request) == self.api_key:  # An API key belongs to no user.
            return web.Response(status=400, text="Error processing request.")
        return web.json_response(self._user_resource())

    async def _counts(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response(self.library.counts())

    async def _items(self, request: web.Request, _: re.Match[str]) -> web.Response:
        query = {name.casefold(): value for name, value in request.query.items()}
        try:
            return web.json_response(self.library.query(query))
        except ValueError as err:
            body = {"title": "One or more validation errors occurred.", "status": 400, "errors": {"query": [str(err)]}}
            return web.json_response(body, status=400)

    async def _artists(self, request: web.Request, _: re.Match[str]) -> web.Response:
        query = {name.casefold(): value for name, value in request.query.items()}
        return web.json_response(self.library.query(query | {"includeitemtypes": "MusicArtist", "recursive": "true"}))

    async def _item(self, _request: web.Request, match: re.Match[str]) -> web.Response:
        item = self.library.by_id(match["item"])
        return web.json_response(item) if item else web.Response(status=404)

    async def _refresh(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        self.refreshes += 1
        self._begin_scan()
        return web.Response(status=204)

    async def _media_updated(self, request: web.Request, _: re.Match[str]) -> web.Response:
        try:
            body = await request.json()
            paths = [str(update["Path"]) for update in body["Updates"]]
        except ValueError, KeyError, TypeError:
            return web.Response(status=400)
        self.updated_paths += paths
        known = [path for path in paths if Path(path).is_relative_to(self.library.music_folder)]
        if known:  # Paths outside every library are ignored silently.
            self._begin_scan()
        return web.Response(status=204)

    async def _virtual_folders(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response(
            [
                {
                    "Name": "Music",
                    "Locations": [str(self.library.music_folder)],
                    "CollectionType": "music",
                    "LibraryOptions": {},
                    "ItemId": self.library.root_id,
                    "RefreshStatus": "Active" if self._scanning else "Idle",
                }
            ]
        )

    @property
    def _scanning(self) -> bool:
        return self._scan is not None and not self._scan.done()

    async def _sessions(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        return web.json_response(cast(object, self.sessions))

    async def _tasks(self, _request: web.Request, _: re.Match[str]) -> web.Response:
        task: Json = {
            "Name": "Scan Media Library",
            "State": "Running" if self._scanning else "Idle",
            "Id": "7738148ffcd07979c7ceb148e06b3aed",
            "Key": "RefreshLibrary",
            "Category": "Library",
            "IsHidden": False,
            "LastExecutionResult": {"Status": "Completed", "Key": "RefreshLibrary"},
        }
        if self._scanning:
            task["CurrentProgressPercentage"] = 50.0
        return web.json_response([task])

"""The Cover Art Archive: which pictures a release has, and the pictures."""

import re
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..catalogue import Album, Catalogue

_WITHOUT_PICTURE = frozenset({"night-ledger-iii"})
_PICTURE = r"front(?:-(?:250|500|1200))?"


class CoverArtServer:
    """One Cover Art Archive. The album Night Ledger III has no picture. `picture` is set once it is made."""

    name = "coverart"

    def __init__(self, catalogue: Catalogue) -> None:
        self.url = ""
        self.picture = Path()
        self._catalogue = catalogue

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares)
        for kind in ("release", "release-group"):
            for slash in ("", "/"):
                app.router.add_get(f"/{{kind:{kind}}}/{{mbid}}{slash}", self._listing)
            app.router.add_get(f"/{{kind:{kind}}}/{{mbid}}/{{picture:{_PICTURE}}}", self._front)
        app.router.add_get("/download/{mbid}.jpg", self._picture)
        return app

    def _album(self, request: web.Request) -> Album:
        kind, mbid = request.match_info["kind"], request.match_info["mbid"].casefold()
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", mbid):
            raise web.HTTPBadRequest(text="<p>invalid MBID specified</p>", content_type="text/html")
        for album in self._catalogue.albums:
            known = album.release_id if kind == "release" else album.release_group_id
            if known == mbid and album.key not in _WITHOUT_PICTURE:
                return album
        raise web.HTTPNotFound(text=f"<p>No cover art found for {kind} {mbid}</p>", content_type="text/html")

    async def _listing(self, request: web.Request) -> web.Response:
        album = self._album(request)
        picture = f"{self.url}/download/{album.release_id}.jpg"
        image = {
            "approved": True,
            "back": False,
            "comment": "",
            "edit": 1,
            "front": True,
            "id": str(album.id * 1000),
            "image": picture,
            "thumbnails": dict.fromkeys(("250", "500", "1200", "small", "large"), picture),
            "types": ["Front"],
        }
        release = f"https://musicbrainz.org/release/{album.release_id}"
        return web.json_response({"images": [image], "release": release})

    async def _front(self, request: web.Request) -> web.Response:
        album = self._album(request)
        location = f"{self.url}/download/{album.release_id}.jpg"
        return web.Response(status=307, headers={"Location": location})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self.picture, headers={"Content-Type": "image/jpeg"})

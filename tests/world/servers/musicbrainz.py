"""MusicBrainz' web service, version 2, in XML: artists, release groups, releases and recordings of the catalogue."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from xml.etree import ElementTree as ET

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..catalogue import Album, Artist, Catalogue, Track
from .lucene import matches

_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NAMESPACE = "http://musicbrainz.org/ns/mmd-2.0#"
_EXTENSION = "http://musicbrainz.org/ns/ext#-2.0"
ET.register_namespace("ext", _EXTENSION)

type _Made = tuple[str, Callable[[frozenset[str]], ET.Element], dict[str, str]]


class MusicBrainzServer:
    """One MusicBrainz; the web service is at `url` + /ws/2."""

    name = "musicbrainz"

    def __init__(self, catalogue: Catalogue) -> None:
        self.url = ""
        self._catalogue = catalogue

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares)
        app.router.add_get("/ws/2/{entity:artist|release-group|release|recording}", self._list)
        app.router.add_get("/ws/2/{entity:artist|release-group|release|recording}/{mbid}", self._look_up)
        return app

    async def _look_up(self, request: web.Request) -> web.Response:
        entity, mbid = request.match_info["entity"], request.match_info["mbid"]
        if not _MBID.fullmatch(mbid):
            return _error(400, "Invalid mbid.")
        for known, make, _ in self._all(entity):
            if known == mbid.casefold():
                return _answer(make(_inc(request)))
        return _error(404, "Not Found")

    async def _list(self, request: web.Request) -> web.Response:
        """Search (query=) or browse (by the id of what it is linked to)."""
        entity, query = request.match_info["entity"], request.query
        try:
            limit, offset = min(int(query.get("limit", 25)), 100), int(query.get("offset", 0))
        except ValueError:
            return _error(400, "Invalid limit or offset.")
        if text := query.get("query"):
            found = [
                one for one in self._all(entity) if matches(text, one[2], lambda fields: " ".join(fields.values()))
            ]
        elif linked := next((name for name in ("artist", "release-group", "release") if name in query), None):
            if not _MBID.fullmatch(query[linked]):
                return _error(400, "Invalid mbid.")
            found = [one for one in self._all(entity) if query[linked].casefold() in one[2].get(f"{linked}-id", "")]
        else:
            return _error(400, "Must supply a query, or the id of a linked entity.")
        listed = ET.Element(f"{entity}-list", count=str(len(found)), offset=str(offset))
        for _, make, _fields in found[offset : offset + limit]:
            one = make(_inc(request) | ({"artist-credits", "aliases"} if text else frozenset()))
            if text:
                one.set(f"{{{_EXTENSION}}}score", "100")
            listed.append(one)
        return _answer(listed)

    def _all(self, entity: str) -> Iterable[_Made]:
        """Give all of a kind: id, how to write it, and the fields it is searched by."""
        albums = self._catalogue.albums
        if entity == "artist":
            for artist in self._catalogue.artists:
                own = [album for album in albums if album.artist is artist]
                yield (
                    artist.artist_id,
                    partial(_artist, artist, own),
                    {
                        "artist": artist.name,
                        "sortname": artist.sort_name,
                        "alias": " ".join(artist.aliases),
                        "arid": artist.artist_id,
                    },
                )
            return
        for album in albums:
            fields = {
                # Not the aliases: only the search for artists knows those.
                "artist": album.artist.name,
                "artist-id": album.artist.artist_id,
                "arid": album.artist.artist_id,
                "releasegroup": album.title,
                "release": album.title,
                "release-group-id": album.release_group_id,
                "rgid": album.release_group_id,
                "release-id": album.release_id,
                "reid": album.release_id,
                "firstreleasedate": _date(album),
            }
            if entity == "release-group":
                yield album.release_group_id, partial(_release_group, album), fields
            elif entity == "release":
                yield album.release_id, partial(_release, album), fields
            else:
                for track in album.tracks:
                    more = fields | {"recording": track.title}
                    yield track.recording_id, partial(_recording, album, track), more


def _artist(artist: Artist, albums: Sequence[Album], inc: frozenset[str]) -> ET.Element:
    made = ET.Element("artist", id=artist.artist_id, type="Group")
    _text(made, "name", artist.name)
    _text(made, "sort-name", artist.sort_name)
    if "aliases" in inc and artist.aliases:
        aliases = ET.SubElement(made, "alias-list", count=str(len(artist.aliases)))
        for alias in artist.aliases:
            ET.SubElement(aliases, "alias", {"sort-name": alias, "locale": "en"}).text = alias
    if "release-groups" in inc:
        groups = ET.SubElement(made, "release-group-list", count=str(len(albums)))
        groups.extend(_release_group(album, frozenset()) for album in albums)
    return made


def _release_group(album: Album, inc: frozenset[str]) -> ET.Element:
    made = ET.Element("release-group", id=album.release_group_id, type=album.album_type)
    _text(made, "title", album.title)
    _text(made, "first-release-date", _date(album))
    _text(made, "primary-type", album.album_type)
    if album.secondary_types:
        kinds = ET.SubElement(made, "secondary-type-list")
        for kind in album.secondary_types:
            _text(kinds, "secondary-type", kind)
    _credit(made, album, inc)
    if "releases" in inc:
        ET.SubElement(made, "release-list", count="1").append(_release(album, frozenset()))
    return made


def _release(album: Album, inc: frozenset[str]) -> ET.Element:
    made = ET.Element("release", id=album.release_id)
    _text(made, "title", album.title)
    _text(made, "status", "Official")
    _text(made, "quality", "normal")
    _credit(made, album, inc)
    if "release-groups" in inc:
        made.append(_release_group(album, frozenset()))
    _text(made, "date", _date(album))
    _text(made, "country", "XW")
    if inc & {"recordings", "media"}:
        media = ET.SubElement(made, "medium-list", count=str(album.discs))
        for disc in range(1, album.discs + 1):
            _medium(media, album, disc, with_tracks="recordings" in inc)
    return made


def _medium(media: ET.Element, album: Album, disc: int, *, with_tracks: bool) -> None:
    tracks = [track for track in album.tracks if track.disc == disc]
    medium = ET.SubElement(media, "medium")
    _text(medium, "position", str(disc))
    _text(medium, "format", "CD")
    listed = ET.SubElement(medium, "track-list", count=str(len(tracks)))
    if not with_tracks:
        return
    listed.set("offset", "0")
    for track in tracks:
        row = ET.SubElement(listed, "track", id=track.recording_id[::-1][:8] + track.recording_id[8:])
        _text(row, "position", str(track.number))
        _text(row, "number", str(track.number))
        _text(row, "length", str(track.duration_s * 1000))
        row.append(_recording(album, track, frozenset()))


def _recording(album: Album, track: Track, inc: frozenset[str]) -> ET.Element:
    made = ET.Element("recording", id=track.recording_id)
    _text(made, "title", track.title)
    _text(made, "length", str(track.duration_s * 1000))
    _credit(made, album, inc)
    if "releases" in inc:
        ET.SubElement(made, "release-list", count="1").append(_release(album, frozenset()))
    return made


def _credit(made: ET.Element, album: Album, inc: frozenset[str]) -> None:
    if inc & {"artist-credits", "artists"}:
        credit = ET.SubElement(ET.SubElement(made, "artist-credit"), "name-credit")
        credit.append(_artist(album.artist, (), inc & {"aliases"}))


def _date(album: Album) -> str:
    return album.release_date.date().isoformat() if album.release_date else ""


def _text(parent: ET.Element, name: str, text: str) -> None:
    if text:
        ET.SubElement(parent, name).text = text


def _inc(request: web.Request) -> frozenset[str]:
    """Read inc=, whose parts are joined by a plus sign: a blank, once decoded."""
    return frozenset(request.query.get("inc", "").replace("+", " ").split())


def _answer(made: ET.Element) -> web.Response:
    root = ET.Element("metadata", xmlns=_NAMESPACE)
    root.append(made)
    body = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return web.Response(body=body, content_type="application/xml", charset="utf-8")


def _error(status: int, text: str) -> web.Response:
    root = ET.Element("error")
    for line in (text, "For usage, please see: https://musicbrainz.org/development/mmd"):
        _text(root, "text", line)
    return web.Response(body=ET.tostring(root, encoding="UTF-8"), content_type="application/xml", status=status)

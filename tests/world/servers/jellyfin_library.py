"""The world's Jellyfin library: items made from the files that a scan found, and queries over them."""

import asyncio
import hashlib
from collections import defaultdict
from pathlib import Path

from ..library_scan import ScannedFile, scan_folder

type Json = dict[str, object]

_ONLY_WHEN_ASKED = frozenset({"ProviderIds", "Path", "MediaSources", "DateCreated", "Genres", "SortName", "ChildCount"})
_ALBUM_IDS = ("MusicBrainzAlbum", "MusicBrainzAlbumArtist", "MusicBrainzReleaseGroup")
_TICKS_PER_S = 10_000_000


def _id(kind: str, name: str) -> str:
    return hashlib.md5(f"{kind}:{name}".encode(), usedforsecurity=False).hexdigest()


class JellyfinLibrary:
    """Albums, tracks and artists as of the last scan."""

    def __init__(self, music_folder: Path) -> None:
        self.music_folder = music_folder
        self.root_id = _id("root", str(music_folder))
        self._all: list[Json] = []

    async def scan(self) -> None:
        """Look at every file under the music folder."""
        files = await asyncio.to_thread(scan_folder, self.music_folder)
        self._all = self._make(files)

    def counts(self) -> Json:
        """Count as Items/Counts does."""
        kinds = [one["Type"] for one in self._all]
        return {
            "SongCount": kinds.count("Audio"),
            "AlbumCount": kinds.count("MusicAlbum"),
            "ArtistCount": kinds.count("MusicArtist"),
            "MusicVideoCount": 0,
            "MovieCount": 0,
            "SeriesCount": 0,
            "EpisodeCount": 0,
            "ItemCount": len(kinds),
        }

    def by_id(self, item_id: str) -> Json | None:
        """Give one with all its fields; dashes in the id do not matter."""
        return next((one for one in self._all if one["Id"] == item_id.replace("-", "")), None)

    def query(self, query: dict[str, str]) -> Json:
        """Answer GET /Items; names of the query are in lower case. Raises ValueError on numbers that are none."""
        found = [one for one in self._all if self._fits(one, query)]
        for key in reversed([part.strip() for part in query.get("sortby", "").split(",") if part]):
            descending = query.get("sortorder", "Ascending").casefold() == "descending"
            found.sort(key=lambda one, key=key: _sort_value(one, key), reverse=descending)  # type: ignore[misc]
        start = int(query.get("startindex", 0))
        limit = int(query["limit"]) if "limit" in query else None
        fields = {part.strip() for part in query.get("fields", "").split(",")}
        left_out = _ONLY_WHEN_ASKED - fields
        page = found[start : start + limit if limit is not None else None]
        shown = [{name: value for name, value in one.items() if name not in left_out} for one in page]
        counted = query.get("enabletotalrecordcount", "true").casefold() != "false"
        return {"Items": shown, "TotalRecordCount": len(found) if counted else 0, "StartIndex": start}

    def _fits(self, one: Json, query: dict[str, str]) -> bool:
        kinds = {kind.casefold() for kind in query.get("includeitemtypes", "").split(",") if kind}
        if kinds and str(one["Type"]).casefold() not in kinds:
            return False
        parent = query.get("parentid", "").replace("-", "")
        recursive = query.get("recursive", "false").casefold() == "true"
        if parent and parent != self.root_id and one["ParentId"] != parent:
            return False
        if (parent == self.root_id or not parent) and not recursive and one["ParentId"] != self.root_id:
            return False
        if ids := {part.replace("-", "") for part in query.get("ids", "").split(",") if part}:
            return one["Id"] in ids
        if (term := query.get("searchterm", "").casefold()) and term not in str(one["Name"]).casefold():
            return False
        for name in ("albumartistids", "artistids"):
            wanted = {part.replace("-", "") for part in query.get(name, "").split(",") if part}
            artists = one.get("AlbumArtists" if name == "albumartistids" else "ArtistItems")
            if wanted and not (isinstance(artists, list) and wanted & {artist["Id"] for artist in artists}):
                return False
        return True

    def _make(self, files: list[ScannedFile]) -> list[Json]:
        folders: dict[Path, list[ScannedFile]] = defaultdict(list)
        for file in files:
            folders[file.album_folder].append(file)
        made: list[Json] = []
        artists: dict[str, Json] = {}
        for folder, tracks in folders.items():
            made.append(self._album(folder, tracks))
            made += [self._track(folder, file) for file in tracks]
            artists.setdefault(tracks[0].album_artist, self._artist(tracks[0]))
        return [*artists.values(), *made]

    def _artist(self, file: ScannedFile) -> Json:
        ids = file.provider_ids.get("MusicBrainzAlbumArtist")
        return {
            "Name": file.album_artist,
            "Id": _id("artist", file.album_artist),
            "Type": "MusicArtist",
            "ParentId": self.root_id,
            "IsFolder": True,
            "SortName": file.album_artist.casefold(),
            "ProviderIds": {"MusicBrainzArtist": ids} if ids else {},
            "Path": str(file.album_folder.parent),
            "Genres": [],
            "ImageTags": {},
            "LocationType": "FileSystem",
        }

    def _album(self, folder: Path, tracks: list[ScannedFile]) -> Json:
        first = tracks[0]
        artist = {"Name": first.album_artist, "Id": _id("artist", first.album_artist)}
        made: Json = {
            "Name": first.album,
            "Id": _id("album", str(folder)),
            "Type": "MusicAlbum",
            "ParentId": self.root_id,
            "IsFolder": True,
            "SortName": first.album.casefold(),
            "AlbumArtist": first.album_artist,
            "AlbumArtists": [artist],
            "ArtistItems": [artist],
            "Artists": [first.album_artist],
            "RunTimeTicks": int(sum(track.duration_s for track in tracks) * _TICKS_PER_S),
            "ProviderIds": {name: first.provider_ids[name] for name in _ALBUM_IDS if name in first.provider_ids},
            "Path": str(folder),
            "DateCreated": "2026-01-05T10:00:00.0000000Z",
            "Genres": [],
            "ChildCount": len(tracks),
            "ImageTags": {},
            "LocationType": "FileSystem",
        }
        if first.year:
            made["ProductionYear"] = first.year
        return made

    def _track(self, folder: Path, file: ScannedFile) -> Json:
        codec = file.path.suffix.lstrip(".").casefold()
        stream = {"Type": "Audio", "Codec": codec, "BitRate": file.bitrate_bps, "SampleRate": 44100, "Channels": 2}
        source = {
            "Path": str(file.path),
            "Size": file.size_bytes,
            "Bitrate": file.bitrate_bps,
            "Container": codec,
            "MediaStreams": [stream],
        }
        return {
            "Name": file.title,
            "Id": _id("track", str(file.path)),
            "Type": "Audio",
            "MediaType": "Audio",
            "ParentId": _id("album", str(folder)),
            "IsFolder": False,
            "SortName": f"{file.disc:04d} - {file.number:04d} - {file.title}".casefold(),
            "Album": file.album,
            "AlbumId": _id("album", str(folder)),
            "AlbumArtist": file.album_artist,
            "AlbumArtists": [{"Name": file.album_artist, "Id": _id("artist", file.album_artist)}],
            "Artists": [file.artist],
            "ArtistItems": [{"Name": file.artist, "Id": _id("artist", file.artist)}],
            "IndexNumber": file.number,
            "ParentIndexNumber": file.disc,
            "RunTimeTicks": int(file.duration_s * _TICKS_PER_S),
            "ProviderIds": dict(file.provider_ids),
            "Path": str(file.path),
            "Container": codec,
            "MediaSources": [source],
            "DateCreated": "2026-01-05T10:00:00.0000000Z",
            "Genres": [],
            "ImageTags": {},
            "LocationType": "FileSystem",
        }


def _sort_value(one: Json, key: str) -> tuple[int, str]:
    value = one.get(key, "")
    return (value, "") if isinstance(value, int) else (0, str(value).casefold())

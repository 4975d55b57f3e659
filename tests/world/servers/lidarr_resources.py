"""Lidarr's JSON resources, made from the catalogue. Members that are null are left out, as Lidarr does."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..catalogue import Album, Artist, Track

type Json = dict[str, object]

_SENT_THOUGH_NULL = frozenset({"nextAlbum", "lastAlbum"})
FLAC: Json = {"quality": {"id": 6, "name": "FLAC"}, "revision": {"version": 1, "real": 0, "isRepack": False}}
_MP3: Json = {"quality": {"id": 4, "name": "MP3-320"}, "revision": {"version": 1, "real": 0, "isRepack": False}}
_UNKNOWN: Json = {"quality": {"id": 0, "name": "Unknown"}, "revision": {"version": 1, "real": 0, "isRepack": False}}


def without_nulls(value: object) -> object:
    """Leave out null members, at every depth."""
    match value:
        case Mapping():
            return {
                name: without_nulls(member)
                for name, member in value.items()
                if member is not None or name in _SENT_THOUGH_NULL
            }
        case list() | tuple():
            return [without_nulls(member) for member in value]
        case _:
            return value


def utc(moment: datetime | None) -> str | None:
    """Write a time as Lidarr does."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def quality_of(path: Path) -> Json:
    """Say which quality a file has, by its suffix."""
    return {".flac": FLAC, ".mp3": _MP3}.get(path.suffix.casefold(), _UNKNOWN)


def artist_path(artist: Artist, music_folder: Path) -> Path:
    """Say where an artist's albums lie."""
    return music_folder / artist.name


def release_row_id(album: Album) -> int:
    """Give Lidarr's id of the album's only release."""
    return album.id + 2000


def artist_resource(artist: Artist, albums: Iterable[Album], files: Mapping[int, Path], music_folder: Path) -> Json:
    """Make an artist; `files` are the track files by track id, `albums` the artist's own."""
    own = list(albums)
    tracks = [track for album in own for track in album.tracks]
    return {
        "id": artist.id,
        "status": "continuing",
        "ended": False,
        "artistName": artist.name,
        "foreignArtistId": artist.artist_id,
        "mbId": artist.artist_id,
        "tadbId": 0,
        "discogsId": 0,
        "overview": None,
        "artistType": "Group",
        "disambiguation": "",
        "links": [],
        "nextAlbum": None,
        "lastAlbum": None,
        "images": [],
        "path": str(artist_path(artist, music_folder)),
        "qualityProfileId": 1,
        "metadataProfileId": 1,
        "monitored": artist.monitored,
        "monitorNewItems": "all",
        "rootFolderPath": f"{music_folder}/",
        "genres": [],
        "cleanName": "".join(letter for letter in artist.name.casefold() if letter.isalnum()),
        "sortName": artist.sort_name.casefold(),
        "tags": [],
        "added": "2024-01-02T03:04:05Z",
        "ratings": {"votes": 0, "value": 0},
        "statistics": {"albumCount": len(own), **_statistics(tracks, files, counts_missing=artist.monitored)},
    }


def album_resource(album: Album, artist: Json | None, files: Mapping[int, Path]) -> Json:
    """Make an album, with its artist when given."""
    media = [{"mediumNumber": disc, "mediumName": "", "mediumFormat": "CD"} for disc in range(1, album.discs + 1)]
    release = {
        "id": release_row_id(album),
        "albumId": album.id,
        "foreignReleaseId": album.release_id,
        "title": album.title,
        "status": "Official",
        "duration": album.duration_s * 1000,
        "trackCount": len(album.tracks),
        "media": media,
        "mediumCount": album.discs,
        "disambiguation": "",
        "country": ["[Worldwide]"],
        "label": ["Loopback Recordings"],
        "format": "CD" if album.discs == 1 else f"{album.discs}xCD",
        "monitored": True,
    }
    return {
        "id": album.id,
        "title": album.title,
        "disambiguation": "",
        "overview": "",
        "artistId": album.artist.id,
        "foreignAlbumId": album.release_group_id,
        "monitored": album.monitored,
        "anyReleaseOk": True,
        "profileId": 0,
        "duration": album.duration_s * 1000,
        "albumType": album.album_type,
        "secondaryTypes": list(album.secondary_types),
        "mediumCount": album.discs,
        "ratings": {"votes": 0, "value": 0},
        "releaseDate": utc(album.release_date),
        "releases": [release],
        "genres": [],
        "media": media,
        "artist": artist,
        "images": [],
        "links": [],
        "lastSearchTime": None,
        "statistics": _statistics(album.tracks, files, counts_missing=album.monitored and bool(album.release_date)),
    }


def track_resource(album: Album, track: Track, files: Mapping[int, Path]) -> Json:
    """Make a track."""
    before = max((other.number for other in album.tracks if other.disc < track.disc), default=0)
    return {
        "id": track.id,
        "artistId": album.artist.id,
        "foreignTrackId": track.recording_id[::-1][:8] + track.recording_id[8:],
        "foreignRecordingId": track.recording_id,
        "trackFileId": track_file_id(track) if track.id in files else 0,
        "albumId": album.id,
        "explicit": False,
        "absoluteTrackNumber": before + track.number,
        "trackNumber": str(track.number),
        "title": track.title,
        "duration": track.duration_s * 1000,
        "mediumNumber": track.disc,
        "hasFile": track.id in files,
        "ratings": {"votes": 0, "value": 0},
    }


def track_file_id(track: Track) -> int:
    """Give the id of a track's file."""
    return track.id + 50_000


def track_file_resource(album: Album, track: Track, path: Path) -> Json:
    """Make a track file. Reads the file's size."""
    return {
        "id": track_file_id(track),
        "artistId": album.artist.id,
        "albumId": album.id,
        "path": str(path),
        "size": path.stat().st_size if path.exists() else 0,
        "dateAdded": utc(datetime.now(UTC)),
        "quality": quality_of(path),
        "qualityWeight": 1100,
        "customFormats": [],
        "customFormatScore": 0,
        "qualityCutoffNotMet": False,
    }


def _statistics(tracks: Iterable[Track], files: Mapping[int, Path], *, counts_missing: bool) -> Json:
    own = list(tracks)
    present = [files[track.id] for track in own if track.id in files]
    counted = len(own) if counts_missing else len(present)
    return {
        "trackFileCount": len(present),
        "trackCount": counted,
        "totalTrackCount": len(own),
        "sizeOnDisk": sum(path.stat().st_size for path in present if path.exists()),
        "percentOfTracks": 100.0 * len(present) / counted if counted else 0.0,
    }

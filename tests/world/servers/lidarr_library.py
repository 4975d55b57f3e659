"""What the world's Lidarr believes to have: track files found by rescans or brought by imports."""

import re
import shutil
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..catalogue import Album, Catalogue, Track
from ..library_scan import ScannedFile, scan_file, scan_folder
from .lidarr_resources import Json, artist_path, quality_of, release_row_id, track_file_id, track_resource, utc


class ImportRefusedError(Exception):
    """Lidarr cannot import what it was told to."""


class LidarrLibrary:
    """Track files by track id. A new Lidarr has looked at no file yet. Methods that read files block."""

    def __init__(self, catalogue: Catalogue, music_folder: Path) -> None:
        self.music_folder = music_folder
        self.files: dict[int, Path] = {}
        self.history: list[Json] = []
        self._albums = catalogue.albums

    def album(self, album_id: int) -> Album | None:
        """Give the album with Lidarr's id."""
        return next((album for album in self._albums if album.id == album_id), None)

    def tracks(self) -> Iterator[tuple[Album, Track]]:
        """Give all tracks with their albums."""
        return ((album, track) for album in self._albums for track in album.tracks)

    def track(self, track_id: int) -> tuple[Album, Track] | None:
        """Give the track with Lidarr's id."""
        return next(((album, track) for album, track in self.tracks() if track.id == track_id), None)

    def missing(self) -> list[Album]:
        """Give released albums of which at least one track has no file, monitored or not."""
        now = datetime.now(UTC)
        return [
            album
            for album in self._albums
            if album.release_date
            and album.release_date <= now
            and any(track.id not in self.files for track in album.tracks)
        ]

    def rescan(self, folders: list[Path]) -> int:
        """Look at the files under these folders; give how many track files changed. Blocking."""
        before = dict(self.files)
        for folder in folders:
            for track_id, path in list(self.files.items()):
                if path.is_relative_to(folder) and not path.exists():
                    del self.files[track_id]
            if not folder.is_dir():
                continue
            for file in scan_folder(folder):
                if file.path.is_relative_to(self.music_folder) and (found := self._match(file)):
                    self.files.setdefault(found[1].id, file.path)
        return len(before.items() ^ self.files.items())

    def match_folder(self, folder: Path, artist_id: int | None = None) -> list[Json]:
        """List the audio files of a folder or one file with what they seem to be. Blocking."""
        if not folder.exists():
            return []
        files = scan_folder(folder) if folder.is_dir() else [scan_file(folder)]
        return [self._import_row(number, file, artist_id) for number, file in enumerate(files, 1)]

    def match_rows(self, rows: list[Json]) -> list[Json]:
        """Match again what was listed; a named album and named tracks are taken as they are. Blocking."""
        matched = []
        for row in rows:
            path = Path(str(row.get("path", "")))
            if path.is_file():
                fresh = self._import_row(int(str(row.get("id", 0))), scan_file(path), None)
                matched.append({**fresh, **{name: value for name, value in row.items() if value is not None}})
        return matched

    def import_files(self, rows: list[Json], mode: str, *, replace: bool) -> None:
        """Bring files into the library exactly as mapped. Blocking. Raises ImportRefusedError."""
        plan = [self._planned(row) for row in rows]
        if replace:
            for album_id in {album.id for _, album, _, _ in plan}:
                for track in next(album for _, album, _, _ in plan if album.id == album_id).tracks:
                    if present := self.files.pop(track.id, None):
                        present.unlink(missing_ok=True)
        for source, album, tracks, download_id in plan:
            folder = artist_path(album.artist, self.music_folder) / f"{album.title} ({album.year})"
            folder.mkdir(parents=True, exist_ok=True)
            disc = f"{tracks[0].disc}-" if album.discs > 1 else ""
            title = re.sub(r'[/\\:*?"<>|]', " ", tracks[0].title)
            target = folder / f"{disc}{tracks[0].number:02d} - {title}{source.suffix}"
            if mode.casefold() == "move":
                shutil.move(source, target)
            else:
                shutil.copyfile(source, target)
            for track in tracks:
                self.files[track.id] = target
                self._remember(album, track, source, target, download_id)

    def _planned(self, row: Json) -> tuple[Path, Album, list[Track], str | None]:
        for name in ("path", "artistId", "albumId", "albumReleaseId", "trackIds", "quality"):
            if not row.get(name):
                raise ImportRefusedError(f"{name} is missing")
        source, album = Path(str(row["path"])), self.album(int(str(row["albumId"])))
        if not source.is_file():
            raise ImportRefusedError(f"File not found: {source.name}")
        if album is None or album.artist.id != row["artistId"] or release_row_id(album) != row["albumReleaseId"]:
            raise ImportRefusedError("No such artist, album or release")
        ids = row["trackIds"]
        tracks = [track for track in album.tracks if isinstance(ids, list) and track.id in ids]
        if not tracks:
            raise ImportRefusedError("No such tracks on this album")
        download_id = row.get("downloadId")
        return source, album, tracks, str(download_id) if download_id else None

    def _remember(self, album: Album, track: Track, source: Path, target: Path, download_id: str | None) -> None:
        self.history.append(
            {
                "id": len(self.history) + 1,
                "albumId": album.id,
                "artistId": album.artist.id,
                "trackId": track.id,
                "sourceTitle": source.stem,
                "quality": quality_of(target),
                "customFormats": [],
                "customFormatScore": 0,
                "qualityCutoffNotMet": False,
                "date": utc(datetime.now(UTC)),
                "downloadId": download_id,
                "eventType": "trackFileImported",
                "data": {
                    "fileId": str(track_file_id(track)),
                    "droppedPath": str(source),
                    "importedPath": str(target),
                    "size": str(target.stat().st_size),
                },
            }
        )

    def _match(self, file: ScannedFile, artist_id: int | None = None) -> tuple[Album, Track] | None:
        """Say which track a file is: artist and album by tags or folders, then number or title and length."""
        artists = {_clean(file.album_artist), _clean(file.album_folder.parent.name)}
        albums = {_clean(file.album), _clean(re.sub(r"\s*\(\d{4}\)$", "", file.album_folder.name))}
        for album in self._albums:
            names = {_clean(name) for name in (album.artist.name, *album.artist.aliases)}
            if album.artist.id != artist_id and not names & artists:
                continue
            if _clean(album.title) not in albums:
                continue
            for track in album.tracks:
                same_place = (track.disc, track.number) == (file.disc, file.number)
                same_title = _clean(track.title) == _clean(file.title)
                if same_title and (same_place or not file.number or track.number == file.number):
                    return album, track
        return None

    def _import_row(self, number: int, file: ScannedFile, artist_id: int | None) -> Json:
        found = self._match(file, artist_id)
        row: Json = {
            "id": number,
            "path": str(file.path),
            "name": file.path.stem,
            "size": file.size_bytes,
            "albumReleaseId": 0,
            "tracks": [],
            "quality": quality_of(file.path),
            "qualityWeight": 1100,
            "indexerFlags": 0,
            "rejections": [],
            "audioTags": {
                "title": file.title,
                "cleanTitle": _clean(file.title),
                "artistTitle": file.album_artist,
                "albumTitle": file.album,
                "discNumber": file.disc,
                "discCount": 0,
                "year": file.year or 0,
                "duration": f"00:{int(file.duration_s) // 60:02d}:{int(file.duration_s) % 60:02d}",
                "trackNumbers": [file.number],
                "quality": quality_of(file.path),
            },
            "additionalFile": False,
            "replaceExistingFiles": False,
            "disableReleaseSwitching": False,
        }
        if found is None:
            return row | {"rejections": [{"reason": "Couldn't find similar album", "type": "permanent"}]}
        album, track = found
        return row | {
            "artist": {"id": album.artist.id, "artistName": album.artist.name},
            "album": {"id": album.id, "title": album.title, "foreignAlbumId": album.release_group_id},
            "albumReleaseId": release_row_id(album),
            "tracks": [track_resource(album, track, self.files)],
        }


def _clean(name: str) -> str:
    """Reduce a name to Lidarr's match key: letters and digits without case and accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())

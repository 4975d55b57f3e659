"""Lidarr's commands: accepted at once, done in the background, to be polled."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

from .lidarr_library import ImportRefusedError, LidarrLibrary
from .lidarr_resources import Json, utc

_NAMES = {
    name.casefold(): name
    for name in (
        "AlbumSearch",
        "ArtistSearch",
        "MissingAlbumSearch",
        "CutoffUnmetAlbumSearch",
        "RefreshArtist",
        "RefreshAlbum",
        "BulkRefreshArtist",
        "RescanFolders",
        "DownloadedAlbumsScan",
        "ManualImport",
        "RefreshMonitoredDownloads",
        "ProcessMonitoredDownloads",
        "RssSync",
        "Backup",
        "Housekeeping",
        "CheckHealth",
    )
}
_UNFINISHED = frozenset({"queued", "started"})


class Commands:
    """All commands, oldest first. What a command asks of the files it really does, one after another."""

    def __init__(self, library: LidarrLibrary) -> None:
        self._library = library
        self._all: list[Json] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    def all(self) -> list[Json]:
        """Give all commands."""
        return [_shown(command) for command in self._all]

    def named(self, name: str) -> list[Json]:
        """Give the commands of one name."""
        return [_shown(command) for command in self._all if command["name"] == name]

    def get(self, command_id: int) -> Json | None:
        """Give one command."""
        return next((_shown(command) for command in self._all if command["id"] == command_id), None)

    def execute(self, request: Json) -> Json | None:
        """Take a command on; None for an unknown one. The same one that still waits is not taken twice."""
        name = _NAMES.get(str(request["name"]).casefold())
        if name is None:
            return None
        members = {key: value for key, value in request.items() if key != "name"}
        for waiting in self._all:
            if waiting["status"] == "queued" and waiting["name"] == name and waiting["_members"] == members:
                return _shown(waiting)
        command: Json = {
            "id": 5000 + len(self._all),
            "name": name,
            "commandName": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name),
            "body": {**members, "name": name, "trigger": "manual", "sendUpdatesToClient": True},
            "priority": "normal",
            "status": "queued",
            "result": "unknown",
            "queued": utc(datetime.now(UTC)),
            "trigger": "manual",
            "sendUpdatesToClient": True,
            "updateScheduledTask": True,
            "_members": members,
        }
        self._all.append(command)
        task = asyncio.get_running_loop().create_task(self._run(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _shown(command)

    async def stop(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, command: Json) -> None:
        async with self._one_at_a_time:
            command |= {"status": "started", "started": utc(datetime.now(UTC))}
            try:
                succeeded = await self._do(str(command["name"]), command["_members"])
            except (ImportRefusedError, OSError, ValueError) as err:
                command |= {"status": "failed", "result": "unsuccessful", "exception": str(err), "message": "Failed"}
            else:
                command |= {"status": "completed", "result": "successful" if succeeded else "unsuccessful"}
            command |= {"ended": utc(datetime.now(UTC)), "duration": "00:00:00.1"}

    async def _do(self, name: str, members: object) -> bool:
        asked = members if isinstance(members, dict) else {}
        library = self._library
        match name:
            case "RescanFolders":
                folders = [Path(str(folder)) for folder in asked.get("folders") or [library.music_folder]]
                await asyncio.to_thread(library.rescan, folders)
            case "RefreshArtist" | "BulkRefreshArtist" | "RefreshAlbum":
                await asyncio.to_thread(library.rescan, [library.music_folder])
            case "DownloadedAlbumsScan":
                return await asyncio.to_thread(self._import_folder, asked)
            case "ManualImport":
                rows = asked.get("files")
                if not isinstance(rows, list) or not rows:
                    raise ImportRefusedError("No files to import")
                replace = bool(asked.get("replaceExistingFiles"))
                await asyncio.to_thread(
                    library.import_files, rows, str(asked.get("importMode", "auto")), replace=replace
                )
            case _:
                pass  # Searches find nothing: this Lidarr has no indexers; the others have nothing to do.
        return True

    def _import_folder(self, asked: Json) -> bool:
        """Import a finished download, as strict as Lidarr: every file must match and no track may be missing."""
        rows = self._library.match_folder(Path(str(asked.get("path", ""))))
        if not rows or any(row["rejections"] for row in rows):
            return False
        found = [
            (row, album, track)
            for row in rows
            for listed in (row["tracks"] if isinstance(row["tracks"], list) else [])
            if (known := self._library.track(listed["id"]))
            for album, track in [known]
        ]
        for album in {album for _, album, _ in found}:
            if {track.id for _, of, track in found if of is album} != {track.id for track in album.tracks}:
                return False
        mapped = [
            row | {"artistId": album.artist.id, "albumId": album.id, "trackIds": [track.id]}
            for row, album, track in found
        ]
        self._library.import_files(mapped, str(asked.get("importMode", "auto")), replace=False)
        return True


def _shown(command: Json) -> Json:
    return {name: value for name, value in command.items() if not name.startswith("_")}

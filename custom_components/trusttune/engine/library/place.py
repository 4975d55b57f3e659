"""Places an album's files in the music folder, whole or not at all, and can take them away again.

Everything is copied into a staging folder on the same file system, flushed, and renamed into place. A plan written
beside the staging folder before the first rename says what the placement creates, so that a call after a crash
completes it and still knows which files are its own.
"""

import asyncio
import contextlib
import filecmp
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LibraryError
from ..textbrain.files import AUDIO_EXTENSIONS
from ..wanted.album import WantedAlbum
from .names import safe_name

STAGING_NAME = ".trusttune-staging"


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """One file in the library; `created` is false where the same file was there before."""

    source: Path
    target: Path
    size_bytes: int
    created: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """An album in the library, and the folders that were made for it, outermost first."""

    folder: Path
    files: tuple[PlacedFile, ...]
    created_folders: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the placement as plain values for the journal; from_dict reads them again."""
        return {
            "folder": str(self.folder),
            "created_folders": [str(folder) for folder in self.created_folders],
            "files": [
                {
                    "source": str(file.source),
                    "target": str(file.target),
                    "size_bytes": file.size_bytes,
                    "created": file.created,
                }
                for file in self.files
            ],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Placement:
        """Read what to_dict gave."""
        files = tuple(
            PlacedFile(Path(file["source"]), Path(file["target"]), file["size_bytes"], file["created"])
            for file in plain["files"]
        )
        return cls(Path(plain["folder"]), files, tuple(Path(folder) for folder in plain["created_folders"]))


async def place_album(
    music_folder: Path,
    wanted: WantedAlbum,
    files: Mapping[tuple[int, int], Path],
    *,
    ticket_id: str,
    staging_name: str = STAGING_NAME,
    keep_plan: bool = False,
) -> Placement:
    """Copy the files of (disc, number) to `Artist/Album (Year)/NN - Title.ext` (`DD-NN - ...` with several discs).

    Nothing is ever overwritten: an identical file counts as placed, a different one raises LibraryError. On any
    error or cancellation nothing that this ticket created stays. Call it again after a crash: it completes, and
    knows what it had created; with `keep_plan` until forget_plan is called.
    """
    return await _in_thread(
        lambda stop: _Placing(music_folder, wanted, files, ticket_id, staging_name, stop).place(keep_plan=keep_plan),
    )


async def forget_plan(music_folder: Path, ticket_id: str, *, staging_name: str = STAGING_NAME) -> None:
    """Remove what place_album kept to recognise its own files after a crash; none is fine."""
    await _in_thread(lambda stop: _Placing.of(music_folder, ticket_id, staging_name, stop).forget())


async def undo_placement(music_folder: Path, placement: Placement) -> None:
    """Remove the files and (where empty) the folders that a placement created, and nothing else."""
    await _in_thread(lambda _stop: _undo(music_folder, placement))


def album_paths(wanted: WantedAlbum, files: Mapping[tuple[int, int], Path]) -> tuple[Path, dict[tuple[int, int], str]]:
    """Give the album's folder relative to the music folder, and the file name of each track."""
    year = f" ({wanted.year})" if wanted.year is not None else ""
    artist = safe_name(wanted.artist, fallback="Unknown Artist")
    folder = Path(artist) / f"{safe_name(wanted.title, fallback='Unknown Album')}{year}"
    titles = {(track.disc, track.number): track.title for track in wanted.tracks}
    has_discs = max((disc for disc, _ in [*titles, *files]), default=1) > 1
    names = {}
    for (disc, number), source in files.items():
        extension = source.suffix[1:].lower()
        if extension not in AUDIO_EXTENSIONS:
            raise LibraryError(f"{safe_name(source.name)} is not an audio file; nothing was placed.")
        title = safe_name(titles.get((disc, number)) or source.stem, fallback="Untitled")
        prefix = f"{disc:02d}-{number:02d}" if has_discs else f"{number:02d}"
        names[disc, number] = f"{prefix} - {title}.{extension}"
    return folder, names


async def _in_thread[Result](work: Callable[[threading.Event], Result]) -> Result:
    """Run blocking work in a thread; when cancelled, tell it to stop and wait until it has cleaned up."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the cancellation is what the caller hears of
        raise


class _Placing:
    """One placement, from an empty staging folder to the last rename or back to nothing."""

    def __init__(
        self,
        music_folder: Path,
        wanted: WantedAlbum,
        files: Mapping[tuple[int, int], Path],
        ticket_id: str,
        staging_name: str,
        stop: threading.Event,
    ) -> None:
        self._music_folder = music_folder
        self._wanted = wanted
        self._files = files
        self._ticket = safe_name(ticket_id, fallback="ticket", max_bytes=100)
        self._staging_name = safe_name(staging_name.removeprefix("."), fallback="staging")
        self._stop = stop
        self._created: set[Path] = set()
        self._created_folders: list[Path] = []

    @classmethod
    def of(cls, music_folder: Path, ticket_id: str, staging_name: str, stop: threading.Event) -> _Placing:
        """Give the placing of a ticket whose album is in its place."""
        return cls(music_folder, WantedAlbum("", ""), {}, ticket_id, staging_name, stop)

    def forget(self) -> None:
        self._open()
        self._clear_staging()

    def _open(self) -> Path:
        """Find the music folder and this ticket's corner in it; give the folder all staging lies in."""
        try:
            self._root = self._music_folder.resolve(strict=True)
        except OSError as error:
            raise LibraryError("The music folder is not there. Check that its disk is mounted.") from error
        staging_root = self._root / f".{self._staging_name}"
        self._staging = staging_root / self._ticket
        self._plan = staging_root / f"{self._ticket}.json"
        return staging_root

    def place(self, *, keep_plan: bool) -> Placement:
        if not self._files:
            raise LibraryError("There are no files to place.")
        relative, names = album_paths(self._wanted, self._files)
        staging_root = self._open()
        folder = self._root / relative
        try:
            self._check_inside(staging_root)
            self._check_inside(folder.parent)
            self._check_inside(folder)
            self._recall_plan()
            try:
                placed = self._bring(folder, names)
            except BaseException:
                self._roll_back()
                raise
        except OSError as error:
            text = error.strerror or type(error).__name__
            raise LibraryError(f"The album could not be placed ({text}). Check the music folder's disk.") from error
        if not keep_plan:
            self._clear_staging()
        return Placement(folder, placed, tuple(self._created_folders))

    def _check_inside(self, path: Path) -> None:
        """Raise unless a path, with whatever links lie on it, stays in the music folder."""
        if not path.resolve().is_relative_to(self._root) or path.resolve() == self._root:
            raise LibraryError("The album's folder leads out of the music folder; nothing was placed.")

    def _recall_plan(self) -> None:
        """Read what a call that crashed had planned to create, then clear its staging folder."""
        try:
            plan = json.loads(self._plan.read_text())
            files = {self._root / name for name in plan["files"]}
            folders = [self._root / name for name in plan["folders"]]
        except OSError, ValueError, KeyError, TypeError:
            files, folders = set(), []
        inside = [path for path in (*files, *folders) if ".." not in path.parts and path.is_relative_to(self._root)]
        self._created = {path for path in inside if path in files and os.path.lexists(path)}
        self._created_folders = [path for path in folders if path in inside and path.is_dir()]
        if self._staging.is_symlink():
            self._staging.unlink()
        elif self._staging.exists():
            shutil.rmtree(self._staging)

    def _bring(self, folder: Path, names: Mapping[tuple[int, int], str]) -> tuple[PlacedFile, ...]:
        self._staging.mkdir(parents=True)
        placed: list[PlacedFile] = []
        staged: list[tuple[Path, Path]] = []
        for place, name in sorted(names.items()):
            self._go_on()
            source, target = self._files[place], folder / name
            if source.is_symlink() or not source.is_file():
                raise LibraryError(f"{safe_name(source.name)} is not a regular file; nothing was placed.")
            size = source.stat().st_size
            if os.path.lexists(target):
                if target.is_symlink() or not target.is_file() or not filecmp.cmp(source, target, shallow=False):
                    raise LibraryError(
                        f"{name} is in the library already and is another file; nothing was placed or overwritten."
                    )
                placed.append(PlacedFile(source, target, size, target in self._created))
                continue
            self._copy(source, self._staging / name)
            staged.append((self._staging / name, target))
            placed.append(PlacedFile(source, target, size, True))
        _flush_folder(self._staging)
        self._write_plan(folder, [target for _, target in staged])
        self._go_on()
        self._rename(folder, staged)
        return tuple(placed)

    def _copy(self, source: Path, target: Path) -> None:
        source.copy(target)  # a reflink where the file system can
        with target.open("rb") as copied:
            os.fsync(copied.fileno())
        if target.stat().st_size != source.stat().st_size:
            raise LibraryError(f"{safe_name(source.name)} changed while it was copied; nothing was placed.")

    def _write_plan(self, folder: Path, targets: list[Path]) -> None:
        for path in (folder.parent, folder):
            if not path.exists() and path not in self._created_folders:
                self._created_folders.append(path)
        files = sorted(str(path.relative_to(self._root)) for path in {*self._created, *targets})
        folders = [str(path.relative_to(self._root)) for path in self._created_folders]
        fresh = self._plan.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump({"files": files, "folders": folders}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._plan)
        _flush_folder(self._plan.parent)

    def _rename(self, folder: Path, staged: list[tuple[Path, Path]]) -> None:
        folder.parent.mkdir(exist_ok=True)
        self._check_inside(folder.parent)
        if not os.path.lexists(folder):
            self._staging.rename(folder)
            self._created.update(target for _, target in staged)
        else:
            self._check_inside(folder)
            for part, target in staged:
                self._go_on()
                _move_without_overwriting(part, target)
                self._created.add(target)
            _flush_folder(folder)
        _flush_folder(folder.parent)
        _flush_folder(self._root)

    def _roll_back(self) -> None:
        for path in self._created:
            with contextlib.suppress(OSError):
                path.unlink()
        for path in reversed(self._created_folders):
            with contextlib.suppress(OSError):
                path.rmdir()
        self._clear_staging()

    def _clear_staging(self) -> None:
        """Remove this ticket's staging folder and plan, and the common folder when no other ticket uses it."""
        shutil.rmtree(self._staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._plan.unlink(missing_ok=True)
            self._plan.with_suffix(".new").unlink(missing_ok=True)
            self._staging.parent.rmdir()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise LibraryError("Placing was stopped; nothing was placed.")


def _move_without_overwriting(source: Path, target: Path) -> None:
    """Rename, but raise FileExistsError where the target exists: a hard link is the only atomic way to say so."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):  # a file system without hard links
            raise FileExistsError(target) from None
        source.rename(target)
    else:
        source.unlink()


def _flush_folder(folder: Path) -> None:
    """Make renames in a folder durable; file systems that cannot say so."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _undo(music_folder: Path, placement: Placement) -> None:
    try:
        root = music_folder.resolve(strict=True)
        for file in placement.files:
            if file.created and not file.target.is_symlink() and file.target.is_file():
                if not file.target.resolve().is_relative_to(root):
                    raise LibraryError("A placed file leads out of the music folder; it was left alone.")
                file.target.unlink()
        for folder in reversed(placement.created_folders):
            if folder.resolve().is_relative_to(root) and folder.resolve() != root:
                with contextlib.suppress(OSError):  # not empty: somebody else's files are in it
                    folder.rmdir()
    except OSError as error:
        raise LibraryError(f"The placement could not be undone ({error.strerror}).") from error

"""The state folder: versioned, locked by one process, every write whole or not at all."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_LOGGER = logging.getLogger(__name__)

SCHEMA = 1
MAX_FILE_BYTES = 64 << 20


class StateFolderError(RuntimeError):
    """The state folder cannot be used; the message tells a person why."""


class StateFolder:
    """Reads and writes files below the folder in one thread of its own, so writes keep their order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torrents = path / "torrents"
        self._lock: int | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    async def open(self) -> None:
        """Make or check the folder. Raises StateFolderError."""
        await self._run(self._open)

    async def close(self) -> None:
        """Finish every write and let the folder go."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def write(self, path: Path, content: bytes) -> None:
        """Replace a file: temporary file, fsync, rename, fsync of the folder."""
        await self._run(_replace, path, content)

    async def remove(self, *paths: Path) -> None:
        """Remove files that may be gone already."""
        await self._run(_remove, paths)

    async def read(self, path: Path) -> bytes | None:
        """Return a file's content, or None when it is not there or absurdly large."""
        return await self._run(_read, path)

    async def saved_torrents(self) -> list[tuple[str, bytes, bytes | None]]:
        """Return id, resume data and record of every saved torrent."""
        return await self._run(self._saved_torrents)

    def resume_path(self, torrent_id: str) -> Path:
        """Where libtorrent's part is kept."""
        return self.torrents / f"{torrent_id}.resume"

    def record_path(self, torrent_id: str) -> Path:
        """Where our part is kept."""
        return self.torrents / f"{torrent_id}.json"

    async def _run[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        # A cancelled caller must not leave a write half known: the thread finishes it anyway.
        return await loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))

    def _open(self) -> None:
        try:
            self.torrents.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.chmod(0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateFolderError(f"{self.path} is used by another torrentd") from None
        except OSError as error:
            raise StateFolderError(f"{self.path} cannot be used: {error.strerror}") from error
        version_file = self.path / "version.json"
        raw = _read(version_file)
        if raw is None:
            _replace(version_file, json.dumps({"schema": SCHEMA}).encode())
            return
        try:
            schema = json.loads(raw)["schema"]
        except (ValueError, KeyError, TypeError):
            raise StateFolderError(f"{version_file} is damaged: restore it or start with another folder") from None
        if schema != SCHEMA:
            raise StateFolderError(f"{self.path} was written by another version of torrentd (schema {schema})")

    def _saved_torrents(self) -> list[tuple[str, bytes, bytes | None]]:
        saved = []
        for path in sorted(self.torrents.iterdir()):
            if path.suffix == ".resume":
                raw = _read(path)
                if raw is not None:
                    saved.append((path.stem, raw, _read(path.with_suffix(".json"))))
            elif path.suffix == ".new":
                # Left by a kill between writing and renaming.
                path.unlink(missing_ok=True)
            elif path.suffix == ".json" and not path.with_suffix(".resume").exists():
                path.unlink(missing_ok=True)
        return saved


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(paths: tuple[Path, ...]) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        _LOGGER.warning("%s cannot be read: %s", path.name, error.strerror)
        return None
    return raw if len(raw) <= MAX_FILE_BYTES else None

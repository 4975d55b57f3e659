"""Files read while they download: which pieces readers want soonest, and the bytes of those that are here.

Every byte comes from libtorrent's `read_piece`: the file on the disk may still hold zeros for a fresh piece.
"""

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import libtorrent as lt

from .contents import ContentFile
from .register import Register
from .torrent import TorrentRecord

MEBIBYTE = 1 << 20
READ_AHEAD_BYTES = 8 * MEBIBYTE
MAX_AHEAD_PIECES = 64
MAX_PIECE_BYTES = 16 * MEBIBYTE
CACHE_BYTES = 16 * MEBIBYTE
MAX_READERS = 16
MAX_HELD_BYTES = 32 * MEBIBYTE
WATCH_S = 0.25
STALLED_S = 60.0
PIECE_S = 600.0
MAX_FAILED_READS = 40
# Milliseconds: the pieces of a window in their order, the file's tail soon, its head when nothing is more urgent.
_STEP_MS = 250
_TAIL_MS = 3_000
_HEAD_MS = 4_000


class NotReadableError(Exception):
    """The file cannot be read now; the message tells a person why."""


class TooManyReadersError(Exception):
    """Every place for a reader is taken."""


class ReadingEndedError(Exception):
    """What was being read cannot be read further."""


@dataclass(slots=True)
class _Asked:
    """A piece that was asked for: its bytes, or nothing when reading ended."""

    arrived: asyncio.Future[bytes | None]
    failures: int = 0


class Reader:
    """One reader's way through a part of a file. Close it, and what it alone wanted is urgent no more."""

    def __init__(self, torrent: "_Torrent", number: int, file: ContentFile, start: int, end: int) -> None:
        self.number = number
        self.file = file
        self.position = start
        self._end = end
        self._torrent = torrent
        self._planned = -1

    @property
    def torrent_id(self) -> str:
        """The torrent it reads."""
        return self._torrent.record.torrent_id

    def window(self) -> dict[int, int]:
        """Return the pieces wanted now, each with the milliseconds until it is wanted."""
        piece_bytes = self._torrent.piece_bytes
        first = (self.file.offset_bytes + self.position) // piece_bytes
        last = (self.file.offset_bytes + self._end - 1) // piece_bytes
        ahead = max(2, min(MAX_AHEAD_PIECES, READ_AHEAD_BYTES // piece_bytes))
        pieces = {self.file.last_piece: _TAIL_MS, self.file.first_piece: _HEAD_MS}
        pieces |= {piece: (piece - first) * _STEP_MS for piece in range(first, min(first + ahead, last + 1))}
        return pieces

    async def read(self, is_gone: Callable[[], bool]) -> memoryview:
        """Return the next bytes, at most a piece, none at the end. Raises ReadingEndedError."""
        if self.position >= self._end:
            return memoryview(b"")
        piece, within = divmod(self.file.offset_bytes + self.position, self._torrent.piece_bytes)
        if piece != self._planned:
            self._planned = piece
            self._torrent.plan()
        content = memoryview(await self._torrent.piece(piece, is_gone))
        part = content[within : within + self._end - self.position]
        if not part:
            raise ReadingEndedError("a piece was shorter than it should be")
        self.position += len(part)
        return part

    def close(self) -> None:
        """Give back the place and the deadlines."""
        self._torrent.leave(self)


class Readings:
    """All readers of all torrents, and the few pieces they share."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._torrents: dict[str, _Torrent] = {}
        self._cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._cached_bytes = 0
        self._numbers = itertools.count(1)
        register.engine.on("read_piece_alert", self._on_piece)
        register.engine.on("torrent_paused_alert", self._on_halt)
        register.engine.on("torrent_removed_alert", self._on_halt)

    @property
    def readers(self) -> list[Reader]:
        """Everyone who reads now."""
        return [reader for torrent in self._torrents.values() for reader in torrent.readers]

    @property
    def cached_bytes(self) -> int:
        """How much the shared pieces take."""
        return self._cached_bytes

    def window(self, reader: Reader) -> list[int]:
        """Return the pieces that are urgent because of this reader."""
        return sorted(reader.window().keys() & self._torrents[reader.torrent_id].urgent)

    async def check(self, record: TorrentRecord, file: ContentFile) -> None:
        """Raise NotReadableError when reading the file would not get anywhere."""
        contents = record.contents
        if contents is None or record.handle is None:
            raise NotReadableError("The torrent's metadata is not here yet.")
        if contents.piece_bytes > MAX_PIECE_BYTES:
            raise NotReadableError("The torrent's pieces are too large to be read while it downloads.")
        if record.are_files_missing:
            raise NotReadableError("The torrent's files are missing.")
        if record.is_stopped and not record.is_complete:
            raise NotReadableError("The torrent is stopped and not complete: start it first.")
        priorities = await asyncio.to_thread(record.handle.get_file_priorities)
        if file.native_index < len(priorities) and not priorities[file.native_index]:
            raise NotReadableError("The file is not selected for download: give it a priority first.")

    async def open(self, record: TorrentRecord, file: ContentFile, start: int, end: int) -> Reader:
        """Return a reader of these bytes of a file that was checked. Raises TooManyReadersError."""
        assert record.contents is not None, "the file was checked"
        assert record.handle is not None, "the file was checked"
        torrent = self._torrents.get(record.torrent_id)
        if torrent is None or torrent.record is not record or torrent.ended:
            torrent = _Torrent(self, record, record.handle, record.contents.piece_bytes)
        held = sum(other.piece_bytes * len(other.readers) for other in self._torrents.values())
        count = len(self.readers)
        if count >= MAX_READERS or (count and held + torrent.piece_bytes > MAX_HELD_BYTES):
            raise TooManyReadersError
        self._torrents[record.torrent_id] = torrent
        reader = Reader(torrent, next(self._numbers), file, start, end)
        torrent.readers.append(reader)
        try:
            await torrent.hurry()
        except BaseException:
            reader.close()
            raise
        return reader

    def end_all(self) -> None:
        """End every reader: torrentd stops."""
        for torrent in list(self._torrents.values()):
            torrent.end("torrentd stops")

    def cached(self, torrent_id: str, piece: int) -> bytes | None:
        """Return a shared piece."""
        content = self._cache.get((torrent_id, piece))
        if content is not None:
            self._cache.move_to_end((torrent_id, piece))
        return content

    def keep(self, torrent_id: str, piece: int, content: bytes) -> None:
        """Share a piece, and forget the ones longest unused."""
        old = self._cache.pop((torrent_id, piece), b"")
        self._cache[torrent_id, piece] = content
        self._cached_bytes += len(content) - len(old)
        while self._cached_bytes > CACHE_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped)

    def forget(self, torrent: "_Torrent") -> None:
        """Drop a torrent that nobody reads any more, with its pieces."""
        torrent_id = torrent.record.torrent_id
        if self._torrents.get(torrent_id) is torrent:
            del self._torrents[torrent_id]
        for key in [key for key in self._cache if key[0] == torrent_id]:
            self._cached_bytes -= len(self._cache.pop(key))

    def _on_piece(self, alert: lt.read_piece_alert) -> None:
        for torrent in self._torrents.values():
            if torrent.handle == alert.handle:
                torrent.take(alert.piece, None if alert.error.value() else bytes(alert.buffer))

    def _on_halt(self, _alert: lt.torrent_alert) -> None:
        # A pause of the whole session (the VPN is away) ends nothing: readers wait for a while.
        for torrent in list(self._torrents.values()):
            record = torrent.record
            if self._register.find(record.torrent_id) is not record:
                torrent.end("the torrent was removed")
            elif record.is_stopped and not record.is_complete:
                torrent.end("the torrent was stopped")


@dataclass(slots=True, eq=False)
class _Torrent:
    """What the readers of one torrent want of it together. Work per step is bounded by their windows."""

    owner: Readings
    record: TorrentRecord
    handle: lt.torrent_handle
    piece_bytes: int
    readers: list[Reader] = field(default_factory=list)
    urgent: set[int] = field(default_factory=set)
    asked: dict[int, _Asked] = field(default_factory=dict)
    was_sequential: bool | None = None
    ended: str = ""

    async def hurry(self) -> None:
        """Begin to fetch in order, and let a new reader's place win over requests already under way."""
        if self.was_sequential is None and not (self.record.is_complete or self.ended):
            flag = lt.torrent_flags.sequential_download
            before = bool(await asyncio.to_thread(self.handle.flags) & flag)
            if self.was_sequential is None:
                self.was_sequential = before
                self.handle.set_flags(flag)
        if self.urgent:
            # libtorrent calls back its other requests only when the first urgent piece appears.
            self.handle.clear_piece_deadlines()
            self.urgent.clear()
        self.plan()
        for piece in self.asked:
            self._ask_libtorrent(piece)

    def plan(self) -> None:
        """Make exactly the pieces urgent that a reader wants soon."""
        if not self.handle.is_valid():
            return
        wanted: dict[int, int] = {}
        for reader in () if self.ended else self.readers:
            for piece, due_ms in reader.window().items():
                wanted[piece] = min(due_ms, wanted.get(piece, due_ms))
        for piece in self.urgent - wanted.keys():
            self.handle.reset_piece_deadline(piece)
            self._drop(piece)
        for piece in sorted(wanted.keys() - self.urgent, key=wanted.__getitem__):
            self.handle.set_piece_deadline(piece, wanted[piece])
        self.urgent = set(wanted)

    async def piece(self, index: int, is_gone: Callable[[], bool]) -> bytes:
        """Return a piece as soon as it is here. Raises ReadingEndedError, also when nothing comes for too long."""
        started = moved = time.monotonic()
        payload = self._payload()
        while not self.ended:
            if (content := self.owner.cached(self.record.torrent_id, index)) is not None:
                return content
            asked = self.asked.get(index)
            if asked is None:
                asked = self.asked[index] = _Asked(asyncio.get_running_loop().create_future())
                self._ask_libtorrent(index)
            # Waiting leaves the future alone when this reader is cancelled: another may wait for it too.
            await asyncio.wait((asked.arrived,), timeout=WATCH_S)
            if asked.arrived.done():
                if (arrived := asked.arrived.result()) is not None:
                    return arrived
                continue
            if is_gone():
                raise ReadingEndedError("the reader went away")
            now = time.monotonic()
            if self._payload() != payload:
                payload, moved = self._payload(), now
            if now - moved > STALLED_S or now - started > PIECE_S:
                raise ReadingEndedError("nothing came for too long")
        raise ReadingEndedError(self.ended)

    def take(self, piece: int, content: bytes | None) -> None:
        """Hand a piece to those who wait; one that could not be read is asked for again."""
        asked = self.asked.get(piece)
        if asked is None:
            return
        if content is not None:
            self.owner.keep(self.record.torrent_id, piece, content)
            del self.asked[piece]
            if not asked.arrived.done():
                asked.arrived.set_result(content)
            return
        # Called back together with deadlines that another reader gave up, or unreadable.
        asked.failures += 1
        if asked.failures > MAX_FAILED_READS:
            self.end("a piece could not be read")
        else:
            self._ask_libtorrent(piece)

    def leave(self, reader: Reader) -> None:
        """Let a reader go."""
        if reader not in self.readers:
            return
        self.readers.remove(reader)
        self.plan()
        if not self.readers:
            self._calm_down()
            self.owner.forget(self)

    def end(self, reason: str) -> None:
        """Tell every reader that it is over."""
        self.ended = reason
        self.plan()
        self._calm_down()
        for piece in list(self.asked):
            self._drop(piece)

    def _calm_down(self) -> None:
        if self.was_sequential is False and self.handle.is_valid():
            self.was_sequential = None
            self.handle.unset_flags(lt.torrent_flags.sequential_download)

    def _ask_libtorrent(self, piece: int) -> None:
        if self.handle.is_valid():
            # Read at once when it is here, otherwise fetched before everything else and read then.
            self.handle.set_piece_deadline(piece, 0, lt.torrent_handle.alert_when_available)

    def _drop(self, piece: int) -> None:
        asked = self.asked.pop(piece, None)
        if asked is not None and not asked.arrived.done():
            asked.arrived.set_result(None)

    def _payload(self) -> int:
        return self.record.status.total_payload_download if self.record.status is not None else 0

"""The torrent client as the engine sees it."""

from dataclasses import dataclass
from enum import StrEnum


class Progress(StrEnum):
    """Where a torrent stands in the client, whatever its version calls it."""

    METADATA = "metadata"
    CHECKING = "checking"
    QUEUED = "queued"
    DOWNLOADING = "downloading"
    STALLED = "stalled"
    STOPPED = "stopped"
    COMPLETE = "complete"
    MOVING = "moving"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Torrent:
    """One torrent in the client. Rates are bytes per second; progress is 0 to 1."""

    info_hash: str
    name: str
    progress: float
    state: Progress
    tags: frozenset[str]
    save_path: str
    content_path: str
    size_bytes: int
    completed_bytes: int
    download_bps: int
    upload_bps: int
    seeds: int


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """One file of a torrent; the path is relative to the save path and as hostile as the torrent."""

    index: int
    path: str
    size_bytes: int
    progress: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Global limits in bytes per second; 0 is unlimited."""

    download_bps: int
    upload_bps: int


@dataclass(frozen=True, slots=True)
class TransferRates:
    """What moves right now, bytes per second."""

    download_bps: int
    upload_bps: int

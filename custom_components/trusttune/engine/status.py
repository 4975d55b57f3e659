"""How the engine is doing, in one value that whoever shows it can compare and display."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .tickets.state import State


class ProblemKind(StrEnum):
    """What a person may have to look after."""

    CLIENT_UNREACHABLE = "client_unreachable"
    CLIENT_CREDENTIALS = "client_credentials"
    LIDARR = "lidarr"
    LIDARR_CREDENTIALS = "lidarr_credentials"
    JELLYFIN = "jellyfin"
    JELLYFIN_CREDENTIALS = "jellyfin_credentials"
    MUSIC_FOLDER = "music_folder"
    INDEXER = "indexer"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not work: what, which one of them, and a sentence that says what to do."""

    kind: ProblemKind
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine at one moment. Rates are bytes per second, times seconds since the epoch."""

    is_client_connected: bool = False
    client_version: str = ""
    tickets: Mapping[State, int] = field(default_factory=dict)
    missing_albums: int | None = None
    download_bps: int = 0
    upload_bps: int = 0
    catalogue_bytes: int = 0
    last_scan: float | None = None
    next_scan: float | None = None
    is_scanner_enabled: bool = False
    failing_indexers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

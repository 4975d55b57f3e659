"""What the engine is configured with; whoever embeds it fills these and gives them to Engine."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo


class BrainMode(StrEnum):
    """Who judges a release: the heuristics, the language model, or one before the other."""

    HEURISTICS_ONLY = "heuristics_only"
    HEURISTICS_FIRST = "heuristics_first"
    LLM_FIRST = "llm_first"
    LLM_ONLY = "llm_only"


@dataclass(frozen=True, slots=True)
class PathMapping:
    """A folder as another program sees it, and as we see it."""

    remote: str
    local: str


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The torrent client: anything that speaks the qBittorrent Web API."""

    url: str
    username: str
    password: str = field(repr=False)
    verify_ssl: bool = True
    download_folder: str = ""
    """Where the client saves, as the client sees it; empty for its own default."""
    path_mappings: tuple[PathMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class LidarrConfig:
    """A Lidarr server, by its address (with URL base, without /api) and key."""

    url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JellyfinConfig:
    """A Jellyfin server and one of its API keys."""

    url: str
    api_key: str = field(repr=False)
    verify_ssl: bool = True


@dataclass(frozen=True, slots=True)
class MusicBrainzConfig:
    """MusicBrainz or a mirror of it, by its address without /ws/2."""

    url: str = "https://musicbrainz.org"


class IndexerKind(StrEnum):
    """What an indexer speaks."""

    TORZNAB = "torznab"
    INTERNET_ARCHIVE = "internet_archive"


@dataclass(frozen=True, slots=True)
class IndexerConfig:
    """An indexer. A Torznab one's url is the whole feed address without parameters."""

    id: str
    name: str
    url: str
    kind: IndexerKind = IndexerKind.TORZNAB
    api_key: str = field(default="", repr=False)
    categories: tuple[int, ...] = (3000,)


@dataclass(frozen=True, slots=True)
class OllamaConfig:
    """A local language model behind Ollama."""

    url: str
    model: str
    timeout_s: float = 20.0
    keep_alive: str = "5m"


@dataclass(frozen=True, slots=True)
class BrainConfig:
    """How releases are judged; the threshold is the confidence from which nobody is asked."""

    mode: BrainMode = BrainMode.HEURISTICS_ONLY
    ollama: OllamaConfig | None = None
    auto_approve_threshold: float = 0.9
    always_ask: bool = False


@dataclass(frozen=True, slots=True)
class QualityProfile:
    """The formats a household accepts, best first, as release.py names them."""

    formats: tuple[str, ...] = ("flac", "alac", "mp3-320", "mp3-v0", "aac", "mp3-256", "opus", "ogg", "mp3-192")
    allow_unknown_format: bool = True
    allow_live: bool = False


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """The background scan: when (five-field cron), and how much it may start."""

    enabled: bool = True
    cron: str = "30 3 * * *"
    quiet_start: str = ""
    """HH:MM in the household's time zone; between quiet_start and quiet_end no scan runs."""
    quiet_end: str = ""
    max_new_tickets_per_day: int = 5
    storage_budget_bytes: int = 50 * 1024**3


@dataclass(frozen=True, slots=True)
class BandwidthRule:
    """Limits that hold from each firing of one cron expression to the next firing of another.

    Rates are bytes per second; 0 means unlimited.
    """

    id: str
    name: str
    start_cron: str
    end_cron: str
    download_bps: int
    upload_bps: int


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How much runs at once and how long things may take."""

    searches: int = 2
    downloads: int = 4
    placements: int = 1
    poll_interval_s: float = 2.0
    stall_timeout_s: float = 6 * 3600.0
    metadata_timeout_s: float = 600.0
    missing_timeout_s: float = 60.0
    """A torrent that the client no longer lists for so long was removed by a person."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything the engine needs to know."""

    database: Path
    music_folder: Path
    client: ClientConfig
    lidarr: LidarrConfig | None = None
    jellyfin: JellyfinConfig | None = None
    musicbrainz: MusicBrainzConfig | None = None
    indexers: tuple[IndexerConfig, ...] = ()
    brain: BrainConfig = BrainConfig()
    profile: QualityProfile = QualityProfile()
    scan: ScanConfig = ScanConfig()
    bandwidth_rules: tuple[BandwidthRule, ...] = ()
    workers: WorkerConfig = WorkerConfig()
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

"""What a config entry says, as the engine understands it; nothing else turns one into the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_API_KEY, CONF_NAME, CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import SERVER_SOFTWARE, async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.ssl import get_default_context

from .const import (
    CONF_ALWAYS_ASK,
    CONF_AUTO_APPROVE_THRESHOLD,
    CONF_BRAIN_MODE,
    CONF_CLIENT,
    CONF_DOWNLOAD_FOLDER,
    CONF_DOWNLOAD_LIMIT,
    CONF_END_CRON,
    CONF_JELLYFIN,
    CONF_KIND,
    CONF_LIDARR,
    CONF_LOCAL_FOLDER,
    CONF_MAX_NEW_TICKETS,
    CONF_MUSIC_FOLDER,
    CONF_MUSICBRAINZ,
    CONF_OLLAMA_MODEL,
    CONF_OLLAMA_URL,
    CONF_QUIET_END,
    CONF_QUIET_START,
    CONF_REMOTE_FOLDER,
    CONF_SCAN_CRON,
    CONF_START_CRON,
    CONF_STORAGE_BUDGET,
    CONF_UPLOAD_LIMIT,
    DOMAIN,
    SUBENTRY_BANDWIDTH_RULE,
    SUBENTRY_INDEXER,
)
from .engine import Ports
from .engine.config import (
    BandwidthRule,
    BrainConfig,
    BrainMode,
    ClientConfig,
    EngineConfig,
    IndexerConfig,
    IndexerKind,
    JellyfinConfig,
    LidarrConfig,
    MusicBrainzConfig,
    OllamaConfig,
    PathMapping,
    ScanConfig,
)

BYTES_PER_MEGABYTE = 1_000_000
BYTES_PER_GIGABYTE = 1_000_000_000


async def engine_config(hass: HomeAssistant, entry: ConfigEntry) -> EngineConfig:
    """Give what the engine is to be configured with."""
    data, options = entry.data, entry.options
    return EngineConfig(
        database=database_path(hass, entry),
        music_folder=Path(data[CONF_MUSIC_FOLDER]),
        client=client_config(data[CONF_CLIENT]),
        lidarr=lidarr_config(data[CONF_LIDARR]) if CONF_LIDARR in data else None,
        jellyfin=jellyfin_config(data[CONF_JELLYFIN]) if CONF_JELLYFIN in data else None,
        musicbrainz=MusicBrainzConfig(data[CONF_MUSICBRAINZ][CONF_URL]) if CONF_MUSICBRAINZ in data else None,
        indexers=tuple(
            indexer_config(subentry_id, subentry.data)
            for subentry_id, subentry in entry.subentries.items()
            if subentry.subentry_type == SUBENTRY_INDEXER
        ),
        brain=_brain_config(options),
        scan=_scan_config(options),
        bandwidth_rules=tuple(
            _bandwidth_rule(subentry_id, subentry.data)
            for subentry_id, subentry in entry.subentries.items()
            if subentry.subentry_type == SUBENTRY_BANDWIDTH_RULE
        ),
        time_zone=await time_zone(hass),
    )


def database_path(hass: HomeAssistant, entry: ConfigEntry) -> Path:
    """Give where the engine of an entry keeps its database."""
    return Path(hass.config.path(".storage", DOMAIN, f"{entry.entry_id}.sqlite"))


async def time_zone(hass: HomeAssistant) -> ZoneInfo:
    """Give the household's time zone."""
    found = await dt_util.async_get_time_zone(hass.config.time_zone)
    return found if isinstance(found, ZoneInfo) else ZoneInfo("UTC")


def ports(hass: HomeAssistant) -> Ports:
    """Give the engine Home Assistant's ways to the outside world."""
    return Ports(
        session=async_get_clientsession(hass),
        # Not Home Assistant's: that one lives until Home Assistant stops, the engine's until the entry is unloaded.
        http_client=lambda timeout_s: httpx.AsyncClient(
            timeout=timeout_s, verify=get_default_context(), headers={"User-Agent": SERVER_SOFTWARE}
        ),
        ssl_context=get_default_context(),
    )


def client_config(data: Mapping[str, Any]) -> ClientConfig:
    """Read the download client's part of an entry."""
    remote, local = data.get(CONF_REMOTE_FOLDER, ""), data.get(CONF_LOCAL_FOLDER, "")
    return ClientConfig(
        url=data[CONF_URL],
        username=data[CONF_USERNAME],
        password=data[CONF_PASSWORD],
        verify_ssl=data[CONF_VERIFY_SSL],
        download_folder=data.get(CONF_DOWNLOAD_FOLDER, ""),
        path_mappings=(PathMapping(remote, local),) if remote and local else (),
    )


def lidarr_config(data: Mapping[str, Any]) -> LidarrConfig:
    """Read Lidarr's part of an entry."""
    return LidarrConfig(url=data[CONF_URL], api_key=data[CONF_API_KEY])


def jellyfin_config(data: Mapping[str, Any]) -> JellyfinConfig:
    """Read Jellyfin's part of an entry."""
    return JellyfinConfig(url=data[CONF_URL], api_key=data[CONF_API_KEY], verify_ssl=data[CONF_VERIFY_SSL])


def indexer_config(indexer_id: str, data: Mapping[str, Any]) -> IndexerConfig:
    """Read an indexer's subentry."""
    return IndexerConfig(
        id=indexer_id,
        name=data[CONF_NAME],
        url=data[CONF_URL],
        kind=IndexerKind(data[CONF_KIND]),
        api_key=data.get(CONF_API_KEY, ""),
    )


def ollama_config(data: Mapping[str, Any]) -> OllamaConfig | None:
    """Read the options about Ollama; None where there are none."""
    url, model = data.get(CONF_OLLAMA_URL), data.get(CONF_OLLAMA_MODEL)
    return OllamaConfig(url=url, model=model) if url and model else None


def _brain_config(options: Mapping[str, Any]) -> BrainConfig:
    default = BrainConfig()
    return BrainConfig(
        mode=BrainMode(options.get(CONF_BRAIN_MODE, default.mode)),
        ollama=ollama_config(options),
        auto_approve_threshold=options.get(CONF_AUTO_APPROVE_THRESHOLD, default.auto_approve_threshold),
        always_ask=options.get(CONF_ALWAYS_ASK, default.always_ask),
    )


def _scan_config(options: Mapping[str, Any]) -> ScanConfig:
    default = ScanConfig()
    return ScanConfig(
        cron=options.get(CONF_SCAN_CRON, default.cron),
        # The form gives HH:MM:SS.
        quiet_start=options.get(CONF_QUIET_START, "")[:5],
        quiet_end=options.get(CONF_QUIET_END, "")[:5],
        max_new_tickets_per_day=int(options.get(CONF_MAX_NEW_TICKETS, default.max_new_tickets_per_day)),
        storage_budget_bytes=(
            int(options[CONF_STORAGE_BUDGET] * BYTES_PER_GIGABYTE)
            if CONF_STORAGE_BUDGET in options
            else default.storage_budget_bytes
        ),
    )


def _bandwidth_rule(rule_id: str, data: Mapping[str, Any]) -> BandwidthRule:
    return BandwidthRule(
        id=rule_id,
        name=data[CONF_NAME],
        start_cron=data[CONF_START_CRON],
        end_cron=data[CONF_END_CRON],
        download_bps=int(data[CONF_DOWNLOAD_LIMIT] * BYTES_PER_MEGABYTE),
        upload_bps=int(data[CONF_UPLOAD_LIMIT] * BYTES_PER_MEGABYTE),
    )

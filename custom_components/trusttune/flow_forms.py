"""The forms of the configuration dialogs, and what trying their connections finds."""

import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol
from homeassistant import data_entry_flow
from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.const import CONF_API_KEY, CONF_NAME, CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
    TimeSelector,
)
from yarl import URL

from .const import (
    CONF_ALWAYS_ASK,
    CONF_AUTO_APPROVE_THRESHOLD,
    CONF_BRAIN_MODE,
    CONF_CLIENT,
    CONF_DOWNLOAD_FOLDER,
    CONF_DOWNLOAD_LIMIT,
    CONF_END_CRON,
    CONF_FOLDERS,
    CONF_INTERNET_ARCHIVE,
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
)
from .engine.config import BrainConfig, BrainMode, IndexerKind, MusicBrainzConfig, ScanConfig
from .engine.errors import CredentialsError, EngineError
from .engine.schedule import CronTrigger, ScheduleError
from .errors import error_key

_LOGGER = logging.getLogger(__name__)
# Whether an expression can be read does not depend on it.
_ANY_TIME_ZONE = ZoneInfo("UTC")

LIDARR_URL, LIDARR_API_KEY = "lidarr_url", "lidarr_api_key"
JELLYFIN_URL, JELLYFIN_API_KEY, JELLYFIN_VERIFY_SSL = "jellyfin_url", "jellyfin_api_key", "jellyfin_verify_ssl"
MUSICBRAINZ_URL = "musicbrainz_url"

URL_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
SECRET_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
PASSWORD_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
TEXT_FIELD = TextSelector()
RATE_FIELD = NumberSelector(
    NumberSelectorConfig(min=0, max=10_000, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="MB/s")
)

CLIENT_FORM = vol.Schema(
    {
        vol.Required(CONF_URL): URL_FIELD,
        vol.Required(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="username")),
        vol.Required(CONF_PASSWORD): PASSWORD_FIELD,
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
        vol.Required(CONF_FOLDERS): data_entry_flow.section(
            vol.Schema(
                {
                    vol.Optional(CONF_DOWNLOAD_FOLDER): TEXT_FIELD,
                    vol.Optional(CONF_REMOTE_FOLDER): TEXT_FIELD,
                    vol.Optional(CONF_LOCAL_FOLDER): TEXT_FIELD,
                }
            ),
            {"collapsed": True},
        ),
    }
)
SERVICES_FORM = vol.Schema(
    {
        vol.Optional(LIDARR_URL): URL_FIELD,
        vol.Optional(LIDARR_API_KEY): SECRET_FIELD,
        vol.Optional(JELLYFIN_URL): URL_FIELD,
        vol.Optional(JELLYFIN_API_KEY): SECRET_FIELD,
        vol.Required(JELLYFIN_VERIFY_SSL, default=True): BooleanSelector(),
        # No default: it would come back whenever the field is emptied. NEW_SERVICES is what it shows at first.
        vol.Optional(MUSICBRAINZ_URL): URL_FIELD,
    }
)
NEW_SERVICES = {CONF_MUSICBRAINZ: {CONF_URL: MusicBrainzConfig().url}}
LIBRARY_FORM = vol.Schema({vol.Required(CONF_MUSIC_FOLDER, default="/media/music"): TEXT_FIELD})
NEW_LIBRARY_FORM = LIBRARY_FORM.extend({vol.Required(CONF_INTERNET_ARCHIVE, default=True): BooleanSelector()})
INTERNET_ARCHIVE = {
    CONF_KIND: IndexerKind.INTERNET_ARCHIVE.value,
    CONF_NAME: "Internet Archive",
    CONF_URL: "https://archive.org",
}
OPTIONS_FORM = vol.Schema(
    {
        vol.Required(CONF_BRAIN_MODE, default=BrainConfig().mode.value): SelectSelector(
            SelectSelectorConfig(
                options=[mode.value for mode in BrainMode],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key=CONF_BRAIN_MODE,
            )
        ),
        vol.Required(CONF_AUTO_APPROVE_THRESHOLD, default=BrainConfig().auto_approve_threshold): NumberSelector(
            NumberSelectorConfig(min=0.5, max=1, step=0.01, mode=NumberSelectorMode.SLIDER)
        ),
        vol.Required(CONF_ALWAYS_ASK, default=BrainConfig().always_ask): BooleanSelector(),
        vol.Optional(CONF_OLLAMA_URL): URL_FIELD,
        vol.Optional(CONF_OLLAMA_MODEL): TEXT_FIELD,
        vol.Required(CONF_SCAN_CRON, default=ScanConfig().cron): TEXT_FIELD,
        vol.Optional(CONF_QUIET_START): TimeSelector(),
        vol.Optional(CONF_QUIET_END): TimeSelector(),
        vol.Required(CONF_MAX_NEW_TICKETS, default=ScanConfig().max_new_tickets_per_day): NumberSelector(
            NumberSelectorConfig(min=0, max=1000, step=1, mode=NumberSelectorMode.BOX)
        ),
        vol.Required(CONF_STORAGE_BUDGET, default=50): NumberSelector(
            NumberSelectorConfig(min=0, max=100_000, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="GB")
        ),
    }
)
INDEXER_FORM = vol.Schema(
    {
        vol.Required(CONF_KIND, default=IndexerKind.TORZNAB.value): SelectSelector(
            SelectSelectorConfig(
                options=[kind.value for kind in IndexerKind],
                mode=SelectSelectorMode.LIST,
                translation_key="indexer_kind",
            )
        ),
        vol.Required(CONF_NAME): TEXT_FIELD,
        vol.Required(CONF_URL): URL_FIELD,
        vol.Optional(CONF_API_KEY): SECRET_FIELD,
    }
)
BANDWIDTH_RULE_FORM = vol.Schema(
    {
        vol.Required(CONF_NAME): TEXT_FIELD,
        vol.Required(CONF_START_CRON, default="0 8 * * *"): TEXT_FIELD,
        vol.Required(CONF_END_CRON, default="0 23 * * *"): TEXT_FIELD,
        vol.Required(CONF_DOWNLOAD_LIMIT, default=1): RATE_FIELD,
        vol.Required(CONF_UPLOAD_LIMIT, default=0.5): RATE_FIELD,
    }
)


class Findings:
    """What is wrong with a form: an error for each field, and the words of the other side."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self._messages: list[str] = []

    @property
    def placeholders(self) -> dict[str, str]:
        """What the errors' texts may show."""
        return {"error": " ".join(self._messages)}

    def add(self, form_field: str, error: str, message: str = "") -> None:
        """Note an error."""
        self.errors[form_field] = error
        self._messages.append(message)

    def address(self, form_field: str, text: str) -> str:
        """Give an address as it is kept: http or https, with a host, without a password, query or last slash."""
        try:
            url = URL(text.strip())
            is_address = url.scheme in {"http", "https"} and url.host and url.port
        except ValueError:
            is_address = False
        if not is_address or url.user or url.password or url.query_string or url.fragment:
            self.add(form_field, "invalid_url")
            return text
        return str(url).rstrip("/")

    def cron(self, form_field: str, text: str) -> str:
        """Give a cron expression with single spaces."""
        try:
            CronTrigger(text, _ANY_TIME_ZONE)
        except ScheduleError as error:
            self.add(form_field, "invalid_cron", str(error))
        return " ".join(text.split())

    async def connection(self, check: Awaitable[object], address_field: str, secret_field: str) -> None:
        """Try a connection."""
        try:
            await check
        except CredentialsError as error:
            self.add(secret_field, "invalid_auth", str(error))
        except EngineError as error:
            self.add(address_field, error_key(error), str(error))
        except Exception:
            _LOGGER.exception("Unexpected error while a connection was tried")
            self.add("base", "unknown")


def client_from_form(form: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Give the client's part of an entry."""
    folders = {name: path.strip() for name, path in form[CONF_FOLDERS].items() if path.strip()}
    if (CONF_REMOTE_FOLDER in folders) != (CONF_LOCAL_FOLDER in folders):
        findings.add("base", "mapping_incomplete")
    return {
        CONF_URL: findings.address(CONF_URL, form[CONF_URL]),
        CONF_USERNAME: form[CONF_USERNAME],
        CONF_PASSWORD: form[CONF_PASSWORD],
        CONF_VERIFY_SSL: form[CONF_VERIFY_SSL],
        **folders,
    }


def client_to_form(client: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the client's form shows of an entry."""
    folders = (CONF_DOWNLOAD_FOLDER, CONF_REMOTE_FOLDER, CONF_LOCAL_FOLDER)
    form = {name: value for name, value in client.items() if name not in folders}
    return form | {CONF_FOLDERS: {name: client[name] for name in folders if name in client}}


def services_from_form(form: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Give Lidarr's, Jellyfin's and MusicBrainz' parts of an entry, of those that were filled in."""
    services: dict[str, Any] = {}
    for name, url_field, key_field in (
        (CONF_LIDARR, LIDARR_URL, LIDARR_API_KEY),
        (CONF_JELLYFIN, JELLYFIN_URL, JELLYFIN_API_KEY),
    ):
        url, key = form.get(url_field, "").strip(), form.get(key_field, "").strip()
        if not url:
            continue
        if not key:
            findings.add(key_field, "key_needed")
        services[name] = {CONF_URL: findings.address(url_field, url), CONF_API_KEY: key}
    if CONF_JELLYFIN in services:
        services[CONF_JELLYFIN][CONF_VERIFY_SSL] = form[JELLYFIN_VERIFY_SSL]
    if url := form.get(MUSICBRAINZ_URL, "").strip():
        services[CONF_MUSICBRAINZ] = {CONF_URL: findings.address(MUSICBRAINZ_URL, url)}
    return services


def services_to_form(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the services' form shows of an entry."""
    form: dict[str, Any] = {}
    if lidarr := data.get(CONF_LIDARR):
        form |= {LIDARR_URL: lidarr[CONF_URL], LIDARR_API_KEY: lidarr[CONF_API_KEY]}
    if jellyfin := data.get(CONF_JELLYFIN):
        form |= {
            JELLYFIN_URL: jellyfin[CONF_URL],
            JELLYFIN_API_KEY: jellyfin[CONF_API_KEY],
            JELLYFIN_VERIFY_SSL: jellyfin[CONF_VERIFY_SSL],
        }
    if musicbrainz := data.get(CONF_MUSICBRAINZ):
        form[MUSICBRAINZ_URL] = musicbrainz[CONF_URL]
    return form


def known_connections(hass: HomeAssistant) -> dict[str, Any]:
    """Give what this Home Assistant knows already of a torrent client, Lidarr and Jellyfin, as an entry keeps it."""
    known: dict[str, Any] = {}
    for domain, name, fields in (
        ("qbittorrent", CONF_CLIENT, (CONF_URL, CONF_USERNAME, CONF_PASSWORD, CONF_VERIFY_SSL)),
        ("lidarr", CONF_LIDARR, (CONF_URL, CONF_API_KEY)),
        # Its entry keeps a person's password; we need one of the server's keys.
        ("jellyfin", CONF_JELLYFIN, (CONF_URL,)),
    ):
        entries = hass.config_entries.async_entries(domain, include_ignore=False)
        if entry := next((entry for entry in entries if entry.source != SOURCE_IGNORE), None):
            known[name] = {each: entry.data[each] for each in fields if each in entry.data}
    if CONF_LIDARR in known:
        known[CONF_LIDARR].setdefault(CONF_API_KEY, "")
    if CONF_JELLYFIN in known:
        known[CONF_JELLYFIN] |= {CONF_API_KEY: "", CONF_VERIFY_SSL: True}
    return known


def is_folder(path: str) -> bool:
    """Whether there is a folder; touches the disk."""
    return Path(path).is_dir()

"""The dialog that sets TrustTune up: the download client, what is asked about music, then the music folder."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_API_KEY, CONF_NAME, CONF_PASSWORD, CONF_URL
from homeassistant.core import callback
from yarl import URL

from .configuration import client_config, jellyfin_config, lidarr_config, ports
from .const import (
    CONF_CLIENT,
    CONF_INTERNET_ARCHIVE,
    CONF_JELLYFIN,
    CONF_LIDARR,
    CONF_LOCAL_FOLDER,
    CONF_MUSIC_FOLDER,
    DOMAIN,
    NAME,
    SUBENTRY_BANDWIDTH_RULE,
    SUBENTRY_INDEXER,
)
from .engine.connections import check_client, check_jellyfin, check_lidarr, check_music_folder
from .flow_forms import (
    CLIENT_FORM,
    INTERNET_ARCHIVE,
    JELLYFIN_API_KEY,
    JELLYFIN_URL,
    LIBRARY_FORM,
    LIDARR_API_KEY,
    LIDARR_URL,
    NEW_LIBRARY_FORM,
    NEW_SERVICES,
    PASSWORD_FIELD,
    SECRET_FIELD,
    SERVICES_FORM,
    Findings,
    client_from_form,
    client_to_form,
    is_folder,
    known_connections,
    services_from_form,
    services_to_form,
)
from .options_flow import TrustTuneOptionsFlow
from .subentry_flows import BandwidthRuleFlow, IndexerFlow

# The secrets that can go stale, and the part of the entry that keeps each.
_SECRETS = {
    CONF_CLIENT: (CONF_PASSWORD, CONF_PASSWORD, PASSWORD_FIELD),
    CONF_LIDARR: (LIDARR_API_KEY, CONF_API_KEY, SECRET_FIELD),
    CONF_JELLYFIN: (JELLYFIN_API_KEY, CONF_API_KEY, SECRET_FIELD),
}


class TrustTuneConfigFlow(ConfigFlow, domain=DOMAIN):
    """Collects the parts of an entry, each tried before the next is asked for."""

    VERSION = 1

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._shown: Mapping[str, Any] = {}
        self._stale: list[str] = []

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> TrustTuneOptionsFlow:
        """Give the dialog of the options."""
        return TrustTuneOptionsFlow()

    @classmethod
    @callback
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Give what there can be several of."""
        return {SUBENTRY_INDEXER: IndexerFlow, SUBENTRY_BANDWIDTH_RULE: BandwidthRuleFlow}

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the download client."""
        if user_input is None and self.source != SOURCE_RECONFIGURE:
            self._shown = NEW_SERVICES | known_connections(self.hass)
        findings = Findings()
        if user_input is not None:
            client = client_from_form(user_input, findings)
            if not findings.errors:
                await self.async_set_unique_id(_unique_id(client[CONF_URL]))
                if self.source != SOURCE_RECONFIGURE or self.unique_id != self._get_reconfigure_entry().unique_id:
                    self._abort_if_unique_id_configured()
                local = client.get(CONF_LOCAL_FOLDER)
                if local and not await self.hass.async_add_executor_job(is_folder, local):
                    findings.add("base", "local_folder_missing")
                await findings.connection(self._check(CONF_CLIENT, client), CONF_URL, CONF_PASSWORD)
            if not findings.errors:
                self._parts[CONF_CLIENT] = client
                return await self.async_step_services()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                CLIENT_FORM, user_input or client_to_form(self._shown.get(CONF_CLIENT, {}))
            ),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

    async def async_step_services(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for Lidarr, Jellyfin and MusicBrainz; each may be left out."""
        findings = Findings()
        if user_input is not None:
            services = services_from_form(user_input, findings)
            if not findings.errors:
                # MusicBrainz is not tried: it is asked rarely, may be busy just now, and can be done without.
                for name, url_field, key_field in (
                    (CONF_LIDARR, LIDARR_URL, LIDARR_API_KEY),
                    (CONF_JELLYFIN, JELLYFIN_URL, JELLYFIN_API_KEY),
                ):
                    if name in services:
                        await findings.connection(self._check(name, services[name]), url_field, key_field)
            if not findings.errors:
                self._parts |= services
                return await self.async_step_library()
        return self.async_show_form(
            step_id="services",
            data_schema=self.add_suggested_values_to_schema(SERVICES_FORM, user_input or services_to_form(self._shown)),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

    async def async_step_library(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the music folder and finish."""
        findings = Findings()
        if user_input is not None:
            folder = user_input[CONF_MUSIC_FOLDER].strip()
            await findings.connection(check_music_folder(Path(folder)), CONF_MUSIC_FOLDER, CONF_MUSIC_FOLDER)
            if not findings.errors:
                self._parts[CONF_MUSIC_FOLDER] = folder
                if self.source == SOURCE_RECONFIGURE:
                    return self._update(self._get_reconfigure_entry(), self._parts, self.unique_id)
                subentries = [_internet_archive()] if user_input[CONF_INTERNET_ARCHIVE] else None
                return self.async_create_entry(title=NAME, data=self._parts, subentries=subentries)
        return self.async_show_form(
            step_id="library",
            data_schema=self.add_suggested_values_to_schema(
                # Later it is one indexer among the others, and changed there.
                LIBRARY_FORM if self.source == SOURCE_RECONFIGURE else NEW_LIBRARY_FORM,
                user_input or self._shown,
            ),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for everything again, beginning with what there is."""
        self._shown = self._get_reconfigure_entry().data
        return await self.async_step_user()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """See which password or key is refused."""
        findings = Findings()
        configured = [name for name in _SECRETS if name in entry_data]
        for name in configured:
            await findings.connection(self._check(name, entry_data[name]), f"{name} address", name)
        self._stale = [name for name in configured if findings.errors.get(name) == "invalid_auth"] or configured
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new one."""
        entry = self._get_reauth_entry()
        findings = Findings()
        if user_input is not None:
            renewed = dict(entry.data)
            for name in self._stale:
                form_field, key, _ = _SECRETS[name]
                renewed[name] = {**entry.data[name], key: user_input[form_field].strip()}
                await findings.connection(self._check(name, renewed[name]), "base", form_field)
            if not findings.errors:
                return self._update(entry, renewed)
        fields = {vol.Required(_SECRETS[name][0]): _SECRETS[name][2] for name in self._stale}
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=vol.Schema(fields),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

    def _check(self, name: str, part: Mapping[str, Any]) -> Awaitable[str]:
        match name:
            case "lidarr":
                return check_lidarr(lidarr_config(part), ports(self.hass))
            case "jellyfin":
                return check_jellyfin(jellyfin_config(part))
            case _:
                return check_client(client_config(part))

    def _update(self, entry: ConfigEntry, data: Mapping[str, Any], unique_id: str | None = None) -> ConfigFlowResult:
        is_changed = entry.data != data
        result = self.async_update_and_abort(entry, unique_id=unique_id or entry.unique_id, data=data)
        # A loaded entry reloads by its listener when it changed.
        if not (is_changed and entry.update_listeners):
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result


def _internet_archive() -> ConfigSubentryData:
    return ConfigSubentryData(
        data=INTERNET_ARCHIVE,
        subentry_type=SUBENTRY_INDEXER,
        title=INTERNET_ARCHIVE[CONF_NAME],
        unique_id=INTERNET_ARCHIVE[CONF_URL],
    )


def _unique_id(url: str) -> str:
    """Give what makes two addresses the same client."""
    parsed = URL(url)
    return f"{parsed.host}:{parsed.port}{parsed.path.rstrip('/')}"

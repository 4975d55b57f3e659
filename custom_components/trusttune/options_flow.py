"""The dialog of the options: how releases are judged, and what the scan may do."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow

from .configuration import ollama_config, ports
from .const import (
    CONF_BRAIN_MODE,
    CONF_OLLAMA_MODEL,
    CONF_OLLAMA_URL,
    CONF_QUIET_END,
    CONF_QUIET_START,
    CONF_SCAN_CRON,
)
from .engine.config import BrainMode
from .engine.connections import check_ollama
from .flow_forms import OPTIONS_FORM, Findings


class TrustTuneOptionsFlow(OptionsFlow):
    """Asks for the options; a model is tried before it is kept."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all of them."""
        findings = Findings()
        if user_input is not None:
            options = await self._read(user_input, findings)
            if not findings.errors:
                return self.async_create_entry(data=options)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(OPTIONS_FORM, user_input or self.config_entry.options),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

    async def _read(self, form: dict[str, Any], findings: Findings) -> dict[str, Any]:
        options = {name: value for name, value in form.items() if value != ""}
        options[CONF_SCAN_CRON] = findings.cron(CONF_SCAN_CRON, form[CONF_SCAN_CRON])
        if (CONF_QUIET_START in options) != (CONF_QUIET_END in options):
            findings.add(CONF_QUIET_END if CONF_QUIET_START in options else CONF_QUIET_START, "quiet_hours_incomplete")
        if url := options.get(CONF_OLLAMA_URL):
            options[CONF_OLLAMA_URL] = findings.address(CONF_OLLAMA_URL, url)
        ollama = ollama_config(options)
        if ollama is None and (
            CONF_OLLAMA_URL in options
            or CONF_OLLAMA_MODEL in options
            or options[CONF_BRAIN_MODE] != BrainMode.HEURISTICS_ONLY
        ):
            missing = CONF_OLLAMA_MODEL if CONF_OLLAMA_URL in options else CONF_OLLAMA_URL
            findings.add(missing, "ollama_incomplete")
        if ollama is not None and not findings.errors:
            await findings.connection(check_ollama(ollama, ports(self.hass)), CONF_OLLAMA_URL, CONF_OLLAMA_URL)
        return options

"""The dialogs of what there can be several of: indexers and bandwidth rules."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_API_KEY, CONF_NAME, CONF_URL

from .configuration import indexer_config, ports
from .const import CONF_END_CRON, CONF_KIND, CONF_START_CRON
from .engine.connections import check_indexer
from .flow_forms import BANDWIDTH_RULE_FORM, INDEXER_FORM, Findings


class IndexerFlow(ConfigSubentryFlow):
    """Adds or changes an indexer; it is asked what it can do before it is kept."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add one."""
        return await self._ask("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change one."""
        return await self._ask("reconfigure", user_input)

    async def _ask(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        subentry = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        findings = Findings()
        if user_input is not None:
            name = user_input[CONF_NAME].strip()
            if not name:
                findings.add(CONF_NAME, "name_needed")
            url = findings.address(CONF_URL, user_input[CONF_URL])
            data = {
                CONF_KIND: user_input[CONF_KIND],
                CONF_NAME: name,
                CONF_URL: url,
                CONF_API_KEY: user_input.get(CONF_API_KEY, "").strip(),
            }
            if not findings.errors:
                others = [each for each in self._get_entry().subentries.values() if each is not subentry]
                if any(each.unique_id == url for each in others):
                    return self.async_abort(reason="already_configured")
                await findings.connection(
                    check_indexer(indexer_config("new", data), ports(self.hass)), CONF_URL, CONF_API_KEY
                )
            if not findings.errors and subentry is not None:
                return self.async_update_and_abort(self._get_entry(), subentry, title=name, unique_id=url, data=data)
            if not findings.errors:
                return self.async_create_entry(title=name, data=data, unique_id=url)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                INDEXER_FORM, user_input or (subentry.data if subentry else None)
            ),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )


class BandwidthRuleFlow(ConfigSubentryFlow):
    """Adds or changes a bandwidth rule."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add one."""
        return await self._ask("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change one."""
        return await self._ask("reconfigure", user_input)

    async def _ask(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        subentry = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        findings = Findings()
        if user_input is not None:
            name = user_input[CONF_NAME].strip()
            if not name:
                findings.add(CONF_NAME, "name_needed")
            data = user_input | {
                CONF_NAME: name,
                CONF_START_CRON: findings.cron(CONF_START_CRON, user_input[CONF_START_CRON]),
                CONF_END_CRON: findings.cron(CONF_END_CRON, user_input[CONF_END_CRON]),
            }
            if not findings.errors and subentry is not None:
                return self.async_update_and_abort(self._get_entry(), subentry, title=name, data=data)
            if not findings.errors:
                return self.async_create_entry(title=name, data=data)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                BANDWIDTH_RULE_FORM, user_input or (subentry.data if subentry else None)
            ),
            errors=findings.errors,
            description_placeholders=findings.placeholders,
        )

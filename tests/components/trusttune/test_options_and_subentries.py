"""The options, the indexers and the bandwidth rules."""

from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.trusttune.configuration import engine_config
from custom_components.trusttune.engine.config import BrainMode
from tests.world.faults import Fault
from tests.world.world import World

OPTIONS = {
    "brain_mode": "heuristics_only",
    "auto_approve_threshold": 0.95,
    "always_ask": True,
    "scan_cron": "15  4 * * 1-5",
    "max_new_tickets": 7,
    "storage_budget": 2.5,
}


async def test_options_reach_the_engine(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    before = entry.runtime_data.engine
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "init")
    form = OPTIONS | {"quiet_start": "22:30:00", "quiet_end": "06:00:00"}
    result = await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.engine is not before
    config = await engine_config(hass, entry)
    assert config.brain.mode is BrainMode.HEURISTICS_ONLY
    assert (config.brain.auto_approve_threshold, config.brain.always_ask) == (0.95, True)
    assert (config.scan.cron, config.scan.quiet_start, config.scan.quiet_end) == ("15 4 * * 1-5", "22:30", "06:00")
    assert (config.scan.max_new_tickets_per_day, config.scan.storage_budget_bytes) == (7, 2_500_000_000)


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"scan_cron": "every night"}, {"scan_cron": "invalid_cron"}),
        ({"scan_cron": "61 3 * * *"}, {"scan_cron": "invalid_cron"}),
        ({"scan_cron": "0 3 31 2 *"}, {"scan_cron": "invalid_cron"}),
        ({"quiet_start": "22:00:00"}, {"quiet_end": "quiet_hours_incomplete"}),
        ({"quiet_end": "06:00:00"}, {"quiet_start": "quiet_hours_incomplete"}),
        ({"brain_mode": "llm_first"}, {"ollama_url": "ollama_incomplete"}),
        ({"ollama_url": "http://127.0.0.1:9"}, {"ollama_model": "ollama_incomplete"}),
        ({"ollama_url": "http://127.0.0.1:9", "ollama_model": "any"}, {"ollama_url": "engine_failed"}),
        ({"ollama_url": "somewhere", "ollama_model": "any"}, {"ollama_url": "invalid_url"}),
    ],
)
async def test_wrong_options_are_named_at_their_fields_and_can_be_put_right(
    hass: HomeAssistant, entry: MockConfigEntry, wrong: dict[str, Any], errors: dict[str, str]
) -> None:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], OPTIONS | wrong)
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, errors)
    result = await hass.config_entries.options.async_configure(result["flow_id"], OPTIONS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_a_model_that_ollama_has_is_kept_and_another_is_not(
    hass: HomeAssistant, entry: MockConfigEntry, quiet_world: World
) -> None:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    form = OPTIONS | {"brain_mode": "heuristics_first", "ollama_url": quiet_world.ollama.url}
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], form | {"ollama_model": "unheard-of:1b"}
    )
    assert list(result["errors"]) == ["ollama_url"]
    model = quiet_world.ollama.model
    result = await hass.config_entries.options.async_configure(result["flow_id"], form | {"ollama_model": model})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    config = await engine_config(hass, entry)
    assert config.brain.ollama is not None
    assert (config.brain.ollama.url, config.brain.ollama.model) == (quiet_world.ollama.url, model)


async def test_an_indexer_is_asked_before_it_is_kept(
    hass: HomeAssistant, entry: MockConfigEntry, quiet_world: World
) -> None:
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await hass.async_block_till_done()
    assert (await engine_config(hass, entry)).indexers == ()
    right = {"name": "World", "url": quiet_world.torznab.url, "api_key": quiet_world.torznab.api_key}
    result = await hass.config_entries.subentries.async_init((entry.entry_id, "indexer"), context={"source": "user"})
    for wrong, errors in (
        ({"name": " "}, {"name": "name_needed"}),
        ({"url": "nowhere"}, {"url": "invalid_url"}),
        ({"url": f"{quiet_world.torznab.url}?apikey=x"}, {"url": "invalid_url"}),
        ({"url": "http://127.0.0.1:9/api"}, {"url": "cannot_connect"}),
        ({"api_key": "wrong"}, {"api_key": "invalid_auth"}),
    ):
        result = await hass.config_entries.subentries.async_configure(result["flow_id"], right | wrong)
        assert result["errors"] == errors
    for fault in (Fault.LOGIN_PAGE, Fault.ERROR_IN_200, Fault.GARBAGE, Fault.ERROR_500, Fault.RESET):
        quiet_world.faults.set("torznab", fault)
        result = await hass.config_entries.subentries.async_configure(result["flow_id"], right)
        assert list(result["errors"]) == ["url"], fault
        quiet_world.faults.clear()
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], right)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (indexer,) = (await engine_config(hass, entry)).indexers
    assert {"name": indexer.name, "url": indexer.url, "api_key": indexer.api_key} == right
    assert entry.state is ConfigEntryState.LOADED


async def test_the_internet_archive_is_an_indexer_of_its_own_kind(
    hass: HomeAssistant, entry: MockConfigEntry, quiet_world: World
) -> None:
    form = {"kind": "internet_archive", "name": "Archive", "url": quiet_world.internet_archive.url}
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "indexer"), context={"source": "user"}, data=form
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    found = await entry.runtime_data.engine.search("Copper Almanac", "Harbour Songs")
    licensed = [candidate for candidate in found if candidate.release.licence]
    assert licensed, "what the Internet Archive lists says its licence"


async def test_an_indexer_is_there_once_and_can_be_changed(
    hass: HomeAssistant, entry: MockConfigEntry, quiet_world: World
) -> None:
    torznab = quiet_world.torznab
    form = {"kind": "torznab", "name": "Again", "url": torznab.url, "api_key": torznab.api_key}
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "indexer"), context={"source": "user"}, data=form
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    subentry_id = next(iter(entry.subentries))
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert result["step_id"] == "reconfigure"
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], form)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await hass.async_block_till_done()
    (indexer,) = (await engine_config(hass, entry)).indexers
    assert (indexer.id, indexer.name) == (subentry_id, "Again")


async def test_a_bandwidth_rule_reaches_the_engine_and_can_be_changed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    right = {
        "name": "By day",
        "start_cron": "0 8 * * *",
        "end_cron": "0 23 * * *",
        "download_limit": 1.5,
        "upload_limit": 0,
    }
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "bandwidth_rule"), context={"source": "user"}
    )
    wrong = right | {"name": "", "start_cron": "8 o'clock", "end_cron": "0 25 * * *"}
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], wrong)
    assert result["errors"] == {"name": "name_needed", "start_cron": "invalid_cron", "end_cron": "invalid_cron"}
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], right)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (rule,) = (await engine_config(hass, entry)).bandwidth_rules
    assert (rule.name, rule.download_bps, rule.upload_bps) == ("By day", 1_500_000, 0)
    result = await entry.start_subentry_reconfigure_flow(hass, rule.id)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], right | {"name": "Always", "upload_limit": 2}
    )
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    (rule,) = (await engine_config(hass, entry)).bandwidth_rules
    assert (rule.name, rule.upload_bps) == ("Always", 2_000_000)
    assert entry.state is ConfigEntryState.LOADED

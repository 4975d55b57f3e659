"""Changing what TrustTune is connected to: a stale key, a moved server."""

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.trusttune.const import DOMAIN
from tests.torrent_clients import RunningClient
from tests.world.world import World

from .conftest import MakeEntry, entry_data, set_up, until
from .test_config_flow import client_form, services_form, suggested


async def test_a_refused_password_asks_for_a_new_one_and_goes_on_with_it(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient, quiet_world: World
) -> None:
    entry = make_entry(own_client, client={"password": "of yesterday"})
    await set_up(hass, entry)
    await until(hass, lambda: any_flow(hass, SOURCE_REAUTH))
    flow = await hass.config_entries.flow.async_configure(any_flow(hass, SOURCE_REAUTH) or "")
    assert flow["step_id"] == "reauth_confirm"
    assert [marker.schema for marker in flow["data_schema"].schema] == ["password"]
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {"password": "wrong again"})
    assert result["errors"] == {"password": "invalid_auth"}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {"password": own_client.password})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data == entry_data(own_client, quiet_world)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await until(hass, lambda: entry.runtime_data.engine.status.is_client_connected)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("service", ["lidarr", "jellyfin"])
async def test_a_refused_key_is_the_only_one_that_is_asked_for(
    hass: HomeAssistant, make_entry: MakeEntry, shared_client: RunningClient, quiet_world: World, service: str
) -> None:
    entry = make_entry(shared_client, **{service: {"api_key": "of yesterday"}})
    await set_up(hass, entry)
    result = await entry.start_reauth_flow(hass)
    field = f"{service}_api_key"
    assert [marker.schema for marker in result["data_schema"].schema] == [field]
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {field: "wrong"})
    assert result["errors"] == {field: "invalid_auth"}
    right = getattr(quiet_world, service).api_key
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {field: right})
    assert result["reason"] == "reauth_successful"
    assert entry.data == entry_data(shared_client, quiet_world)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)


async def test_where_nothing_is_refused_any_secret_can_be_renewed(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient
) -> None:
    entry = make_entry(own_client)
    entry.add_to_hass(hass)
    await own_client.stop()
    result = await entry.start_reauth_flow(hass)
    fields = {
        marker.schema: entry.data[part][key]
        for marker, (part, key) in zip(
            result["data_schema"].schema,
            (("client", "password"), ("lidarr", "api_key"), ("jellyfin", "api_key")),
            strict=True,
        )
    }
    result = await hass.config_entries.flow.async_configure(result["flow_id"], fields)
    assert result["errors"] == {"base": "cannot_connect"}
    await own_client.start()
    result = await hass.config_entries.flow.async_configure(result["flow_id"], fields)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfiguring_begins_with_what_there_is_and_moves_to_another_client(
    hass: HomeAssistant,
    make_entry: MakeEntry,
    own_client: RunningClient,
    shared_client: RunningClient,
    quiet_world: World,
) -> None:
    entry = make_entry(own_client)
    await set_up(hass, entry)
    result = await entry.start_reconfigure_flow(hass)
    assert suggested(result)["url"] == own_client.url
    result = await hass.config_entries.flow.async_configure(result["flow_id"], client_form(shared_client))
    assert suggested(result)["lidarr_url"] == quiet_world.lidarr.url
    assert suggested(result)["musicbrainz_url"] == quiet_world.musicbrainz.url
    without_jellyfin = services_form(quiet_world)
    del without_jellyfin["jellyfin_url"], without_jellyfin["musicbrainz_url"]
    result = await hass.config_entries.flow.async_configure(result["flow_id"], without_jellyfin)
    assert suggested(result)["music_folder"] == str(quiet_world.music_folder)
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"music_folder": str(quiet_world.music_folder)}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    expected = entry_data(shared_client, quiet_world)
    del expected["jellyfin"], expected["musicbrainz"]
    assert entry.data == expected
    assert entry.unique_id == shared_client.url.removeprefix("http://")
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfiguring_does_not_bring_back_what_was_emptied(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient
) -> None:
    entry = make_entry(own_client, musicbrainz=None)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], client_form(own_client))
    assert suggested(result)["musicbrainz_url"] is None


async def test_reconfiguring_to_a_client_that_has_an_entry_ends(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient, shared_client: RunningClient
) -> None:
    make_entry(shared_client).add_to_hass(hass)
    entry = make_entry(own_client)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], client_form(shared_client))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


def any_flow(hass: HomeAssistant, source: str) -> str | None:
    """Give the id of a dialog of ours that waits for a person."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"source": source})
    return next((flow["flow_id"] for flow in flows if flow["step_id"]), None)

"""The dialog that sets TrustTune up."""

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.trusttune.const import DOMAIN
from tests.torrent_clients import RunningClient
from tests.world.world import World

from .conftest import entry_data


def client_form(client: RunningClient, **changes: object) -> dict[str, object]:
    """Fill in the first form."""
    return {
        "url": client.url,
        "username": client.username,
        "password": client.password,
        "verify_ssl": True,
        "folders": {},
    } | changes


def services_form(world: World, **changes: object) -> dict[str, object]:
    """Fill in the second form."""
    return {
        "lidarr_url": world.lidarr.url,
        "lidarr_api_key": world.lidarr.api_key,
        "jellyfin_url": world.jellyfin.url,
        "jellyfin_api_key": world.jellyfin.api_key,
        "jellyfin_verify_ssl": True,
    } | changes


async def test_the_dialog_makes_an_entry_of_three_forms(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World
) -> None:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    result = await hass.config_entries.flow.async_configure(result["flow_id"], client_form(shared_client))
    assert (result["step_id"], result["errors"]) == ("services", {})
    result = await hass.config_entries.flow.async_configure(result["flow_id"], services_form(quiet_world))
    assert (result["step_id"], result["errors"]) == ("library", {})
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"music_folder": str(quiet_world.music_folder)}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "TrustTune"
    assert result["data"] == entry_data(shared_client, quiet_world)
    assert result["result"].unique_id == shared_client.url.removeprefix("http://")
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(result["result"].entry_id)

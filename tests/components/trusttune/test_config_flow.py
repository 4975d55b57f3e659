"""The dialog that sets TrustTune up."""

from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.trusttune.configuration import engine_config
from custom_components.trusttune.const import DOMAIN
from custom_components.trusttune.engine.config import MusicBrainzConfig
from tests.torrent_clients import RunningClient
from tests.world.faults import Fault
from tests.world.world import World

from .conftest import MakeEntry, entry_data


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
        "musicbrainz_url": world.musicbrainz.url,
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
    (archive,) = result["result"].subentries.values()
    assert archive.title == "Internet Archive", "what may be used out of the box"
    assert archive.data["url"] == "https://archive.org"
    assert result["result"].unique_id == shared_client.url.removeprefix("http://")
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(result["result"].entry_id)


async def first_form(hass: HomeAssistant) -> str:
    """Open the dialog."""
    return (await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER}))["flow_id"]


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"url": "http://127.0.0.1:9"}, {"url": "cannot_connect"}),
        ({"url": "127.0.0.1:8080"}, {"url": "invalid_url"}),
        ({"url": "ftp://127.0.0.1"}, {"url": "invalid_url"}),
        ({"url": "http://me:secret@127.0.0.1"}, {"url": "invalid_url"}),
        ({"url": "http://[oops"}, {"url": "invalid_url"}),
        ({"password": "wrong"}, {"password": "invalid_auth"}),
        ({"folders": {"remote_folder": "/downloads"}}, {"base": "mapping_incomplete"}),
        (
            {"folders": {"remote_folder": "/downloads", "local_folder": "/not/there"}},
            {"base": "local_folder_missing"},
        ),
    ],
)
async def test_a_wrong_client_is_named_at_its_field_and_can_be_put_right(
    hass: HomeAssistant, own_client: RunningClient, wrong: dict[str, Any], errors: dict[str, str]
) -> None:
    flow_id = await first_form(hass)
    result = await hass.config_entries.flow.async_configure(flow_id, client_form(own_client, **wrong))
    assert (result["step_id"], result["errors"]) == ("user", errors)
    assert own_client.password not in str(result["description_placeholders"])
    result = await hass.config_entries.flow.async_configure(flow_id, client_form(own_client))
    assert (result["step_id"], result["errors"]) == ("services", {})


async def test_something_else_at_the_clients_address_is_said_to_be_something_else(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World
) -> None:
    quiet_world.faults.set("lidarr", Fault.LOGIN_PAGE)
    flow_id = await first_form(hass)
    form = client_form(shared_client, url=quiet_world.lidarr.url)
    result = await hass.config_entries.flow.async_configure(flow_id, form)
    assert (result["step_id"], list(result["errors"])) == ("user", ["url"])
    result = await hass.config_entries.flow.async_configure(flow_id, client_form(shared_client))
    assert result["step_id"] == "services"


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"lidarr_url": "http://127.0.0.1:9"}, {"lidarr_url": "cannot_connect"}),
        ({"lidarr_api_key": "wrong"}, {"lidarr_api_key": "invalid_auth"}),
        ({"lidarr_api_key": ""}, {"lidarr_api_key": "key_needed"}),
        ({"jellyfin_url": "http://127.0.0.1:9"}, {"jellyfin_url": "cannot_connect"}),
        ({"jellyfin_api_key": "wrong"}, {"jellyfin_api_key": "invalid_auth"}),
        ({"jellyfin_url": "jellyfin.local"}, {"jellyfin_url": "invalid_url"}),
        ({"musicbrainz_url": "musicbrainz.org"}, {"musicbrainz_url": "invalid_url"}),
        ({"musicbrainz_url": "https://me:secret@127.0.0.1"}, {"musicbrainz_url": "invalid_url"}),
        (
            {"lidarr_api_key": "wrong", "jellyfin_url": "http://127.0.0.1:9"},
            {"lidarr_api_key": "invalid_auth", "jellyfin_url": "cannot_connect"},
        ),
    ],
)
async def test_wrong_services_are_named_at_their_fields_and_can_be_put_right(
    hass: HomeAssistant,
    shared_client: RunningClient,
    quiet_world: World,
    wrong: dict[str, Any],
    errors: dict[str, str],
) -> None:
    flow_id = await first_form(hass)
    await hass.config_entries.flow.async_configure(flow_id, client_form(shared_client))
    result = await hass.config_entries.flow.async_configure(flow_id, services_form(quiet_world, **wrong))
    assert (result["step_id"], result["errors"]) == ("services", errors)
    result = await hass.config_entries.flow.async_configure(flow_id, services_form(quiet_world))
    assert (result["step_id"], result["errors"]) == ("library", {})


@pytest.mark.parametrize(
    ("service", "fault", "error"),
    [
        ("lidarr", Fault.LOGIN_PAGE, "unexpected_reply"),
        ("lidarr", Fault.GARBAGE, "unexpected_reply"),
        ("lidarr", Fault.STARTING_503, "cannot_connect"),
        ("lidarr", Fault.RESET, "cannot_connect"),
        ("jellyfin", Fault.LOGIN_PAGE, "unexpected_reply"),
        ("jellyfin", Fault.GARBAGE, "unexpected_reply"),
        ("jellyfin", Fault.STARTING_503, "cannot_connect"),
        ("jellyfin", Fault.RESET, "cannot_connect"),
    ],
)
async def test_a_service_that_fails_is_named_and_asked_again(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World, service: str, fault: Fault, error: str
) -> None:
    flow_id = await first_form(hass)
    await hass.config_entries.flow.async_configure(flow_id, client_form(shared_client))
    quiet_world.faults.set(service, fault)
    result = await hass.config_entries.flow.async_configure(flow_id, services_form(quiet_world))
    assert (result["step_id"], result["errors"]) == ("services", {f"{service}_url": error})
    assert result["description_placeholders"]["error"]
    quiet_world.faults.clear()
    result = await hass.config_entries.flow.async_configure(flow_id, services_form(quiet_world))
    assert (result["step_id"], result["errors"]) == ("library", {})


async def test_musicbrainz_is_offered_and_kept_without_being_asked(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World
) -> None:
    quiet_world.faults.set("musicbrainz", Fault.STARTING_503)
    flow_id = await first_form(hass)
    result = await hass.config_entries.flow.async_configure(flow_id, client_form(shared_client))
    assert suggested(result)["musicbrainz_url"] == "https://musicbrainz.org"
    result = await hass.config_entries.flow.async_configure(
        flow_id, services_form(quiet_world, lidarr_api_key="", musicbrainz_url="")
    )
    assert (result["step_id"], result["errors"]) == ("services", {"lidarr_api_key": "key_needed"})
    assert not suggested(result)["musicbrainz_url"], "what was emptied stays empty"
    result = await hass.config_entries.flow.async_configure(flow_id, services_form(quiet_world))
    assert result["step_id"] == "library"
    assert not quiet_world.requests.to("musicbrainz"), "it may be busy just now"


async def test_what_is_left_out_is_not_asked(
    hass: HomeAssistant, shared_client: RunningClient, make_entry: MakeEntry, quiet_world: World
) -> None:
    config = await engine_config(hass, make_entry(shared_client))
    assert config.musicbrainz == MusicBrainzConfig(quiet_world.musicbrainz.url)
    config = await engine_config(hass, make_entry(shared_client, musicbrainz=None))
    assert config.musicbrainz is None


async def test_lidarr_and_jellyfin_may_be_left_out_and_the_music_folder_may_not(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World, tmp_path: Path
) -> None:
    flow_id = await first_form(hass)
    await hass.config_entries.flow.async_configure(flow_id, client_form(shared_client))
    result = await hass.config_entries.flow.async_configure(flow_id, {"jellyfin_verify_ssl": True})
    assert result["step_id"] == "library"
    for folder in ("/not/there", "music", str(tmp_path / "file")):
        (tmp_path / "file").touch()
        result = await hass.config_entries.flow.async_configure(
            flow_id, {"music_folder": folder, "internet_archive": False}
        )
        assert result["errors"] == {"music_folder": "folder_unusable"}
    result = await hass.config_entries.flow.async_configure(
        flow_id, {"music_folder": str(quiet_world.music_folder), "internet_archive": False}
    )
    assert not result["result"].subentries
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert set(result["data"]) == {"client", "music_folder"}
    await hass.async_block_till_done()
    assert result["result"].state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_one_client_is_set_up_once(
    hass: HomeAssistant, shared_client: RunningClient, make_entry: MakeEntry
) -> None:
    make_entry(shared_client).add_to_hass(hass)
    flow_id = await first_form(hass)
    form = client_form(shared_client, url=f"{shared_client.url}/")
    result = await hass.config_entries.flow.async_configure(flow_id, form)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_the_dialog_begins_with_what_home_assistant_knows(
    hass: HomeAssistant, shared_client: RunningClient, quiet_world: World
) -> None:
    known = {
        "qbittorrent": {
            "url": shared_client.url,
            "username": shared_client.username,
            "password": shared_client.password,
            "verify_ssl": False,
        },
        "lidarr": {"url": quiet_world.lidarr.url, "api_key": quiet_world.lidarr.api_key, "verify_ssl": False},
        "jellyfin": {"url": quiet_world.jellyfin.url, "username": "ann", "password": "hers"},
    }
    for domain, data in known.items():
        MockConfigEntry(domain=domain, data=data).add_to_hass(hass)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert suggested(result) == {**known["qbittorrent"], "folders": None}
    result = await hass.config_entries.flow.async_configure(result["flow_id"], client_form(shared_client))
    shown = suggested(result)
    assert (shown["lidarr_url"], shown["lidarr_api_key"]) == (quiet_world.lidarr.url, quiet_world.lidarr.api_key)
    assert (shown["jellyfin_url"], shown["jellyfin_api_key"]) == (quiet_world.jellyfin.url, "")


def suggested(result: Any) -> dict[str, Any]:
    """Give what a form shows in its fields."""
    return {marker.schema: (marker.description or {}).get("suggested_value") for marker in result["data_schema"].schema}

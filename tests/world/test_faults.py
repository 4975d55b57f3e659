"""Faults do what their names say, and requests are recorded."""

import asyncio
from pathlib import Path

import aiohttp
import defusedxml.ElementTree as DefusedET
import pytest

from .fixtures import AUDIO_CACHE
from .world import World


async def test_each_fault_does_what_its_name_says_and_ends_when_it_is_cleared(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    url, faults = f"{quiet_world.lidarr.url}/ping", quiet_world.faults

    async def answer() -> tuple[int, str, bytes]:
        async with http.get(url) as response:
            return response.status, response.content_type, await response.read()

    expected = {
        "error_500": (500, "application/json", b'"message"'),
        "garbage": (200, "application/json", b"\x00\xff"),
        "login_page": (200, "text/html", b"<form"),
        "starting_503": (503, "application/json", b"errorMessage"),
        "rate_limited_429": (429, "text/plain", b"Too many"),
    }
    for fault, (status, content_type, part) in expected.items():
        faults.set("lidarr", fault)
        seen = await answer()
        assert seen[:2] == (status, content_type), fault
        assert part in seen[2], fault
        faults.clear("lidarr", fault)
    faults.set("lidarr", "reset")
    with pytest.raises(aiohttp.ClientConnectionError):
        await answer()
    faults.clear()
    faults.set("lidarr", "rate_limited_429", retry_after_s=7, times=1)
    async with http.get(url) as response:
        assert response.headers["Retry-After"] == "7"
    assert (await answer())[0] == 200


async def test_a_slow_service_answers_late_and_does_not_hold_the_worlds_end_up(tmp_path: Path) -> None:
    async with World(tmp_path, seed=False, only={"lidarr"}, audio_cache=AUDIO_CACHE) as world:
        world.faults.set("lidarr", "slow", delay_s=3600)
        async with aiohttp.ClientSession() as session:
            asked = asyncio.create_task(session.get(f"{world.lidarr.url}/ping"))
            await world.requests.wait_for("lidarr", path="/ping")
            assert not asked.done()
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
    world.faults.clear()


async def test_an_error_in_a_200_is_torznabs_alone(quiet_world: World, http: aiohttp.ClientSession) -> None:
    quiet_world.faults.set("torznab", "error_in_200")
    async with http.get(quiet_world.torznab.url, params={"t": "search", "q": "glass"}) as response:
        assert response.status == 200
        assert DefusedET.fromstring(await response.read()).get("code") == "900"
    with pytest.raises(ValueError, match="Torznab"):
        quiet_world.faults.set("lidarr", "error_in_200")
    with pytest.raises(ValueError, match="explosion"):
        quiet_world.faults.set("lidarr", "explosion")


async def test_requests_are_recorded_without_keys(quiet_world: World, http: aiohttp.ClientSession) -> None:
    query = {"apikey": quiet_world.torznab.api_key, "t": "search", "q": "glass"}
    async with http.get(quiet_world.torznab.url, params=query) as response:
        assert response.status == 200
    (request,) = quiet_world.requests.to("torznab", "GET")
    assert dict(request.query) == {"t": "search", "q": "glass"}
    assert quiet_world.torznab.api_key not in repr(request)

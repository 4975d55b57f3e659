"""MusicBrainz, the Cover Art Archive, Ollama and the Internet Archive answer their real clients."""

import json
from typing import Any

import aiohttp
import musicbrainzngs.mbxml
import ollama
import pytest

from .catalogue import mbid
from .world import World


async def musicbrainz(world: World, http: aiohttp.ClientSession, path: str, **query: str) -> dict[str, Any]:
    async with http.get(f"{world.musicbrainz.url}/ws/2/{path}", params=query) as response:
        assert response.status == 200
        message: dict[str, Any] = musicbrainzngs.mbxml.parse_message(await response.read())
        return message


async def test_musicbrainz_tells_aliases_and_the_tracks_of_every_disc(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    album = quiet_world.catalogue.album("polar-lanterns")
    artist = (await musicbrainz(quiet_world, http, f"artist/{album.artist.artist_id}", inc="aliases"))["artist"]
    assert [alias["alias"] for alias in artist["alias-list"]] == ["Mirna Zarya", "Myrna Zaria"]
    called = await musicbrainz(quiet_world, http, "artist", query='alias:"mirna zarya"')
    assert [one["id"] for one in called["artist-list"]] == [album.artist.artist_id]
    title = 'releasegroup:"polar lanterns"'
    found = await musicbrainz(quiet_world, http, "release-group", query=f'{title} AND artist:"Mirna Zarya"')
    assert not found["release-group-list"], "albums are searched by the name on their cover"
    query = f"{title} AND arid:({album.artist.artist_id} OR {mbid('artist', 'nobody')})"
    found = await musicbrainz(quiet_world, http, "release-group", query=query)
    assert [group["id"] for group in found["release-group-list"]] == [album.release_group_id]
    assert found["release-group-list"][0]["artist-credit-phrase"] == "Мирна Заря"
    path = f"release/{album.release_id}"
    release = (await musicbrainz(quiet_world, http, path, inc="recordings+artist-credits"))["release"]
    titles = [[track["recording"]["title"] for track in medium["track-list"]] for medium in release["medium-list"]]
    assert titles == [["Snow Telegraph", "Polar Lanterns", "Thaw"], ["Harbour Ice", "Last Sledge Home"]]
    browsed = await musicbrainz(quiet_world, http, "release", **{"release-group": album.release_group_id})
    assert [one["id"] for one in browsed["release-list"]] == [album.release_id]


async def test_the_cover_art_archive_has_pictures_of_all_albums_but_one(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    for key, status in (("glass-meridian", 200), ("night-ledger-iii", 404)):
        album = quiet_world.catalogue.album(key)
        async with http.get(f"{quiet_world.coverart.url}/release-group/{album.release_group_id}/front-500") as response:
            assert response.status == status
            assert (await response.read()).startswith(b"\xff\xd8\xff") == (status == 200)
    album = quiet_world.catalogue.album("glass-meridian")
    async with http.get(f"{quiet_world.coverart.url}/release/{album.release_id}/") as response:
        assert (await response.json())["images"][0]["front"] is True


async def test_ollama_judges_by_the_schema_it_is_given(quiet_world: World) -> None:
    verdict = {
        "type": "object",
        "properties": {
            "index": {"type": "integer"},
            "is_wanted": {"type": "boolean"},
            "confidence": {"type": "number", "maximum": 1},
        },
    }
    schema = {"type": "object", "properties": {"verdicts": {"type": "array", "items": verdict}}}
    titles = [
        "VA - A Tribute to Velvet Parallax's Night Ledger II",
        "Velvet Parallax - Night Ledger III (2023) [FLAC]",
        "Velvet Parallax - Night Ledger II (2021) [FLAC]",
    ]
    prompt = {
        "wanted": {"artist": "Velvet Parallax", "album": "Night Ledger II"},
        "candidates": [{"index": index, "title": title} for index, title in enumerate(titles)],
    }
    client = ollama.AsyncClient(quiet_world.ollama.url, timeout=10)
    messages = [{"role": "user", "content": json.dumps(prompt)}]
    reply = await client.chat(quiet_world.ollama.model, messages, format=schema)
    verdicts = json.loads(reply.message.content or "")["verdicts"]
    assert [(one["index"], one["is_wanted"]) for one in verdicts] == [(2, True), (0, False), (1, False)]
    quiet_world.ollama.said.append("I am a teapot")
    assert (await client.chat(quiet_world.ollama.model, messages, format=schema)).message.content == "I am a teapot"
    assert [model.model for model in (await client.ps()).models] == [quiet_world.ollama.model]


async def test_ollama_pulls_a_model_and_knows_no_other(quiet_world: World) -> None:
    client = ollama.AsyncClient(quiet_world.ollama.url, timeout=10)
    with pytest.raises(ollama.ResponseError) as refused:
        await client.chat("absent", [{"role": "user", "content": "?"}])
    assert refused.value.status_code == 404
    steps = [step async for step in await client.pull(quiet_world.ollama.pullable, stream=True)]
    assert steps[-1].status == "success"
    assert max(step.completed or 0 for step in steps) == max(step.total or 0 for step in steps) > 0
    models = {model.model for model in (await client.list()).models}
    assert models == {quiet_world.ollama.model, quiet_world.ollama.pullable}


async def test_the_internet_archive_tells_what_may_be_copied_and_gives_its_torrent(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    url = quiet_world.internet_archive.url
    query = 'mediatype:(audio OR etree) AND licenseurl:(*creativecommons.org*) AND title:("Night Ledger II")'
    asked = [("q", query), ("output", "json"), ("rows", "10"), ("fl[]", "identifier"), ("fl[]", "btih")]
    async with http.get(f"{url}/advancedsearch.php", params=asked) as response:
        documents = (await response.json())["response"]["docs"]
    torrent = quiet_world.torrent("night-ledger-ii-flac")
    assert documents == [{"identifier": "night-ledger-ii-2021", "btih": torrent.info_hash}]
    async with http.get(f"{url}/metadata/night-ledger-ii-2021") as response:
        assert (await response.json())["metadata"]["licenseurl"].startswith("https://creativecommons.org/")
    async with http.get(f"{url}/metadata/glass-meridian-2019") as response:
        assert "licenseurl" not in (await response.json())["metadata"]
    name = "night-ledger-ii-2021"
    async with http.get(f"{url}/download/{name}/{name}_archive.torrent") as response:
        assert torrent.info in await response.read()

"""The world's Lidarr answers the real client as Lidarr does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from pyarr import AsyncLidarr
from pyarr.exceptions import PyarrServerError, PyarrUnauthorizedError

from .world import World


@pytest.fixture
async def lidarr(quiet_world: World) -> AsyncIterator[AsyncLidarr]:
    async with httpx.AsyncClient(timeout=10) as session:
        yield AsyncLidarr(quiet_world.lidarr.url, quiet_world.lidarr.api_key, api_ver="v1", session=session)


async def finished(lidarr: AsyncLidarr, command: Any) -> Any:
    """Poll a command as a client does, until it has ended."""
    async with asyncio.timeout(10):
        while command["status"] in {"queued", "started"}:
            await asyncio.sleep(0.02)
            command = await lidarr.command.get(command["id"])
    return command


async def missing_titles(lidarr: AsyncLidarr) -> list[str]:
    page = await lidarr.wanted.get(page=1, page_size=100, sort_key="albums.releaseDate", sort_dir="ascending")
    return [album["title"] for album in page["records"]]


async def test_lidarr_calls_missing_what_is_released_monitored_and_lacks_a_file(lidarr: AsyncLidarr) -> None:
    assert await missing_titles(lidarr) == [
        "Glass Meridian",
        "Copper Almanac",
        "Harbour Songs",
        "Polar Lanterns",
        "Glass Meridian",
        "Night Ledger II",
        "Night Ledger III",
    ]


async def test_lidarr_pages_without_losing_or_repeating_an_album(lidarr: AsyncLidarr) -> None:
    pages = [
        await lidarr.wanted.get(page=number, page_size=3, sort_key="albums.title", sort_dir="ascending")
        for number in (1, 2, 3, 4)
    ]
    assert [len(page["records"]) for page in pages] == [3, 3, 1, 0]
    assert {page["totalRecords"] for page in pages} == {7}
    assert len({album["id"] for page in pages for album in page["records"]}) == 7


async def test_lidarr_leaves_null_members_out_and_writes_track_numbers_as_text(lidarr: AsyncLidarr) -> None:
    undated: Any = await lidarr.album.get(item_id=15)
    assert "releaseDate" not in undated
    assert undated["artist"]["nextAlbum"] is None
    tracks: Any = await lidarr.track.get(album_id=21)
    assert [(track["mediumNumber"], track["trackNumber"]) for track in tracks][-2:] == [(2, "1"), (2, "2")]
    assert [track["absoluteTrackNumber"] for track in tracks] == [1, 2, 3, 4, 5]


async def test_lidarr_refuses_a_wrong_key_with_an_empty_401(
    quiet_world: World, lidarr: AsyncLidarr, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{quiet_world.lidarr.url}/api/v1/system/status", headers={"X-Api-Key": "0" * 32}) as response:
        assert (response.status, await response.read()) == (401, b"")
    async with httpx.AsyncClient(timeout=10) as session:
        stranger = AsyncLidarr(quiet_world.lidarr.url, "wrong", api_ver="v1", session=session)
        with pytest.raises(PyarrUnauthorizedError):
            await stranger.system.get_status()
    assert (await lidarr.system.get_status())["appName"] == "Lidarr"


async def test_lidarr_answers_a_wrong_path_with_its_user_interface(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{quiet_world.lidarr.url}/lidarr/api/v1/system/status") as response:
        assert (response.status, response.content_type) == (200, "text/html")


async def test_lidarr_finds_placed_files_by_a_rescan_and_the_album_is_no_longer_missing(
    quiet_world: World, lidarr: AsyncLidarr
) -> None:
    assert "Copper Almanac" in await missing_titles(lidarr)
    folder = str(quiet_world.music_folder / "Copper Almanac")
    ended = await finished(lidarr, await lidarr.command.execute("RescanFolders", folders=[folder], filter="matched"))
    assert (ended["status"], ended["result"]) == ("completed", "successful")
    assert "Copper Almanac" not in await missing_titles(lidarr)
    tracks: Any = await lidarr.track.get(album_id=32)
    assert all(track["hasFile"] for track in tracks)
    next((quiet_world.music_folder / "Copper Almanac").rglob("01*")).unlink()
    await finished(lidarr, await lidarr.command.execute("RescanFolders"))
    assert "Copper Almanac" in await missing_titles(lidarr)


async def test_lidarr_does_not_take_one_artists_files_for_anothers_album_of_the_same_name(
    quiet_world: World, lidarr: AsyncLidarr
) -> None:
    torrent = quiet_world.torrent("tin-glass-meridian-flac")
    target = quiet_world.music_folder / "The Tin Meridians" / "Glass Meridian (2008)"
    target.parent.mkdir()
    assert torrent.save_path is not None
    (torrent.save_path / torrent.release.folder).copy(target)
    await finished(lidarr, await lidarr.command.execute("RescanFolders"))
    assert quiet_world.lidarr.library.missing().count(quiet_world.catalogue.album("glass-meridian")) == 1
    assert quiet_world.catalogue.album("tin-glass-meridian") not in quiet_world.lidarr.library.missing()


async def test_lidarr_imports_what_its_manual_import_lists(quiet_world: World, lidarr: AsyncLidarr) -> None:
    torrent = quiet_world.torrent("night-ledger-iii-mp3")
    assert torrent.save_path is not None
    rows = await lidarr.manual_import.get(folder=str(torrent.save_path / torrent.release.folder))
    assert [row["rejections"] for row in rows] == [[], [], []]
    files = [
        {
            "path": row["path"],
            "artistId": row["artist"]["id"],
            "albumId": row["album"]["id"],
            "albumReleaseId": row["albumReleaseId"],
            "trackIds": [track["id"] for track in row["tracks"]],
            "quality": row["quality"],
            "indexerFlags": 0,
            "disableReleaseSwitching": False,
        }
        for row in rows
    ]
    incomplete = [{name: value for name, value in files[0].items() if name != "trackIds"}]
    command = await lidarr.command.execute("ManualImport", files=incomplete, importMode="copy")
    assert (await finished(lidarr, command))["status"] == "failed"
    command = await lidarr.command.execute("ManualImport", files=files, importMode="copy", replaceExistingFiles=False)
    assert (await finished(lidarr, command))["result"] == "successful"
    placed = quiet_world.music_folder / "Velvet Parallax" / "Night Ledger III (2023)"
    assert sorted(path.name for path in placed.iterdir()) == [
        "01 - Third Entry.mp3",
        "02 - Salt Arithmetic.mp3",
        "03 - The Auditor Sleeps.mp3",
    ]
    assert "Night Ledger III" not in await missing_titles(lidarr)
    history = await lidarr.history.get(page=1, page_size=10)
    assert [record["eventType"] for record in history["records"]] == ["trackFileImported"] * 3


async def test_lidarr_refuses_to_import_a_tribute_by_itself(quiet_world: World, lidarr: AsyncLidarr) -> None:
    torrent = quiet_world.torrent("glass-meridian-tribute")
    assert torrent.save_path is not None
    folder = str(torrent.save_path / torrent.release.folder)
    ended = await finished(lidarr, await lidarr.command.execute("DownloadedAlbumsScan", path=folder))
    assert (ended["status"], ended["result"]) == ("completed", "unsuccessful")


async def test_lidarr_takes_a_search_on_and_answers_an_unknown_command_with_500(lidarr: AsyncLidarr) -> None:
    assert (await lidarr.command.execute("AlbumSearch", albumIds=[11]))["commandName"] == "Album Search"
    with pytest.raises(PyarrServerError):
        await lidarr.command.execute("MakeMusic")

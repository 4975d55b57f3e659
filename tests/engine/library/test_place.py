"""Placing on a real file system: whole or not at all, nothing overwritten, nothing outside the music folder."""

import asyncio
import json
import os
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custom_components.trusttune.engine.errors import LibraryError
from custom_components.trusttune.engine.library.names import MAX_NAME_BYTES, safe_name
from custom_components.trusttune.engine.library.place import Placement, place_album, undo_placement
from custom_components.trusttune.engine.wanted.album import WantedAlbum, WantedTrack

NAMES = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="./\\\0 \u202e:", max_size=12),
    st.sampled_from(["..", "../../etc", "/etc/passwd", "CON", "nul.txt", "~", ".hidden", "a" * 999, "é" * 300, ""]),
)


def album(*titles: str, artist: str = "Copper Almanac", title: str = "Harbour Songs", discs: int = 1) -> WantedAlbum:
    tracks = tuple(WantedTrack(d, n, name) for d in range(1, discs + 1) for n, name in enumerate(titles, 1))
    return WantedAlbum(artist, title, 2015, tracks=tracks)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


def sources(folder: Path, *contents: str) -> dict[tuple[int, int], Path]:
    files = {}
    for number, content in enumerate(contents, 1):
        path = folder / "download" / f"{number} raw name.FLAC"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        files[1, number] = path
    return files


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_an_album_is_placed_by_artist_album_and_number(tmp_path: Path, music: Path) -> None:
    files = sources(tmp_path, "one", "two")
    placement = await place_album(music, album("Ropes", "Low/Water"), files, ticket_id="t1")
    base = "Copper Almanac/Harbour Songs (2015)"
    assert tree(music) == {f"{base}/01 - Ropes.flac": "one", f"{base}/02 - Low_Water.flac": "two"}
    assert placement.folder == music / base
    assert [(file.target.name, file.size_bytes, file.created) for file in placement.files] == [
        ("01 - Ropes.flac", 3, True),
        ("02 - Low_Water.flac", 3, True),
    ]
    assert all(path.exists() for path in files.values())
    assert Placement.from_dict(json.loads(json.dumps(placement.to_dict()))) == placement


async def test_discs_are_part_of_the_file_names(tmp_path: Path, music: Path) -> None:
    files = sources(tmp_path, "one", "two")
    two_discs = {(1, 1): files[1, 1], (2, 1): files[1, 2]}
    await place_album(music, album("Ropes", discs=2), two_discs, ticket_id="t1")
    assert sorted(path.name for path in music.rglob("*.flac")) == ["01-01 - Ropes.flac", "02-01 - Ropes.flac"]


async def test_undo_removes_what_was_created_and_nothing_else(tmp_path: Path, music: Path) -> None:
    keep = music / "Copper Almanac" / "Copper Almanac (2012)" / "01 - Verdigris.flac"
    keep.parent.mkdir(parents=True)
    keep.write_text("kept")
    before = everything(music)
    placement = await place_album(music, album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
    await undo_placement(music, placement)
    assert everything(music) == before
    await undo_placement(music, placement)
    assert everything(music) == before


async def test_undo_leaves_what_others_put_beside(tmp_path: Path, music: Path) -> None:
    placement = await place_album(music, album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
    (placement.folder / "cover.jpg").write_text("mine")
    await undo_placement(music, placement)
    assert list(tree(music).values()) == ["mine"]


async def test_placing_again_counts_the_same_files_as_placed(tmp_path: Path, music: Path) -> None:
    files = sources(tmp_path, "one", "two")
    first = await place_album(music, album("Ropes", "Low Water"), files, ticket_id="t1")
    again = await place_album(music, album("Ropes", "Low Water"), files, ticket_id="t1")
    assert [file.target for file in again.files] == [file.target for file in first.files]
    assert not any(file.created for file in again.files)
    await undo_placement(music, again)
    assert len(tree(music)) == 2


async def test_a_different_file_is_never_overwritten_and_all_is_rolled_back(tmp_path: Path, music: Path) -> None:
    there = music / "Copper Almanac" / "Harbour Songs (2015)" / "02 - Low Water.flac"
    there.parent.mkdir(parents=True)
    there.write_text("another")
    before = everything(music)
    with pytest.raises(LibraryError, match="another file"):
        await place_album(music, album("Ropes", "Low Water"), sources(tmp_path, "one", "two"), ticket_id="t1")
    assert everything(music) == before
    assert there.read_text() == "another"


async def test_missing_tracks_are_added_to_a_folder_that_is_there(tmp_path: Path, music: Path) -> None:
    files = sources(tmp_path, "one", "two")
    there = music / "Copper Almanac" / "Harbour Songs (2015)" / "02 - Low Water.flac"
    there.parent.mkdir(parents=True)
    there.write_text("two")
    placement = await place_album(music, album("Ropes", "Low Water"), files, ticket_id="t1")
    assert [file.created for file in placement.files] == [True, False]
    await undo_placement(music, placement)
    assert list(tree(music)) == ["Copper Almanac/Harbour Songs (2015)/02 - Low Water.flac"]


@pytest.mark.parametrize("kind", ["absent", "link", "folder", "program"])
async def test_a_bad_source_fails_the_whole_album(tmp_path: Path, music: Path, kind: str) -> None:
    files = sources(tmp_path, "one", "two")
    bad = files[1, 2]
    if kind == "program":
        files[1, 2] = bad.rename(bad.with_suffix(".exe"))
    else:
        bad.unlink()
    if kind == "link":
        bad.symlink_to(files[1, 1])
    elif kind == "folder":
        bad.mkdir()
    with pytest.raises(LibraryError):
        await place_album(music, album("Ropes", "Low Water"), files, ticket_id="t1")
    assert everything(music) == []


async def test_a_hostile_artist_stays_in_the_music_folder(tmp_path: Path, music: Path) -> None:
    wanted = album("../../../x", artist="../../etc", title="..")
    placement = await place_album(music, wanted, sources(tmp_path, "one"), ticket_id="../../t")
    assert placement.files[0].target.resolve().is_relative_to(music)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download", "music"]


@pytest.mark.parametrize("link", ["Copper Almanac", "Copper Almanac/Harbour Songs (2015)", ".trusttune-staging"])
async def test_a_link_that_leads_out_is_not_followed(tmp_path: Path, music: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (music / link).parent.mkdir(exist_ok=True)
    (music / link).symlink_to(outside)
    with pytest.raises(LibraryError, match="out of the music folder"):
        await place_album(music, album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
    assert everything(outside) == []


async def test_a_music_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="mounted"):
        await place_album(tmp_path / "away", album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
    assert not (tmp_path / "away").exists()


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from custom_components.trusttune.engine.library.place import place_album
from custom_components.trusttune.engine.wanted.album import WantedAlbum, WantedTrack

WATCHED = {"os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "open", "shutil.rmtree"}
tracks = (WantedTrack(1, 1, "Ropes"), WantedTrack(1, 2, "Low Water"))
wanted = WantedAlbum("Copper Almanac", "Harbour Songs", 2015, tracks=tracks)
files = {(1, n): Path(sys.argv[1]) / "download" / f"{n} raw name.FLAC" for n in (1, 2)}

def place(music, steps):
    left = [steps]
    def count(event, arguments):
        if event in WATCHED and any(str(music) in str(argument) for argument in arguments):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    asyncio.run(place_album(music, wanted, files, ticket_id="t1"))

for steps, music in enumerate(sys.argv[2:]):
    child = os.fork()
    if child == 0:
        place(Path(music), steps)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        sys.exit(steps)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        sys.exit(200)
"""


@pytest.mark.parametrize("has_folder", [False, True], ids=["new folder", "folder is there"])
async def test_killed_at_any_step_a_second_call_completes_and_owns_its_files(tmp_path: Path, has_folder: bool) -> None:
    files = sources(tmp_path, "one", "two")
    folders = [tmp_path / f"music{steps}" for steps in range(100)]
    for music in folders:
        (music / "Copper Almanac" / "Harbour Songs (2015)" if has_folder else music).mkdir(parents=True)
        if has_folder:
            (music / "Copper Almanac" / "Harbour Songs (2015)" / "cover.jpg").write_text("mine")
    before = everything(folders[0])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, str(tmp_path), *map(str, folders), cwd=Path(__file__).parents[3]
    )
    async with asyncio.timeout(60):
        steps = await process.wait()
    assert 10 < steps < 100  # so many steps had a placement that nothing killed
    for music in folders[:steps]:
        placement = await place_album(music, album("Ropes", "Low Water"), files, ticket_id="t1")
        assert [path.name for path in music.iterdir()] == ["Copper Almanac"]
        assert {name: text for name, text in tree(music).items() if text != "mine"} == {
            "Copper Almanac/Harbour Songs (2015)/01 - Ropes.flac": "one",
            "Copper Almanac/Harbour Songs (2015)/02 - Low Water.flac": "two",
        }
        if all(file.created for file in placement.files):  # not where only the plan's removal was left to do
            await undo_placement(music, placement)
            assert everything(music) == before


async def test_cancelling_leaves_the_album_whole_or_nothing(tmp_path: Path, music: Path) -> None:
    files = sources(tmp_path, *("x" * 2_000_000 for _ in range(6)))
    wanted = album(*(f"Song {n}" for n in range(1, 7)))
    task = asyncio.create_task(place_album(music, wanted, files, ticket_id="t1"))
    async with asyncio.timeout(10):
        while not any(music.rglob("*.flac")) and not task.done():
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(list(music.rglob("*"))) in {0, 8}


async def test_a_full_or_read_only_disk_is_a_library_error_with_nothing_left(tmp_path: Path, music: Path) -> None:
    if os.geteuid() == 0:
        blocked = music / "Copper Almanac"  # root may write anywhere: a file in the way is as good
        blocked.write_text("in the way")
        with pytest.raises(LibraryError):
            await place_album(music, album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
        assert tree(music) == {"Copper Almanac": "in the way"}
    else:
        music.chmod(0o500)
        with pytest.raises(LibraryError):
            await place_album(music, album("Ropes"), sources(tmp_path, "one"), ticket_id="t1")
        assert everything(music) == []
        music.chmod(0o700)


@given(NAMES)
def test_a_safe_name_is_one_harmless_component(text: str) -> None:
    name = safe_name(text)
    assert name
    assert Path(name).name == name
    assert name not in {".", ".."}
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert not set('/\\:*?"<>|') & set(name)
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in name)
    assert name == name.strip(". ")
    assert safe_name(name) == name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES, NAMES, NAMES)
async def test_no_name_ever_leads_out_of_the_music_folder(
    tmp_path: Path, artist: str, title: str, track: str, ticket: str
) -> None:
    music = tmp_path / "music"
    music.mkdir(exist_ok=True)
    files = sources(tmp_path, "one")
    placement = await place_album(music, album(track, artist=artist, title=title), files, ticket_id=ticket)
    assert placement.files[0].target.resolve().is_relative_to(music.resolve())
    assert len(placement.files[0].target.relative_to(music).parts) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download", "music"]
    await undo_placement(music, placement)
    assert everything(music) == []

"""Verification on real audio: what is whole is trusted, what is broken is named."""

import asyncio
from pathlib import Path

import pytest

from custom_components.trusttune.engine.library.verify import Check, TrustReport, verify_album
from custom_components.trusttune.engine.wanted.album import WantedAlbum, WantedTrack

from .sounds import make_sound


def album(*durations: float | None) -> WantedAlbum:
    tracks = tuple(WantedTrack(1, n, f"Song {n}", seconds) for n, seconds in enumerate(durations, 1))
    return WantedAlbum("Copper Almanac", "Harbour Songs", 2015, tracks=tracks)


def broken(report: TrustReport) -> dict[int, Check]:
    return {t.number: f.check for t in report.tracks for f in t.findings if not f.is_sound}


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg", "m4a", "wav"])
async def test_whole_files_of_the_right_length_are_trusted(tmp_path: Path, extension: str) -> None:
    file = await make_sound(tmp_path / f"01 - 50% \"quoted\" 'song'.{extension}")
    report = await verify_album(album(4.0), {(1, 1): file}, expected_sizes={(1, 1): file.stat().st_size})
    assert report.is_trusted, report.problems
    assert report.is_decoded
    assert report.tracks[0].duration_s == pytest.approx(4.0, abs=0.2)


async def test_a_truncated_file_is_found_by_its_length_or_its_errors(tmp_path: Path) -> None:
    flac = await make_sound(tmp_path / "1.flac", 20)
    mp3 = await make_sound(tmp_path / "2.mp3", 20)
    for file in (flac, mp3):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    report = await verify_album(album(20, 20), {(1, 1): flac, (1, 2): mp3})
    assert not report.is_trusted
    assert set(broken(report)) == {1, 2}


async def test_damage_in_the_middle_is_a_decode_error(tmp_path: Path) -> None:
    file = await make_sound(tmp_path / "1.flac", 10)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\x5a" * 2000
    file.write_bytes(content)
    report = await verify_album(album(10), {(1, 1): file})
    assert broken(report) == {1: Check.DECODE}


async def test_a_players_tag_at_the_end_of_an_mp3_is_forgiven_and_damage_is_not(tmp_path: Path) -> None:
    tagged, damaged = await make_sound(tmp_path / "1.mp3", 10), await make_sound(tmp_path / "2.mp3", 10)
    with tagged.open("ab") as file:
        file.write(b"LYRICSBEGIN" + bytes(range(32, 127)) * 4 + b"LYRICS200")
    content = bytearray(damaged.read_bytes())
    for place in range(len(content) // 4, len(content), len(content) // 8):
        content[place : place + 700] = b"\xa7" * 700
    damaged.write_bytes(content)
    report = await verify_album(album(10, 10), {(1, 1): tagged, (1, 2): damaged})
    assert broken(report) == {2: Check.DECODE}


async def test_a_file_of_the_wrong_length_is_not_the_track(tmp_path: Path) -> None:
    file = await make_sound(tmp_path / "1.flac", 4)
    assert broken(await verify_album(album(60), {(1, 1): file})) == {1: Check.DURATION}
    assert (await verify_album(album(6.5), {(1, 1): file})).is_trusted
    assert (await verify_album(album(None), {(1, 1): file})).is_trusted


async def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    text, empty, folder = tmp_path / "1.flac", tmp_path / "2.flac", tmp_path / "3.flac"
    text.write_text("this is no sound " * 100)
    empty.touch()
    folder.mkdir()
    files = {(1, 1): text, (1, 2): empty, (1, 3): folder, (1, 4): tmp_path / "absent.flac"}
    report = await verify_album(album(4, 4, 4, 4), files)
    assert broken(report) == {1: Check.DECODE, 2: Check.SIZE, 3: Check.FILE, 4: Check.FILE}
    assert not report.is_trusted


async def test_a_playlist_that_claims_to_be_audio_opens_no_other_file(tmp_path: Path) -> None:
    secret = await make_sound(tmp_path / "secret.mp3", 4)
    for number, content in enumerate(
        (f"#EXTM3U\n#EXTINF:4,\n{secret}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile '{secret}'\n"), 1
    ):
        fake = tmp_path / f"{number}.mp3"
        fake.write_text(content)
        assert broken(await verify_album(album(4), {(1, 1): fake})) == {1: Check.DECODE}


async def test_a_size_the_torrent_did_not_promise_is_refused(tmp_path: Path) -> None:
    file = await make_sound(tmp_path / "1.flac")
    report = await verify_album(album(4), {(1, 1): file}, expected_sizes={(1, 1): file.stat().st_size + 1})
    assert broken(report) == {1: Check.SIZE}


async def test_links_are_refused_unless_they_stay_in_the_downloads_folder(tmp_path: Path) -> None:
    inside = await make_sound(tmp_path / "download" / "real.flac")
    outside = await make_sound(tmp_path / "other.flac")
    good, bad = tmp_path / "download" / "good.flac", tmp_path / "download" / "bad.flac"
    good.symlink_to(inside)
    bad.symlink_to(outside)
    files = {(1, 1): good, (1, 2): bad}
    assert broken(await verify_album(album(4, 4), files, root=tmp_path / "download")) == {2: Check.FILE}
    assert broken(await verify_album(album(4, 4), files)) == {1: Check.FILE, 2: Check.FILE}


async def test_without_ffmpeg_the_report_says_that_nothing_was_decoded(tmp_path: Path) -> None:
    file = await make_sound(tmp_path / "1.flac")
    report = await verify_album(album(4), {(1, 1): file}, ffmpeg=str(tmp_path / "no-ffmpeg"))
    assert not report.is_decoded
    assert "ffmpeg is not installed" in report.note
    assert report.summary == report.note
    assert {finding.check for finding in report.tracks[0].findings} == {Check.FILE, Check.SIZE}


async def test_a_decode_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    file = await make_sound(tmp_path / "1.flac", 60)
    report = await verify_album(album(60), {(1, 1): file}, track_timeout_s=0.0)
    assert broken(report) == {1: Check.DECODE}
    assert "did not end" in report.problems[0]


async def test_nothing_to_check_is_not_trusted() -> None:
    assert not (await verify_album(album(4), {})).is_trusted


async def test_cancelling_leaves_no_decoder_behind(tmp_path: Path) -> None:
    files = {(1, n): await make_sound(tmp_path / f"{n}.flac", 120) for n in (1, 2, 3)}
    task = asyncio.create_task(verify_album(album(120, 120, 120), files))
    async with asyncio.timeout(10):
        while not decoders():
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert decoders() == []


def decoders() -> list[str]:
    return [pid for child in Path("/proc/self/task").glob("*/children") for pid in child.read_text().split()]

"""The catalogue, its audio and its torrents are real and always the same."""

from pathlib import Path

import mutagen
import pytest

from .audio import make_audio
from .catalogue import CATALOGUE, Catalogue, ReleaseKind
from .torrents import make_torrents
from .world import World


async def test_audio_made_again_has_the_same_bytes_so_that_torrents_keep_their_info_hash(
    quiet_world: World, tmp_path: Path
) -> None:
    some = tuple(release for release in CATALOGUE.releases if release.album.key == "night-ledger-iii")
    part = Catalogue(CATALOGUE.artists, (), some)
    again = await make_torrents(part, await make_audio(part, tmp_path / "again"))
    assert sum(torrent.save_path is not None for torrent in again.values()) == 2
    for key, torrent in again.items():
        assert torrent.info_hash == quiet_world.torrent(key).info_hash
    assert len({torrent.info_hash for torrent in quiet_world.torrents.values()}) == len(quiet_world.torrents)


async def test_the_audio_is_real_and_says_what_it_is(quiet_world: World) -> None:
    for key in ("polar-lanterns-flac", "polar-lanterns-mp3"):
        torrent = quiet_world.torrent(key)
        assert torrent.save_path is not None
        names = [name for name, _ in torrent.files]
        assert [name.split("/")[0] for name in names] == ["CD1", "CD1", "CD1", "CD2", "CD2"]
        for name, track in zip(names, torrent.release.album.tracks, strict=True):
            sound = mutagen.File(torrent.save_path / torrent.release.folder / name, easy=True)
            assert sound["title"] == [track.title]
            assert sound["albumartist"] == ["Мирна Заря"]
            assert sound.info.length == pytest.approx(track.duration_s, abs=0.1)


def test_every_wanted_album_has_something_right_and_something_of_every_wrong_kind() -> None:
    traps = {
        ReleaseKind.HOSTILE_NAMES,
        ReleaseKind.OVERSIZED,
        ReleaseKind.NOT_BENCODED,
        ReleaseKind.FILE_REDIRECT,
    }
    for album in CATALOGUE.wanted():
        kinds = {release.kind for release in CATALOGUE.releases if release.album is album}
        assert kinds >= set(ReleaseKind) - traps
    assert {release.kind for release in CATALOGUE.releases} >= traps


def test_the_hostile_torrent_climbs_out_names_absolute_paths_and_hides_control_characters(quiet_world: World) -> None:
    info = quiet_world.torrent("harbour-songs-hostile-names").info
    for part in (b"4:pathl2:..2:..2:..12:", b"4:pathl4:/etc", b"\n\x1b[31m", b"\x00", "\u202e".encode()):
        assert part in info

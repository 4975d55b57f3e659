"""Files and tracks: one file a track, found by folder, number and title."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.textbrain.files import map_files
from custom_components.trusttune.engine.torrents.client import TorrentFile
from custom_components.trusttune.engine.wanted.album import WantedAlbum, WantedTrack

ONE_DISC = ("Ropes", "The Ferryman's Sum", "Low Water", "Café at Pier 9")


def album(*discs: tuple[str, ...], artist: str = "Copper Almanac", title: str = "Harbour Songs") -> WantedAlbum:
    tracks = tuple(WantedTrack(d, n, name, 200) for d, names in enumerate(discs, 1) for n, name in enumerate(names, 1))
    return WantedAlbum(artist, title, 2015, tracks=tracks)


def listing(*paths: str) -> list[TorrentFile]:
    return [TorrentFile(index, path, 1000) for index, path in enumerate(paths)]


@pytest.mark.parametrize(
    "paths",
    [
        ("A/01 - Ropes.flac", "A/02 - The Ferryman's Sum.flac", "A/03 - Low Water.flac", "A/04 - Café at Pier 9.flac"),
        ("01 Ropes.mp3", "02 The Ferrymans Sum.mp3", "03 Low Water.mp3", "04 Cafe at Pier 9.mp3"),
        ("Ropes.mp3", "The Ferryman’s Sum.mp3", "low water.mp3", "Café at Pier 9.mp3"),
        ("01.flac", "02.flac", "03.flac", "04.flac"),
        ("Track 01.flac", "Track 02.flac", "Track 03.flac", "Track 04.flac"),
        (
            "01-copper_almanac-ropes-grp.mp3",
            "02-copper_almanac-the_ferrymans_sum-grp.mp3",
            "03-copper_almanac-low_water-grp.mp3",
            "04-copper_almanac-cafe_at_pier_9-grp.mp3",
        ),
        (
            "Copper Almanac - Harbour Songs - 01 - Ropes.flac",
            "Copper Almanac - Harbour Songs - 02 - The Ferryman's Sum.flac",
            "Copper Almanac - Harbour Songs - 03 - Low Water.flac",
            "Copper Almanac - Harbour Songs - 04 - Café at Pier 9.flac",
        ),
        (
            "Copper Almanac - Ropes.flac",
            "Copper Almanac - The Ferryman's Sum.flac",
            "Copper Almanac - Low Water.flac",
            "Copper Almanac - Café at Pier 9.flac",
        ),
    ],
)
def test_usual_ways_of_naming_files_are_understood(paths: tuple[str, ...]) -> None:
    mapping = map_files(album(ONE_DISC), listing(*paths))
    assert mapping.files == {(1, 1): 0, (1, 2): 1, (1, 3): 2, (1, 4): 3}
    assert mapping.coverage == 1


def test_a_title_is_believed_before_a_number_that_lies() -> None:
    files = listing(
        "01 - Low Water.flac", "02 - Ropes.flac", "03 - Cafe at Pier 9.flac", "04 - The Ferryman's Sum.flac"
    )
    assert map_files(album(ONE_DISC), files).files == {(1, 1): 1, (1, 2): 3, (1, 3): 0, (1, 4): 2}


def test_a_number_alone_does_not_make_another_song_the_track() -> None:
    mapping = map_files(album(ONE_DISC), listing("01 - Ropes.flac", "02 - Something Else Entirely.flac"))
    assert mapping.files == {(1, 1): 0}
    assert mapping.missing == ((1, 2), (1, 3), (1, 4))


@pytest.mark.parametrize(
    "paths",
    [
        ("X/CD1/01 Snow.flac", "X/CD1/02 Thaw.flac", "X/CD2/01 Ice.flac", "X/CD2/02 Snow.flac"),
        (
            "X/Disc 1 - North/01 Snow.flac",
            "X/Disc 1 - North/02 Thaw.flac",
            "X/Disc 2 - South/01 Ice.flac",
            "X/Disc 2 - South/02 Snow.flac",
        ),
        ("X (CD 1)/01 Snow.flac", "X (CD 1)/02 Thaw.flac", "X (CD 2)/01 Ice.flac", "X (CD 2)/02 Snow.flac"),
        ("X/1-01 Snow.flac", "X/1-02 Thaw.flac", "X/2-01 Ice.flac", "X/2-02 Snow.flac"),
        ("X/101 Snow.flac", "X/102 Thaw.flac", "X/201 Ice.flac", "X/202 Snow.flac"),
    ],
)
def test_discs_are_told_apart_by_folder_or_number(paths: tuple[str, ...]) -> None:
    mapping = map_files(album(("Snow", "Thaw"), ("Ice", "Snow")), listing(*paths))
    assert mapping.files == {(1, 1): 0, (1, 2): 1, (2, 1): 2, (2, 2): 3}


def test_extras_and_other_takes_are_left_alone() -> None:
    files = listing(
        "cover.jpg", "01 Ropes (Live).flac", "01 Ropes.flac", "02 The Ferryman's Sum.flac", "03 Low Water (Demo).flac",
        "04 Café at Pier 9.flac", "05 Bonus Song.flac", "album.cue", "rip.log",
    )  # fmt: skip
    mapping = map_files(album(ONE_DISC), files)
    assert mapping.files == {(1, 1): 2, (1, 2): 3, (1, 4): 5}
    assert mapping.missing == ((1, 3),)


def test_one_folder_is_taken_whole_and_never_a_mixture() -> None:
    names = [f"{n:02d} {title}" for n, title in enumerate(ONE_DISC, 1)]
    mp3 = [f"Copper Almanac - Harbour Songs/{name}.mp3" for name in names]
    flac = [f"Copper Almanac - Harbour Songs/{name}.flac" for name in names]
    hits = [f"Copper Almanac - Best Of/{name}.flac" for name in names]
    mapping = map_files(album(ONE_DISC), listing(*hits, *mp3, *flac))
    assert mapping.files == {(1, 1): 8, (1, 2): 9, (1, 3): 10, (1, 4): 11}


def test_other_scripts_are_read_as_they_are_and_transliterated() -> None:
    wanted = album(("Снежный телеграф", "Оттепель"))
    assert map_files(wanted, listing("01. Снежный телеграф.mp3", "02. Оттепель.mp3")).coverage == 1
    assert map_files(wanted, listing("Snezhnyy telegraf.mp3", "Ottepel.mp3")).coverage == 1


def test_an_album_without_a_track_list_is_mapped_by_numbers() -> None:
    mapping = map_files(album(), listing("01 One.flac", "02 Two.flac", "notes.txt"))
    assert mapping.files == {(1, 1): 0, (1, 2): 1}


@given(st.lists(st.one_of(st.text(max_size=60), st.text(max_size=20).map("{}/01 Ropes.flac".format)), max_size=12))
def test_hostile_names_never_raise_and_no_file_serves_twice(paths: list[str]) -> None:
    wanted = album(ONE_DISC, ONE_DISC)
    mapping = map_files(wanted, listing(*paths))
    assert len(set(mapping.files.values())) == len(mapping.files)
    assert set(mapping.files) | set(mapping.missing) == {(track.disc, track.number) for track in wanted.tracks}
    assert not set(mapping.files) & set(mapping.missing)

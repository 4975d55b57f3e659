"""Whatever a torrent calls its files, they stay below the save path and apart from each other."""

import hashlib
import unicodedata
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
import qbittorrentapi
from hypothesis import given
from hypothesis import strategies as st
from torrentd.records.names import MAX_COMPONENT_BYTES, MAX_PATH_BYTES, clean_component, safe_paths
from torrentd.records.roots import OutsideRootsError, Roots

from live import Daemon, Seeder, is_complete, wait_until

NASTY = st.text(
    alphabet=st.one_of(st.sampled_from("./\\ aA:\0\n\u202e\u2066\ufeff~éＡ"), st.characters()), max_size=300
)

HOSTILE: list[list[bytes]] = [
    [b"..", b"..", b"escaped.flac"],
    [b"/etc", b"absolute.flac"],
    [b"a/../../b", b"slashes.flac"],
    [b"back\\slash", b"..\\..\\x.flac"],
    [b"turned\xe2\x80\xaecalf.exe"],
    [b"new\nline\x07.flac"],
    [b"nul\0byte.flac"],
    [b"CON"],
    [b"aux.flac"],
    [b"same.flac"],
    [b"SAME.flac"],
    [b"same", b"x.flac"],
    [b"x" * 400 + b".flac"],
    [b"."],
    [b"..."],
    [b""],
    [b"\xff\xfe broken.flac"],
]


@given(st.lists(NASTY, max_size=12))
def test_safe_paths_hold_for_any_names(paths: list[str]) -> None:
    safe = safe_paths(paths)
    assert len(safe) == len(paths)
    keys = [unicodedata.normalize("NFKC", path).casefold() for path in safe]
    assert len(set(keys)) == len(keys)
    for path in safe:
        parts = path.split("/")
        assert all(part and part.strip(".") and len(part.encode()) <= MAX_COMPONENT_BYTES for part in parts)
        assert len(path.encode()) <= MAX_PATH_BYTES + MAX_COMPONENT_BYTES
        assert not any(unicodedata.category(letter) in ("Cc", "Cs") or letter in "\\\u202e\u2066" for letter in path)
    folders = {tuple(key.split("/")[:depth]) for key in keys for depth in range(1, key.count("/") + 1)}
    assert not folders & {tuple(key.split("/")) for key in keys}


@given(NASTY)
def test_a_safe_name_is_left_as_it_is(name: str) -> None:
    assert clean_component(clean_component(name)) == clean_component(name)


def test_names_that_music_really_has_are_not_touched() -> None:
    names = ['Vosk?/01 - What: "No" <live>.flac', "Vosk?/02 - R.E.M..flac", "Vosk?/03 - ÷ (天).flac", ".hidden"]
    assert safe_paths(names) == names


def test_save_paths_do_not_leave_the_roots(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    roots = Roots([root])
    assert roots.resolve("music") == root / "music"
    assert roots.resolve("") == root
    for outside in ("..", "/", "link/x", "a/../../b", str(tmp_path), "x\0", f"{root}-beside"):
        with pytest.raises(OutsideRootsError):
            roots.resolve(outside)


def hostile_torrent() -> bytes:
    content = bytes(range(256)) * 64 * len(HOSTILE)
    piece = 16_384
    info: dict[bytes, Any] = {
        b"name": b"../../up",
        b"piece length": piece,
        b"files": [{b"length": 16_384, b"path": path} for path in HOSTILE],
        b"pieces": b"".join(
            hashlib.sha1(content[start : start + piece], usedforsecurity=False).digest()
            for start in range(0, len(content), piece)
        ),
    }
    return lt.bencode({b"info": info})


@pytest.mark.parametrize("way", ["file", "magnet"])
def test_a_hostile_torrent_is_downloaded_inside_its_folder_with_clean_names(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder, tmp_path: Path, way: str
) -> None:
    torrent_file = hostile_torrent()
    for index in range(len(HOSTILE)):
        (tmp_path / f"{index}.bin").write_bytes(bytes(range(256)) * 64)
    album = seeder.seed(torrent_file, tmp_path, {index: f"{index}.bin" for index in range(len(HOSTILE))})
    before = {path for path in daemon.home.rglob("*") if not path.is_relative_to(daemon.state)}
    if way == "file":
        client.torrents_add(torrent_files=torrent_file)
        client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    else:
        client.torrents_add(urls=album.magnet)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    names = [file.name for file in client.torrents_files(album.info_hash)]
    assert names == safe_paths(names)
    assert len({name.casefold() for name in names}) == len(HOSTILE)
    for name in names:
        path = daemon.downloads / name
        assert path.resolve().is_relative_to(daemon.downloads)
        assert path.read_bytes() == bytes(range(256)) * 64
    new = {path for path in daemon.home.rglob("*") if not path.is_relative_to(daemon.state)} - before
    written = {path for path in new if path.is_file()}
    assert written == {daemon.downloads / name for name in names}
    seeder.forget(album)

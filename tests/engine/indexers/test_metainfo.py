"""Reading .torrent files and magnet links from strangers."""

import base64
import contextlib
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.errors import MetainfoError
from custom_components.trusttune.engine.indexers.metainfo import MAX_METAINFO_BYTES, parse_magnet, parse_metainfo
from tests.world.torrents import bencode


def _info(files: list[tuple[list[str], int]], name: str = "Album", **more: Any) -> dict[str, Any]:
    total = sum(size for _, size in files)
    return {
        "files": [{"length": size, "path": path} for path, size in files],
        "name": name,
        "piece length": 16384,
        "pieces": b"\0" * 20 * (-(-total // 16384) if total < 2**30 else 1),
        **more,
    }


def _torrent(info: dict[str, Any], **more: Any) -> bytes:
    return bencode({**more, "info": info})


def test_the_info_hash_is_of_the_raw_bytes_even_when_their_keys_are_unsorted() -> None:
    info = b"d4:name1:a12:piece lengthi16384e6:lengthi1e6:pieces20:" + b"x" * 20 + b"e"
    metainfo = parse_metainfo(b"d4:info%be" % info)
    assert metainfo.info_hash == hashlib.sha1(info).hexdigest()
    assert [(file.index, file.path, file.size_bytes) for file in metainfo.files] == [(0, "a", 1)]


def test_a_version_2_torrent_has_the_shortened_sha256_and_its_tree() -> None:
    leaf = {"": {"length": 7, "pieces root": b"r" * 32}}
    info = {"file tree": {"CD1": {"01.flac": leaf}, "cover.jpg": leaf}, "meta version": 2, "name": "Album"}
    metainfo = parse_metainfo(_torrent(info))
    assert metainfo.info_hash == hashlib.sha256(bencode(info)).hexdigest()[:40]
    assert [file.path for file in metainfo.files] == ["Album/CD1/01.flac", "Album/cover.jpg"]
    single = parse_metainfo(_torrent({"file tree": {"a.flac": leaf}, "meta version": 2, "name": "a.flac"}))
    assert [file.path for file in single.files] == ["a.flac"]


def test_padding_is_left_out_and_takes_no_index() -> None:
    info = _info([(["01.flac"], 10), ([".pad", "6"], 16374), (["02.flac"], 5)])
    info["files"][1]["attr"] = "p"
    metainfo = parse_metainfo(_torrent(info))
    assert [(file.index, file.path) for file in metainfo.files] == [(0, "Album/01.flac"), (1, "Album/02.flac")]
    assert metainfo.total_bytes == 15


def test_trackers_and_privacy_are_told() -> None:
    metainfo = parse_metainfo(
        _torrent(
            _info([(["a"], 1)], private=1), **{"announce": "udp://a", "announce-list": [["udp://a"], ["http://b"]]}
        )
    )
    assert metainfo.trackers == ("udp://a", "http://b")
    assert metainfo.is_private


@pytest.mark.parametrize(
    "part", ["..", ".", "", "a/b", "a\\b", "/etc", "C:evil", "a\0b", "a\nb", "a\u202egpj.exe", "a\u200bb", "a\u2028b"]
)
def test_a_hostile_name_is_kept_as_it_is_and_pointed_out(part: str) -> None:
    metainfo = parse_metainfo(_torrent(_info([(["fine.flac"], 1), ([part, "x.flac"], 1)])))
    assert metainfo.files[1].path == f"Album/{part}/x.flac"
    assert metainfo.hostile_paths == (f"Album/{part}/x.flac",)
    if part:
        assert parse_metainfo(_torrent(_info([(["a"], 1)], name=part))).hostile_paths


def test_a_symbolic_link_is_hostile() -> None:
    info = _info([(["a"], 1), (["b"], 0)])
    info["files"][1] |= {"attr": "l", "symlink path": ["..", "etc"]}
    assert parse_metainfo(_torrent(info)).hostile_paths == ("Album/b",)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"i1e",
        b"de",
        b"d4:infoi1ee",
        b"d4:infodee",
        b"d1:ai01ee",
        b"d1:ai-0ee",
        b"d1:ai1_0ee",
        b"d1:a01:be",
        b"d1:ai1e1:ai2ee",
        b"l" * 5000 + b"e" * 5000,
        b"d1:a999999999:xe",
        b"di1ei2ee",
        _torrent(_info([(["a"], 1)])) + b"\n",
        _torrent(_info([])),
        _torrent(_info([([], 1)])),
        _torrent(_info([(["a"], -1)])),
        _torrent(_info([(["a"], 2**60)]) | {"pieces": b""}),
        _torrent(_info([(["a"], 1)]) | {"pieces": b"x" * 40}),
        _torrent(_info([(["a"], 1)]) | {"piece length": 0}),
        b"d4:info" + b"0" * (MAX_METAINFO_BYTES + 1),
    ],
)
def test_what_is_no_sound_torrent_is_refused(raw: bytes) -> None:
    with pytest.raises(MetainfoError):
        parse_metainfo(raw)


_values = st.recursive(
    st.integers() | st.binary(max_size=40) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
_keys = st.sampled_from(["files", "length", "name", "piece length", "pieces", "meta version", "file tree", "private"])


@given(st.binary(max_size=300) | st.dictionaries(_keys, _values).map(lambda info: bencode({"info": info})))
def test_parsing_a_torrent_raises_nothing_but_its_own_error(raw: bytes) -> None:
    with contextlib.suppress(MetainfoError):
        parse_metainfo(raw)


@given(st.data())
def test_a_damaged_torrent_raises_nothing_but_its_own_error(data: st.DataObject) -> None:
    raw = bytearray(_torrent(_info([(["01.flac"], 40000), (["02.flac"], 7)]), announce="udp://a"))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MetainfoError):
        parse_metainfo(bytes(raw))


@given(st.lists(st.tuples(st.lists(st.text(min_size=1), min_size=1, max_size=3), st.integers(0, 10**6)), min_size=1))
def test_what_was_written_is_read(files: list[tuple[list[str], int]]) -> None:
    metainfo = parse_metainfo(_torrent(_info(files)))
    assert [(file.path, file.size_bytes) for file in metainfo.files] == [
        ("/".join(["Album", *path]), size) for path, size in files
    ]
    assert metainfo.info_hash == hashlib.sha1(bencode(_info(files))).hexdigest()


@given(st.binary(min_size=20, max_size=20))
def test_a_magnet_means_the_same_in_hexadecimal_and_base32(digest: bytes) -> None:
    base32 = base64.b32encode(digest).decode()
    for text in (digest.hex(), digest.hex().upper(), base32, base32.lower()):
        magnet = parse_magnet(f"magnet:?dn=Kite%20Songs%0A&tr=udp%3A%2F%2Fa&xt=urn:btih:{text}&tr=udp%3A%2F%2Fb")
        assert magnet.info_hash == digest.hex()
        assert magnet.name == "Kite Songs"
        assert magnet.trackers == ("udp://a", "udp://b")


def test_a_magnet_of_version_2_has_the_shortened_hash_and_one_of_both_the_first() -> None:
    second = f"urn:btmh:1220{'ab' * 32}"
    assert parse_magnet(f"magnet:?xt={second}").info_hash == "ab" * 20
    assert parse_magnet(f"magnet:?xt={second}&xt=urn:btih:{'c' * 40}").info_hash == "c" * 40


@given(st.text() | st.text().map("magnet:?xt=urn:btih:".__add__))
def test_parsing_a_magnet_raises_nothing_but_its_own_error(text: str) -> None:
    with contextlib.suppress(MetainfoError):
        parse_magnet(text)

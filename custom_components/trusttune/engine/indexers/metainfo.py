"""What a .torrent file or a magnet link says, read strictly; both come from strangers.

Formats: BEP 3 (metainfo), BEP 9 (magnet links), BEP 47 (padding files), BEP 52 (version 2).
"""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ..errors import MetainfoError
from ..torrents.client import TorrentFile

MAX_METAINFO_BYTES: Final = 10 * 1024**2
MAX_MAGNET_CHARACTERS: Final = 64 * 1024
_MAX_DEPTH: Final = 64
_MAX_TRACKERS: Final = 200
_NUMBER: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_LENGTH: Final = re.compile(rb"(0|[1-9][0-9]{0,8}):")
_BTIH: Final = "urn:btih:"
_BTMH: Final = "urn:btmh:"

type Bencoded = int | bytes | list[Bencoded] | dict[bytes, Bencoded]


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A .torrent's content.

    `files` leaves padding out and counts indexes without it, as torrent clients list them; their
    paths begin with the torrent's name and are kept as they came. `hostile_paths` names those that
    try to leave the folder or to deceive a reader.
    """

    info_hash: str
    name: str
    files: tuple[TorrentFile, ...]
    total_bytes: int
    trackers: tuple[str, ...]
    is_private: bool
    hostile_paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Magnet:
    """What a magnet link says; of a version 2 hash the first 40 hex digits, as clients use it."""

    info_hash: str
    name: str
    trackers: tuple[str, ...]


def parse_metainfo(raw: bytes) -> Metainfo:
    """Read a whole .torrent file. Raises MetainfoError and nothing else.

    The info hash is the SHA-1 of the info dictionary's own bytes, or for a torrent of version 2
    alone the first 20 bytes of their SHA-256.
    """
    if len(raw) > MAX_METAINFO_BYTES:
        raise MetainfoError(f"The .torrent file is larger than {MAX_METAINFO_BYTES // 1024**2} MiB.")
    root, spans = _bdecode(raw)
    if not isinstance(root, dict) or not isinstance(info := root.get(b"info"), dict):
        raise MetainfoError("This is not a .torrent file: it has no info dictionary.")
    raw_info = raw[slice(*spans[b"info"])]
    name = _text(info.get(b"name.utf-8", info.get(b"name")))
    if not name:
        raise MetainfoError("The .torrent file has no name.")
    if b"pieces" in info:
        info_hash = hashlib.sha1(raw_info, usedforsecurity=False).hexdigest()
        parts = _files_v1(info, name)
    elif info.get(b"meta version") == 2:
        info_hash = hashlib.sha256(raw_info).hexdigest()[:40]
        parts = _files_v2(info, name)
    else:
        raise MetainfoError("The .torrent file has neither pieces nor a file tree.")
    if not parts:
        raise MetainfoError("The .torrent file lists no files.")
    files = tuple(
        TorrentFile(index=index, path="/".join(path), size_bytes=size) for index, (path, size, _) in enumerate(parts)
    )
    return Metainfo(
        info_hash=info_hash,
        name=name,
        files=files,
        total_bytes=sum(file.size_bytes for file in files),
        trackers=_trackers(root),
        is_private=info.get(b"private") == 1,
        hostile_paths=tuple(
            "/".join(path) for path, _, is_link in parts if is_link or any(_is_hostile(part) for part in path)
        ),
    )


def parse_magnet(text: str) -> Magnet:
    """Read a magnet link with a hexadecimal or base32 hash. Raises MetainfoError and nothing else."""
    if len(text) > MAX_MAGNET_CHARACTERS:
        raise MetainfoError("The magnet link is too long.")
    try:
        parts = urlsplit(text.strip())
        fields = parse_qsl(parts.query, max_num_fields=1000)
    except ValueError:
        raise MetainfoError("The magnet link cannot be read.") from None
    if parts.scheme != "magnet":
        raise MetainfoError("This is not a magnet link.")
    topics = [value for key, value in fields if key == "xt" or key.startswith("xt.")]
    # A magnet of both versions is known by its first one, as everywhere in the engine.
    for topic in sorted(topics, key=lambda topic: not topic.lower().startswith(_BTIH)):
        if info_hash := _topic_hash(topic):
            break
    else:
        raise MetainfoError("The magnet link carries no info hash.")
    name = next((_printable(value) for key, value in fields if key == "dn"), "")
    trackers = dict.fromkeys(value for key, value in fields if key == "tr" or key.startswith("tr."))
    return Magnet(info_hash=info_hash, name=name, trackers=tuple(trackers)[:_MAX_TRACKERS])


def _topic_hash(topic: str) -> str | None:
    lowered = topic.lower()
    if lowered.startswith(_BTIH):
        digest = lowered.removeprefix(_BTIH)
        if re.fullmatch("[0-9a-f]{40}", digest):
            return digest
        if re.fullmatch("[a-z2-7]{32}", digest):
            return base64.b32decode(digest.upper()).hex()
    # A multihash: 0x12 is SHA-256, 0x20 its length.
    if lowered.startswith(_BTMH) and re.fullmatch("1220[0-9a-f]{64}", digest := lowered.removeprefix(_BTMH)):
        return digest[4:44]
    return None


def _files_v1(info: dict[bytes, Bencoded], name: str) -> list[tuple[tuple[str, ...], int, bool]]:
    """Give (path, size, whether it is a link) of each file of a version 1 or hybrid torrent."""
    piece_length, pieces = info.get(b"piece length"), info[b"pieces"]
    if not isinstance(piece_length, int) or piece_length <= 0 or not isinstance(pieces, bytes) or len(pieces) % 20:
        raise MetainfoError("The .torrent file's pieces are not sound.")
    listed = info.get(b"files")
    rows: list[Bencoded] = listed if isinstance(listed, list) else [info]
    files, total = [], 0
    for row in rows:
        if not isinstance(row, dict):
            raise MetainfoError("The .torrent file's list of files is not sound.")
        size = _size(row.get(b"length"))
        total += size
        attributes = row.get(b"attr", b"")
        if not isinstance(attributes, bytes):
            attributes = b""
        path: tuple[str, ...] = (name,)
        if row is not info:
            inner = row.get(b"path.utf-8", row.get(b"path"))
            if not isinstance(inner, list) or not inner:
                raise MetainfoError("The .torrent file lists a file without a path.")
            path = (name, *(_text(part) for part in inner))
        if b"p" not in attributes:
            files.append((path, size, b"l" in attributes))
    if -(-total // piece_length) != len(pieces) // 20:
        raise MetainfoError("The .torrent file's pieces do not cover its files.")
    return files


def _files_v2(info: dict[bytes, Bencoded], name: str) -> list[tuple[tuple[str, ...], int, bool]]:
    """Give (path, size, whether it is a link) of each file of a version 2 torrent, in tree order."""
    files: list[tuple[tuple[str, ...], int, bool]] = []

    def walk(tree: Bencoded | None, path: tuple[str, ...]) -> None:
        if not isinstance(tree, dict) or not tree:
            raise MetainfoError("The .torrent file's tree of files is not sound.")
        for key, branch in tree.items():
            if key == b"":
                if not isinstance(branch, dict) or len(tree) != 1 or not path:
                    raise MetainfoError("The .torrent file's tree of files is not sound.")
                attributes = branch.get(b"attr", b"")
                is_link = isinstance(attributes, bytes) and b"l" in attributes
                files.append((path, _size(branch.get(b"length")), is_link))
            else:
                walk(branch, (*path, _text(key)))

    walk(info.get(b"file tree"), ())
    if len(files) == 1 and files[0][0] == (name,):
        return files
    return [((name, *path), size, is_link) for path, size, is_link in files]


def _size(value: Bencoded | None) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**50:
        raise MetainfoError("The .torrent file lists a file of an impossible size.")
    return value


def _trackers(root: dict[bytes, Bencoded]) -> tuple[str, ...]:
    found: list[Bencoded] = [root.get(b"announce", b"")]
    tiers = root.get(b"announce-list")
    for tier in tiers if isinstance(tiers, list) else ():
        found.extend(tier if isinstance(tier, list) else ())
    addresses = (address.decode("utf-8", "replace") for address in found if isinstance(address, bytes) and address)
    return tuple(dict.fromkeys(addresses))[:_MAX_TRACKERS]


def _text(value: Bencoded | None) -> str:
    if not isinstance(value, bytes):
        raise MetainfoError("The .torrent file has a name that is not text.")
    return value.decode("utf-8", "replace")


def _printable(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character)[0] != "C").strip()


def _is_hostile(part: str) -> bool:
    """Whether a part of a path leads elsewhere or looks like something it is not."""
    if part in {"", ".", ".."} or "/" in part or "\\" in part or re.match("[A-Za-z]:", part):
        return True
    # Cc are control characters, Cf hold the bidirectional and zero-width ones.
    return any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in part)


def _bdecode(raw: bytes) -> tuple[Bencoded, dict[bytes, tuple[int, int]]]:
    """Decode the whole of `raw`, and say where the values of an outermost dictionary lie in it."""
    spans: dict[bytes, tuple[int, int]] = {}

    def text(at: int) -> tuple[bytes, int]:
        if (match := _LENGTH.match(raw, at)) is None or (end := match.end() + int(match[1])) > len(raw):
            raise MetainfoError(f"This is not a .torrent file: byte {at} cannot be read.")
        return raw[match.end() : end], end

    def value(at: int, depth: int) -> tuple[Bencoded, int]:
        if depth > _MAX_DEPTH:
            raise MetainfoError("The .torrent file is nested too deep.")
        kind = raw[at : at + 1]
        if kind == b"i":
            match = _NUMBER.match(raw, at + 1)
            if match is None or raw[match.end() : match.end() + 1] != b"e":
                raise MetainfoError(f"This is not a .torrent file: byte {at} cannot be read.")
            return int(match[0]), match.end() + 1
        if kind == b"l":
            found: list[Bencoded] = []
            at += 1
            while raw[at : at + 1] != b"e":
                element, at = value(at, depth + 1)
                found.append(element)
            return found, at + 1
        if kind == b"d":
            pairs: dict[bytes, Bencoded] = {}
            at += 1
            while raw[at : at + 1] != b"e":
                key, start = text(at)
                if key in pairs:
                    raise MetainfoError("The .torrent file says the same thing twice.")
                pairs[key], at = value(start, depth + 1)
                if depth == 0:
                    spans[key] = (start, at)
            return pairs, at + 1
        return text(at)

    root, end = value(0, 0)
    if end != len(raw):
        raise MetainfoError("The .torrent file has bytes after its end.")
    return root, spans

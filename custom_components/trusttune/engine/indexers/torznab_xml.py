"""Torznab's XML, read as what it is: the words of strangers relayed by an indexer."""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..errors import MetainfoError, UnexpectedReplyError
from .metainfo import parse_magnet
from .release import IndexedRelease

MAX_ROWS: Final = 500
_MAX_TITLE: Final = 1000
_ATTRIBUTES: Final = (
    "{http://torznab.com/schemas/2015/feed}attr",
    "{http://www.newznab.com/DTD/2010/feeds/attributes/}attr",
)


@dataclass(frozen=True, slots=True)
class Caps:
    """What an indexer can be asked, and how it calls itself; `max_rows` is None where it does not say."""

    title: str
    search_parameters: frozenset[str]
    music_parameters: frozenset[str]
    max_rows: int | None = None


def parse_root(body: bytes) -> Element:
    """Parse without entities and document types. Raises UnexpectedReplyError."""
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnexpectedReplyError("A web page came instead of a feed, most likely a login page. Check the address.")
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except ParseError, DefusedXmlException, ValueError, LookupError:
        raise UnexpectedReplyError("The answer is not XML. Check the feed's address.") from None
    if root.tag.lower() == "html" or root.tag.lower().endswith("}html"):
        raise UnexpectedReplyError("A web page came instead of a feed, most likely a login page. Check the address.")
    return root


def parse_error(root: Element, *, secret: str) -> tuple[int | None, str] | None:
    """Give code and words if the answer is an error, whatever its HTTP status was."""
    if root.tag != "error":
        return None
    words = clean_title(root.get("description", ""))
    if secret:
        words = words.replace(secret, "…")
    # An address in it may carry anybody's key.
    return _number(root.get("code")), re.sub(r"\w+://\S+", "…", words)[:200]


def parse_caps(body: bytes) -> Caps:
    """Read an answer to t=caps. Raises UnexpectedReplyError."""
    root = parse_root(body)
    searching = root.find("searching")
    if root.tag != "caps" or searching is None:
        raise UnexpectedReplyError("The answer does not say what can be searched. Check the feed's address.")
    music = _parameters(searching.find("music-search")) | _parameters(searching.find("audio-search"))
    limits = root.find("limits")
    most = _number(limits.get("max")) if limits is not None else None
    server = root.find("server")
    return Caps(
        title=clean_title(server.get("title", "")) if server is not None else "",
        search_parameters=_parameters(searching.find("search")),
        music_parameters=music,
        max_rows=min(most, MAX_ROWS) if most else None,
    )


def _parameters(search: Element | None) -> frozenset[str]:
    if search is None or search.get("available", "").lower() != "yes":
        return frozenset()
    return frozenset(name for part in search.get("supportedParams", "").split(",") if (name := part.strip().lower()))


def parse_releases(body: bytes, indexer_id: str, *, secret: str = "") -> tuple[IndexedRelease, ...]:
    """Read the rows of a search, at most MAX_ROWS; rows without title or link are left out."""
    root = parse_root(body)
    if root.tag != "rss" or root.find("channel") is None:
        raise UnexpectedReplyError("The answer is not a list of releases. Check the feed's address.")
    releases: list[IndexedRelease] = []
    for row in root.iterfind("channel/item"):
        if (release := _release(row, indexer_id, secret)) is not None:
            releases.append(release)
            if len(releases) == MAX_ROWS:
                break
    return tuple(releases)


def _release(row: Element, indexer_id: str, secret: str) -> IndexedRelease | None:
    attributes: dict[str, list[str]] = {}
    for tag in _ATTRIBUTES:
        for attribute in row.iterfind(tag):
            attributes.setdefault(attribute.get("name", "").lower(), []).append(attribute.get("value", ""))
    enclosure = row.find("enclosure")
    title = clean_title(row.findtext("title", ""))
    links = [enclosure.get("url", "") if enclosure is not None else "", row.findtext("link", "")]
    links += attributes.get("magneturl", [])
    link = next((link.strip() for link in links if re.match("(magnet|https?):", link.strip(), re.IGNORECASE)), None)
    if not title or link is None:
        return None
    guid = row.findtext("guid", "").strip()
    if not guid or guid == link or "?" in guid or "magnet:" in guid or (secret and secret in guid):
        # A guid is written down, and an address with parameters may carry a key: only its fingerprint is kept.
        guid = hashlib.sha256((guid or link).encode("utf-8", "replace")).hexdigest()[:32]
    sizes = [row.findtext("size"), enclosure.get("length") if enclosure is not None else None]
    sizes += attributes.get("size", [])
    return IndexedRelease(
        indexer_id=indexer_id,
        guid=guid[:_MAX_TITLE],
        title=title,
        link=link,
        size_bytes=next((size for text in sizes if (size := _number(text))), None),
        seeders=next((count for text in attributes.get("seeders", []) if (count := _number(text)) is not None), None),
        info_hash=next(_info_hashes([*attributes.get("infohash", [])], [link, *attributes.get("magneturl", [])]), None),
        categories=tuple(
            dict.fromkeys(
                number
                for text in [*(node.text for node in row.iterfind("category")), *attributes.get("category", [])]
                if (number := _number(text)) is not None
            )
        ),
    )


def _info_hashes(told: list[str], links: list[str]) -> Iterator[str]:
    for text in told:
        if re.fullmatch("[0-9a-f]{40}", text.strip().lower()):
            yield text.strip().lower()
    for link in links:
        try:
            yield parse_magnet(link).info_hash
        except MetainfoError:
            continue


def clean_title(text: str) -> str:
    """Undo HTML escapes, which come up to twice, and drop what cannot be seen."""
    text = html.unescape(html.unescape(text))
    kept = (
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in text
        if unicodedata.category(character) not in {"Cf", "Cs"}
    )
    return " ".join("".join(kept).split())[:_MAX_TITLE]


def _number(text: str | None) -> int | None:
    """Read a whole number that is not negative."""
    text = (text or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None

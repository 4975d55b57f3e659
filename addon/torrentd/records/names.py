"""Names from torrents made safe before they reach a disk or a person.

libtorrent cleans names too; this is a check of our own on top of it, and it also keeps apart what
only a case-insensitive file system (a share, a stick) would merge.
"""

import hashlib
import unicodedata
from collections.abc import Sequence

MAX_COMPONENT_BYTES = 240
MAX_PATH_BYTES = 1_000
MAX_DEPTH = 24

# Invisible characters that turn or hide text: marks, embeddings, overrides, isolates, joiners, BOM, separators.
_INVISIBLE = frozenset(
    chr(code)
    for code in (
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0x00AD,
        0x061C,
        0x180E,
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    )
)
_WINDOWS_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10)))
)


def clean_text(text: str) -> str:
    """Return the text without control, surrogate and direction characters."""
    return "".join(
        character
        for character in text
        if character not in _INVISIBLE and unicodedata.category(character) not in ("Cc", "Cs")
    )


def clean_component(name: str) -> str:
    """Return one safe name of a file or folder, never empty, never a path."""
    cleaned = clean_text(name.replace("/", "_").replace("\\", "_")).strip()
    if not cleaned or not cleaned.strip("."):
        cleaned = "_" * max(1, len(cleaned))
    if cleaned.split(".", 1)[0].strip().lower() in _WINDOWS_DEVICES:
        cleaned = f"_{cleaned}"
    return _shorten(cleaned)


def safe_paths(paths: Sequence[str]) -> list[str]:
    """Return a safe relative path for every path of a torrent, no two alike even without case."""
    folders: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
    taken: set[tuple[str, ...]] = set()
    safe: list[str] = []
    for index, path in enumerate(paths):
        parts = tuple(part for part in path.split("/") if part) or ("_",)
        if len(parts) > MAX_DEPTH:
            parts = (*parts[: MAX_DEPTH - 1], parts[-1])
        parent: tuple[str, ...] = ()
        for depth in range(1, len(parts)):
            original = parts[:depth]
            if original not in folders:
                folders[original] = _unused((*folders[original[:-1]], clean_component(original[-1])), taken)
            parent = folders[original]
        chosen = _unused((*parent, clean_component(parts[-1])), taken)
        if len("/".join(chosen).encode()) > MAX_PATH_BYTES:
            digest = hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:16]
            chosen = _unused((chosen[0], f"{index:05d}-{digest}{_extension(chosen[-1])}"), taken)
        safe.append("/".join(chosen))
    return safe


def _unused(path: tuple[str, ...], taken: set[tuple[str, ...]]) -> tuple[str, ...]:
    candidate = path
    number = 2
    while (key := tuple(unicodedata.normalize("NFKC", part).casefold() for part in candidate)) in taken:
        extension = _extension(path[-1])
        stem = path[-1].removesuffix(extension) if extension else path[-1]
        candidate = (*path[:-1], _shorten(f"{stem} ({number}){extension}"))
        number += 1
    taken.add(key)
    return candidate


def _extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return f".{extension}" if stem and dot and 0 < len(extension.encode()) <= 16 else ""


def _shorten(name: str) -> str:
    if len(name.encode(errors="replace")) <= MAX_COMPONENT_BYTES:
        return name
    extension = _extension(name)
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    room = MAX_COMPONENT_BYTES - len(extension.encode()) - len(digest) - 1
    stem = name.removesuffix(extension).encode(errors="replace")[:room].decode(errors="ignore").rstrip()
    return f"{stem}~{digest}{extension}"

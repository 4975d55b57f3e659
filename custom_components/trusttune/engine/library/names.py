"""Names for files and folders of the library, safe on every file system that may hold it."""

import re
import unicodedata

MAX_NAME_BYTES = 180
"""Leaves room, of the usual 255, for a year, a track number and an extension."""

_SEPARATORS = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?", re.IGNORECASE)


def safe_name(text: str, *, fallback: str = "Unknown", max_bytes: int = MAX_NAME_BYTES) -> str:
    """Give a name that is exactly one path component and means the same everywhere.

    Separators and characters Windows forbids become "_"; control, invisible and direction-changing characters go;
    no leading or trailing dots and spaces; reserved device names get a "_"; cut at a character to max_bytes of
    UTF-8. Empty becomes the fallback.
    """
    composed = unicodedata.normalize("NFC", text)
    spaced = "".join(" " if char.isspace() else char for char in composed)
    visible = "".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    name = " ".join(_SEPARATORS.sub("_", visible).split()).strip(". ")
    name = _cut(name, max_bytes).strip(". ")
    if _RESERVED.fullmatch(name):
        name = f"_{_cut(name, max_bytes - 1)}"
    return name or fallback


def _cut(name: str, max_bytes: int) -> str:
    """Cut to so many bytes without breaking a character or leaving a combining mark's base behind alone."""
    encoded = name.encode()
    if len(encoded) <= max_bytes:
        return name
    kept = encoded[:max_bytes].decode(errors="ignore")
    following = name[len(kept) : len(kept) + 1]
    while kept and following and unicodedata.combining(following):
        kept, following = kept[:-1], kept[-1]
    return kept

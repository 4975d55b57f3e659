"""Compares names of artists, albums and tracks: several readings of each, exactness where a name is short."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from anyascii import anyascii
from rapidfuzz import fuzz

from ..wanted.album import fold

_ROMAN = {
    "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
    "xi": "11", "xii": "12", "xiii": "13", "xiv": "14", "xv": "15", "xvi": "16", "xvii": "17", "xviii": "18",
    "xix": "19", "xx": "20",
}  # fmt: skip
_COUNTED = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5",
}  # fmt: skip
_MARKS = {"pt": "part", "pts": "part", "parts": "part", "vol": "volume", "vols": "volume", "volumes": "volume",
          "chap": "chapter", "ch": "chapter", "no": "number", "nr": "number", "disk": "disc"}  # fmt: skip
_COUNTING = frozenset({"part", "volume", "chapter", "number", "act", "book", "side", "disc", "phase", "episode"})
_AMBIGUOUS_ROMAN = frozenset({"i", "v", "x"})
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
SHORT_NAME_LENGTH = 5
"""Up to this many letters one slip makes another name ("Low", "Can", "M83"): only equality counts."""


@lru_cache(maxsize=8192)
def name_readings(name: str) -> tuple[str, ...]:
    """Ways to read a name for comparing: in its own script, without accents, and transliterated.

    Each is words in lower case with numerals and volume marks in one form. A name of symbols only is read as it is.
    """
    folded = fold(name)
    accentless = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    readings = [_in_words(form) for form in (folded, accentless, anyascii(folded).casefold())]
    if not any(char.isalnum() for char in folded):
        return ("".join(folded.split()),)
    return tuple(dict.fromkeys(reading for reading in readings if reading))


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0 to 100: the best over their readings; short names are equal or not alike at all."""
    best = 0.0
    for left in name_readings(one):
        for right in name_readings(other):
            if left == right:
                return 100.0
            if min(len(left), len(right)) <= SHORT_NAME_LENGTH:
                continue
            best = max(best, fuzz.token_sort_ratio(left, right))
    return min(best, 99.0)


def best_likeness(names: Iterable[str], other: str) -> float:
    """Likeness of the closest of several names to another."""
    return max((likeness(name, other) for name in names), default=0.0)


def numerals(name: str) -> tuple[str, ...]:
    """Give the numbers a name holds, sorted, roman and written-out ones as digits: names with other numbers differ."""
    readings = name_readings(name)
    return tuple(sorted(word for word in readings[-1].split() if word.isdecimal())) if readings else ()


def _in_words(text: str) -> str:
    text = _APOSTROPHE.sub("", text).replace("&", " and ").replace("+", " and ")
    words = [_MARKS.get(word, word) for word in _WORD.findall(text)]
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    if len(words) > 1 and words[-1] == "the":
        words = words[:-1]  # "Harbours, The"
    for place, word in enumerate(words):
        follows_mark = place > 0 and words[place - 1] in _COUNTING
        if word in _ROMAN and (word not in _AMBIGUOUS_ROMAN or follows_mark or (place and place == len(words) - 1)):
            words[place] = _ROMAN[word]
        elif follows_mark and word in _COUNTED:
            words[place] = _COUNTED[word]
        elif word.isdecimal() and word.isascii():
            words[place] = str(int(word)) if len(word) <= 9 else word
    return " ".join(words)

"""A small part of the Lucene query language, as MusicBrainz and the Internet Archive understand it."""

import re
import unicodedata
from collections.abc import Callable, Mapping

_CLAUSE = re.compile(
    r"(?:(?P<field>[A-Za-z]+):)?(?:\((?P<group>[^()]*)\)|\"(?P<phrase>(?:\\.|[^\"\\])*)\"|(?P<word>[^\s()\"]+))"
)


def words(text: str) -> set[str]:
    """Split into words without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return set(re.findall(r"\w+", "".join(letter for letter in plain if not unicodedata.combining(letter))))


def matches(query: str, document: Mapping[str, str], any_field: Callable[[Mapping[str, str]], str]) -> bool:
    """Say whether a document meets all clauses. `any_field` gives the text that clauses without a field search."""
    for clause in _CLAUSE.finditer(query):
        if clause["word"] in {"AND", "OR", "&&"} and not clause["field"]:
            continue
        text = document.get(clause["field"].casefold(), "") if clause["field"] else any_field(document)
        alternatives = re.split(r"\s+OR\s+", clause["group"]) if clause["group"] is not None else None
        wanted = alternatives or [clause["phrase"] if clause["phrase"] is not None else clause["word"]]
        if not any(_holds(one.strip().strip('"'), text) for one in wanted):
            return False
    return True


def _holds(wanted: str, text: str) -> bool:
    if "*" in wanted:
        pattern = ".*".join(map(re.escape, wanted.split("*")))
        return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None
    return bool(words(wanted)) and words(wanted) <= words(text)

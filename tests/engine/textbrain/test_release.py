"""Release titles: the table, and what must hold for any text whatever."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custom_components.trusttune.engine.textbrain.release import MAX_TITLE_LENGTH, parse_release

from .problems import rows

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="()[]{}-_. /+,&", max_size=300),
    st.lists(
        st.sampled_from(
            [
                "FLAC",
                "[",
                "]",
                "(",
                ")",
                " - ",
                "-",
                "_",
                ".",
                "2019",
                "1990-2005",
                "Live",
                "24/96",
                "by",
                "\x00",
                "\u202e",
                "é",
                "é",
            ]
        ),
        max_size=60,
    ).map("".join),
    st.text(min_size=1, max_size=4).map(lambda part: part * 4000),
)


@pytest.mark.parametrize("row", rows("titles.jsonl"), ids=lambda row: row["why"])
def test_a_title_is_read_as_the_table_says(row: dict[str, Any]) -> None:
    parsed = parse_release(row["title"])
    expected = {name: value for name, value in row.items() if name not in {"title", "why"}}
    said = {name: getattr(parsed, name) for name in expected}
    for name in said.keys() & {"flags", "edition"}:
        said[name] = sorted(said[name])
    assert said == expected


@given(HOSTILE)
@example("0-" * 4000)
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parsed = parse_release(text)
    for part in (parsed.artist, parsed.album, *parsed.names, *parsed.leftovers):
        # A bare dash is read with a blank on either side, and nothing else makes a title longer.
        assert part is None or len(part) <= 2 * MAX_TITLE_LENGTH
    assert not any(ord(char) < 32 or char in "\u202e\u200b" for name in parsed.names for char in name if char != "\x1f")
    assert "\x1f" not in "".join(parsed.names)


@given(st.text(max_size=50), st.text(max_size=50))
def test_what_lies_beyond_the_bound_changes_nothing(one: str, other: str) -> None:
    title = "Velvet Orbit - Glasshouse Songs (2010) [FLAC] ".ljust(MAX_TITLE_LENGTH, "x")
    assert parse_release(title + one) == parse_release(title + other)

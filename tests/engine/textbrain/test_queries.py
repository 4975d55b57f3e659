"""The ladder of queries: from precise to broad, bounded, nothing asked twice."""

from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.textbrain.queries import query_ladder
from custom_components.trusttune.engine.wanted.album import WantedAlbum, fold


def texts(wanted: WantedAlbum) -> list[str]:
    return [query.text for query in query_ladder(wanted)]


def test_the_ladder_goes_from_precise_to_broad() -> None:
    assert texts(WantedAlbum("The Tin Meridians", "Glass Meridian", 2008)) == [
        "The Tin Meridians Glass Meridian 2008",
        "The Tin Meridians Glass Meridian",
        "Tin Meridians Glass Meridian",
        "The Tin Meridians discography",
    ]


def test_other_scripts_are_asked_for_transliterated_and_by_alias() -> None:
    asked = texts(WantedAlbum("Мирна Заря", "Оттепель", 2018, artist_aliases=("Myrna Zaria",)))
    assert "Mirna Zarya Ottepel" in [text.replace("'", "") for text in asked]
    assert "Myrna Zaria Оттепель" in asked


def test_names_of_symbols_are_asked_for_as_they_are() -> None:
    assert "!!! ( ) 2002" in texts(WantedAlbum("!!!", "( )", 2002))


@given(st.text(max_size=40), st.text(max_size=40), st.one_of(st.none(), st.integers(1900, 2100)))
def test_the_ladder_is_bounded_and_never_repeats_itself(artist: str, title: str, year: int | None) -> None:
    asked = texts(WantedAlbum(artist, title, year, artist_aliases=(artist, title)))
    assert len(asked) <= 8
    assert len({fold(text) for text in asked}) == len(asked)
    assert all(text.strip() for text in asked)

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.tags import delimiters, parse_lists, parse_tags, split_labels


def frame(*cells: str | None, file: str = "a.csv") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source_file": [file] * len(cells),
            "contact_key": [f"{file}{n}" for n in range(len(cells))],
            "tags_raw": list(cells),
            "lists_raw": list(cells),
        },
        schema_overrides={"tags_raw": pl.String, "lists_raw": pl.String},
    )


def split(*cells: str | None) -> list[list[str] | None]:
    return split_labels(frame(*cells), "tags_raw").to_list()


def test_names_are_trimmed_and_blanks_dropped() -> None:
    assert split("Gold; Silver ;;", "Gold;  VIP  member", None, " ; ") == [
        ["Gold", "Silver"],
        ["Gold", "VIP member"],
        None,
        None,
    ]


def test_delimiter_is_chosen_for_the_file_and_not_for_the_cell() -> None:
    # The comma belongs to a name, in a file whose other cells join with semicolons.
    assert split("a;b", "c;d", "Smith, Jones") == [["a", "b"], ["c", "d"], ["Smith, Jones"]]
    assert split("a,b", "c,d", "one") == [["a", "b"], ["c", "d"], ["one"]]


def test_each_file_has_its_own_delimiter() -> None:
    both = pl.concat([frame("a;b", "c;d"), frame("a,b", "c,d", file="b.csv")])
    assert delimiters(both, "tags_raw").select("source_file", "delimiter").rows() == [
        ("a.csv", ";"),
        ("b.csv", ","),
    ]


def test_two_recurring_delimiters_prefer_the_semicolon_and_say_so() -> None:
    found = delimiters(frame("a;b", "c;d", "e,f", "g,h"), "tags_raw").row(0, named=True)
    assert (found["delimiter"], found["ambiguous"]) == (";", True)


def test_bars_join_only_where_they_outnumber_commas() -> None:
    assert split("a|b", "c | d") == [["a", "b"], ["c", "d"]]
    assert split("Gold | VIP,x", "Gold | VIP,y", "a,b") == [
        ["Gold | VIP", "x"],
        ["Gold | VIP", "y"],
        ["a", "b"],
    ]


def test_html_entities_are_no_delimiters() -> None:
    assert split("R&amp;D, x", "R&amp;D, y") == [["R&D", "x"], ["R&D", "y"]]


def test_one_spelling_per_tag_and_one_row_per_person_and_tag() -> None:
    rows = parse_tags(frame("Gold;gold;VIP", "GOLD;vip;New")).rows()
    assert rows == [
        ("a.csv0", "Gold", "gold"),
        ("a.csv0", "VIP", "vip"),
        ("a.csv1", "Gold", "gold"),
        ("a.csv1", "VIP", "vip"),
        ("a.csv1", "New", "new"),
    ]


def test_accents_tell_tags_apart() -> None:
    assert parse_tags(frame("Café;Cafe", "Café;x"))["tag_folded"].n_unique() == 3


def test_lists_have_their_own_columns() -> None:
    assert parse_lists(frame("News;Offers", "News;x")).columns == [
        "contact_key",
        "list_name",
        "list_folded",
    ]


def test_no_tags_at_all() -> None:
    assert parse_tags(frame(None, None)).height == 0
    assert parse_tags(frame()).height == 0


NAMES = st.text(alphabet="abcXY 12é-", min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(deadline=None)
@given(st.lists(st.lists(NAMES, min_size=2, max_size=5), min_size=2, max_size=6),
       st.sampled_from([";", ",", "|", "; ", ", "]))  # fmt: skip
def test_joining_and_splitting_is_the_identity(cells: list[list[str]], mark: str) -> None:
    expected = [[" ".join(name.split()) for name in cell] for cell in cells]
    null_words = {"", "-", "--"}
    joined = [mark.join(cell) for cell in cells]
    assert [
        got
        for got, text in zip(split(*joined), joined, strict=True)
        if text.strip() not in null_words
    ] == [e for e, text in zip(expected, joined, strict=True) if text.strip() not in null_words]

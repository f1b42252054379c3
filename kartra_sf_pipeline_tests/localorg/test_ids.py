from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.ids import ALPHABET, checksum, make_ids, to_18, well_formed


@pytest.mark.parametrize(
    "known",
    ["001xx000000000BAAQ", "003xx000000000OAAQ", "00Di0000000bAAAAAAA"[:15], "005xx000000000FAAQ"],
)
def test_checksums_agree_with_ids_of_real_shape(known: str) -> None:
    assert to_18(known) == known[:15] + checksum(known[:15])


@given(st.text(alphabet=ALPHABET, min_size=15, max_size=15))
def test_an_id_whose_case_was_lost_is_repaired(id15: str) -> None:
    full = id15 + checksum(id15)
    assert to_18(id15) == full
    assert to_18(full) == full
    assert to_18(full.lower()) == full
    assert to_18(full.upper()) == full


@given(st.text(max_size=20))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    found = to_18(text)
    assert found is None or (len(found) == 18 and found[:15].lower() == text[:15].lower())


@given(st.integers(0, 62**9 - 50), st.integers(1, 50))
def test_made_ids_are_well_formed_distinct_and_rising(first: int, count: int) -> None:
    ids = make_ids("003", first, count)
    assert ids.n_unique() == count
    assert well_formed(ids).all()
    assert [to_18(i) for i in ids] == ids.to_list()
    assert ids.to_list() == sorted(ids.to_list())


def test_a_wrong_checksum_is_not_well_formed() -> None:
    ids = pl.Series(["001xx000000000BAAQ", "001xx000000000BAAA", "001xx000000000B", None, ""])
    assert well_formed(ids).to_list() == [True, False, False, False, False]

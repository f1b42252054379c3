from __future__ import annotations

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.original_dates import dates_lost, original_date_faults
from kartra_sf_pipeline.mapping.strategies import Strategies


def test_without_the_permission_the_map_tells_where_the_original_date_is_kept() -> None:
    field_map = default_map()
    lost = dates_lost(field_map, field_map.active())
    assert lost["contacts"] == ("Kartra_Created_At__c",)
    assert "accounts" not in lost
    (told,) = original_date_faults(field_map, field_map.active())
    assert not told.stops
    assert "Contact: Kartra_Created_At__c" in told.what
    assert "Set Audit Fields upon Record Creation" in told.way_out


def test_with_the_permission_or_without_the_wish_there_is_nothing_to_tell() -> None:
    field_map = default_map()
    assert original_date_faults(field_map, field_map.active(lambda *_: True)) == []
    without = field_map.model_copy(update={"strategies": Strategies(original_dates=False)})
    assert original_date_faults(without, without.active()) == []

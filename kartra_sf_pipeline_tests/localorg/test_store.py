from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kartra_sf_pipeline.localorg.schema import Field, Stage, custom_object, standard_schema
from kartra_sf_pipeline.localorg.store import Store
from kartra_sf_pipeline_tests.localorg.engine import KEY, Engine, key_field


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "org")


def test_the_standard_schema_knows_the_objects_of_a_migration() -> None:
    schema = standard_schema()
    assert [f.name for f in schema.object("contact").fields if f.required] == ["LastName"]  # type: ignore[union-attr]
    opportunity = schema.object("Opportunity")
    assert opportunity is not None
    assert [f.name for f in opportunity.fields if f.required] == ["Name", "StageName", "CloseDate"]
    stage = opportunity.field("stagename")
    assert stage is not None
    assert not stage.restricted_picklist
    assert schema.by_prefix["00v"].name == "CampaignMember"


def test_a_new_org_has_users_a_standard_price_book_and_stages(engine: Engine) -> None:
    assert engine.one("SELECT count(*) FROM User WHERE IsActive = 1") == 2
    assert engine.one("SELECT count(*) FROM User WHERE IsActive = 0") == 1
    assert engine.one("SELECT IsStandard, IsActive FROM Pricebook2") == (1, 1)
    assert engine.store.catalog.stages()["closed won"].won


def test_a_deployed_field_is_invisible_until_a_permission_set_grants_it(engine: Engine) -> None:
    engine.store.catalog.put_field("Contact", key_field())
    assert engine.store.visible_schema().object("Contact").field(KEY) is None  # type: ignore[union-attr]
    engine.add_field("Contact", key_field())
    seen = engine.store.visible_schema().object("Contact").field(KEY)  # type: ignore[union-attr]
    assert seen is not None
    assert seen.createable


def test_a_read_only_grant_shows_a_field_that_cannot_be_written(engine: Engine) -> None:
    field = Field("Score__c", "Score", "double", precision=18, custom=True)
    engine.add_field("Contact", field, edit=False)
    seen = engine.store.visible_schema().object("Contact").field("Score__c")  # type: ignore[union-attr]
    assert seen is not None
    assert not seen.updateable
    (outcome,) = engine.insert("Contact", {"LastName": "A", "Score__c": "1"})
    assert outcome["code"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_required_custom_field_needs_no_grant(engine: Engine) -> None:
    engine.store.catalog.put_field(
        "Account", Field("Must__c", "Must", "string", length=10, nillable=False, custom=True)
    )
    assert engine.store.visible_schema().object("Account").field("Must__c") is not None  # type: ignore[union-attr]
    (outcome,) = engine.insert("Account", {"Name": "A"})
    assert outcome["message"] == "Required fields are missing: [Must__c]"


def test_schema_and_rows_survive_a_new_process(engine: Engine, tmp_path: Path) -> None:
    engine.add_field("Contact", key_field())
    engine.store.catalog.put_object(custom_object("Thing__c", "Thing", "Things"))
    engine.store.catalog.put_field(
        "Thing__c", Field("Size__c", "Size", "double", precision=10, scale=2, custom=True)
    )
    engine.upsert("Contact", {KEY: "1", "LastName": "Müller"})
    engine.store.close()
    again = Store(tmp_path / "org")
    assert again.query(f"SELECT {KEY}, LastName FROM Contact") == [("1", "Müller")]
    thing = again.schema.object("thing__c")
    assert thing is not None
    assert thing.key_prefix == "a00"
    assert thing.field("size__c") is not None
    assert again.visible_schema().object("Contact").field(KEY) is not None  # type: ignore[union-attr]


def test_a_file_of_an_older_version_gets_the_columns_that_it_lacks(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.store.write() as connection:
        connection.execute("ALTER TABLE PermissionSet DROP COLUMN PermissionsApiEnabled")
        connection.execute("DROP TABLE CustomPermission")
    engine.store.close()
    again = Store(tmp_path / "org")
    assert again.query("SELECT count(PermissionsApiEnabled) FROM PermissionSet") == [(0,)]
    assert again.query("SELECT count(*) FROM CustomPermission") == [(0,)]


def test_an_error_takes_rows_and_schema_back_together(engine: Engine) -> None:
    class Stop(Exception):
        pass

    def spoil() -> None:
        with engine.store.write() as connection:
            engine.store.catalog.put_field("Contact", key_field())
            connection.execute("DELETE FROM Pricebook2")
            raise Stop

    with pytest.raises(Stop):
        spoil()
    assert engine.store.schema.object("Contact").field(KEY) is None  # type: ignore[union-attr]
    assert engine.one("SELECT count(*) FROM Pricebook2") == 1
    engine.store.catalog.put_field("Contact", key_field())


def test_reset_leaves_an_org_as_on_its_first_day_with_the_same_ids(engine: Engine) -> None:
    before = engine.store.org_id, engine.store.user_id
    engine.add_field("Contact", key_field())
    engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    engine.store.reset()
    assert (engine.store.org_id, engine.store.user_id) == before
    assert engine.one("SELECT count(*) FROM Contact") == 0
    assert engine.store.schema.object("Contact").field(KEY) is None  # type: ignore[union-attr]
    assert engine.one("SELECT Id FROM User WHERE IsActive = 1 ORDER BY Id LIMIT 1") == before[1]


def test_a_unique_index_refuses_to_come_late(engine: Engine) -> None:
    plain = Field("Code__c", "Code", "string", length=20, custom=True)
    engine.add_field("Account", plain)
    engine.insert("Account", {"Name": "A", "Code__c": "x"}, {"Name": "B", "Code__c": "X"})
    with pytest.raises(sqlite3.IntegrityError):
        engine.store.catalog.put_field(
            "Account", Field("Code__c", "Code", "string", length=20, unique=True, custom=True)
        )


def test_a_new_stage_decides_about_its_opportunities(engine: Engine) -> None:
    engine.store.catalog.put_stage(
        Stage("Refunded", closed=True, won=False, probability=0, forecast_category="Omitted")
    )
    engine.insert("Opportunity", {"Name": "R", "StageName": "refunded", "CloseDate": "2026-01-01"})
    assert engine.one("SELECT StageName, IsClosed, IsWon, ForecastCategory FROM Opportunity") == (
        "Refunded",
        1,
        0,
        "Omitted",
    )


def test_a_dropped_field_is_gone_with_its_values(engine: Engine) -> None:
    engine.add_field("Contact", key_field())
    engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    assert engine.store.catalog.drop_field("Contact", KEY)
    assert not engine.store.catalog.drop_field("Contact", KEY)
    assert not engine.store.catalog.drop_field("Contact", "LastName")
    engine.add_field("Contact", key_field())
    assert engine.one(f"SELECT {KEY} FROM Contact") is None

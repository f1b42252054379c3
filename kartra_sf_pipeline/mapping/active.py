"""The part of a map that counts for an org, and objects that are planned but not there yet."""

from __future__ import annotations

from collections.abc import Mapping

from kartra_sf_pipeline.mapping.model import FieldMap, NewObject, PhaseMap
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

CURRENCY = "CurrencyIsoCode"
"""A record's currency; the field is there only in an org of several."""

NAME_LENGTH = 80
"""Characters of a custom object's Name."""


def active_phases(
    field_map: FieldMap, objects: Mapping[str, ObjectDescribe]
) -> dict[str, PhaseMap]:
    """The phases that write, with the rules that count for this org, in the order of loading."""

    def writable(sobject: str, target: str) -> bool:
        described = objects.get(sobject)
        field = described.fields.get(target) if described else None
        return field is not None and field.createable

    return field_map.active(writable)


def with_planned_objects(
    field_map: FieldMap, objects: Mapping[str, ObjectDescribe]
) -> dict[str, ObjectDescribe]:
    """The org's objects and those that the map will create, as they will be without our fields."""
    # In an org of several currencies each object has the field, also one that is made later.
    currency = next(
        (one.fields[CURRENCY] for one in objects.values() if CURRENCY in one.fields), None
    )
    planned = {
        phase.object: _planned(phase.object, phase.custom_object, currency)
        for phase in field_map.active().values()
        if phase.custom_object is not None and phase.object not in objects
    }
    return {**objects, **planned}


def _planned(name: str, new: NewObject, currency: FieldDescribe | None) -> ObjectDescribe:
    fields = {
        "Id": _field("Id", "Record ID", "id", 18, writable=False),
        "Name": _field("Name", new.name_label, "string", NAME_LENGTH),
        "OwnerId": _field("OwnerId", "Owner ID", "reference", 18, refers=("User", "Group")),
    }
    if currency is not None:
        fields[CURRENCY] = currency
    return ObjectDescribe(
        name=name,
        label=new.label,
        key_prefix=None,
        custom=True,
        createable=True,
        updateable=True,
        deletable=True,
        queryable=True,
        fields=fields,
    )


def _field(
    name: str,
    label: str,
    kind: str,
    length: int,
    *,
    writable: bool = True,
    refers: tuple[str, ...] = (),
) -> FieldDescribe:
    return FieldDescribe.from_json(
        {
            "name": name,
            "label": label,
            "type": kind,
            "length": length,
            "nillable": True,
            "createable": writable,
            "updateable": writable,
            "defaultedOnCreate": True,
            "referenceTo": refers,
            "relationshipName": "Owner" if refers else None,
            "idLookup": name == "Id",
        }
    )

"""What an org says about its objects and fields, as plain frozen data."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldDescribe:
    """One field as the signed-in user sees it. `type` is describe's own lower-case word.

    `length` counts characters; `precision` counts all digits, `scale` those after the point.
    `picklist_values` are the active values in order. `labelled_values` has value, label and the
    controlling field's value, or an empty text, where values have labels of their own or go with
    another field's; it is empty elsewhere.
    """

    name: str
    label: str
    type: str
    length: int
    precision: int
    scale: int
    digits: int
    nillable: bool
    createable: bool
    updateable: bool
    unique: bool
    case_sensitive: bool
    external_id: bool
    id_lookup: bool
    restricted_picklist: bool
    picklist_values: tuple[str, ...]
    reference_to: tuple[str, ...]
    relationship_name: str | None
    default_value: str | bool | float | int | None
    defaulted_on_create: bool
    calculated: bool
    custom: bool
    labelled_values: tuple[tuple[str, str, str], ...] = ()

    @property
    def required_on_create(self) -> bool:
        """Whether an insert without this field is refused by the platform itself."""
        return (
            self.createable
            and not self.nillable
            and not self.defaulted_on_create
            and self.default_value is None
            and self.type != "boolean"
        )

    @classmethod
    def from_json(
        cls, raw: Mapping[str, Any], controllers: Mapping[str, Sequence[str]] | None = None
    ) -> FieldDescribe:
        """From one entry of the REST describe's `fields`; `controllers` has the values, in
        describe's order, of those fields that others depend on.
        """
        default = raw.get("defaultValue")
        return cls(
            name=raw["name"],
            label=raw.get("label") or raw["name"],
            type=raw.get("type") or "string",
            length=int(raw.get("length") or 0),
            precision=int(raw.get("precision") or 0),
            scale=int(raw.get("scale") or 0),
            digits=int(raw.get("digits") or 0),
            nillable=bool(raw.get("nillable", True)),
            createable=bool(raw.get("createable")),
            updateable=bool(raw.get("updateable")),
            unique=bool(raw.get("unique")),
            case_sensitive=bool(raw.get("caseSensitive")),
            external_id=bool(raw.get("externalId")),
            id_lookup=bool(raw.get("idLookup")),
            restricted_picklist=bool(raw.get("restrictedPicklist")),
            picklist_values=tuple(
                value["value"]
                for value in raw.get("picklistValues") or ()
                if value.get("active", True) and value.get("value") is not None
            ),
            reference_to=tuple(raw.get("referenceTo") or ()),
            relationship_name=raw.get("relationshipName"),
            default_value=default if isinstance(default, (str, bool, int, float)) else None,
            defaulted_on_create=bool(raw.get("defaultedOnCreate")),
            calculated=bool(raw.get("calculated")),
            custom=bool(raw.get("custom")),
            labelled_values=_labelled(raw, controllers or {}),
        )


def _labelled(
    raw: Mapping[str, Any], controllers: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, str, str], ...]:
    """Each active value with its label, once per controlling value that lets it."""
    active = [
        option
        for option in raw.get("picklistValues") or ()
        if option.get("active", True) and option.get("value") is not None
    ]
    above = controllers.get(raw.get("controllerName") or "")
    if above is None and all(option.get("label") in (None, option["value"]) for option in active):
        return ()
    return tuple(
        (option["value"], option.get("label") or option["value"], controlling)
        for option in active
        for controlling in ([""] if above is None else _let_by(option.get("validFor"), above))
    )


def _let_by(valid_for: str | None, controlling: Sequence[str]) -> list[str]:
    """The controlling values whose bit is set, the first value's being the highest of byte 0."""
    bits = base64.b64decode(valid_for or "")
    return [
        value
        for place, value in enumerate(controlling)
        if place // 8 < len(bits) and bits[place // 8] & (128 >> place % 8)
    ]


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type other than the master; `available` to the signed-in user for new records."""

    name: str
    active: bool
    available: bool


@dataclass(frozen=True, slots=True)
class ObjectDescribe:
    """One object with its fields by API name, in the order the org lists them."""

    name: str
    label: str
    key_prefix: str | None
    custom: bool
    createable: bool
    updateable: bool
    deletable: bool
    queryable: bool
    fields: dict[str, FieldDescribe]
    record_types: tuple[RecordType, ...] = ()

    def by_relationship(self, name: str) -> FieldDescribe | None:
        """The lookup field whose relationship is called `name` (`Account` finds `AccountId`)."""
        wanted = name.lower()
        for field in self.fields.values():
            if field.relationship_name and field.relationship_name.lower() == wanted:
                return field
        return None

    def references(self) -> set[str]:
        """Names of the objects that writable lookups of this one can point to."""
        return {
            target
            for field in self.fields.values()
            if field.createable or field.updateable
            for target in field.reference_to
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ObjectDescribe:
        """From the REST describe of an object."""
        described = raw.get("fields") or ()
        above = {field.get("controllerName") for field in described} - {None}
        controllers = {
            field["name"]: [option["value"] for option in field.get("picklistValues") or ()]
            for field in described
            if field["name"] in above
        }
        fields = [FieldDescribe.from_json(field, controllers) for field in described]
        return cls(
            name=raw["name"],
            label=raw.get("label") or raw["name"],
            key_prefix=raw.get("keyPrefix"),
            custom=bool(raw.get("custom")),
            createable=bool(raw.get("createable")),
            updateable=bool(raw.get("updateable")),
            deletable=bool(raw.get("deletable")),
            queryable=bool(raw.get("queryable", True)),
            fields={field.name: field for field in fields},
            record_types=tuple(
                RecordType(one["developerName"], bool(one["active"]), bool(one["available"]))
                for one in raw.get("recordTypeInfos") or ()
                if not one.get("master")
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back; stable from describe to describe."""
        plain = asdict(self)
        plain["fields"] = list(plain["fields"].values())
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ObjectDescribe:
        """The inverse of `to_dict`, also after a trip through JSON."""
        fields = [
            FieldDescribe(
                **{
                    **field,
                    "picklist_values": tuple(field["picklist_values"]),
                    "reference_to": tuple(field["reference_to"]),
                    "labelled_values": tuple(
                        tuple(one) for one in field.get("labelled_values") or ()
                    ),
                }
            )
            for field in plain["fields"]
        ]
        kinds = tuple(RecordType(**one) for one in plain.get("record_types", ()))
        return cls(
            **{
                **plain,
                "fields": {field.name: field for field in fields},
                "record_types": kinds,
            }
        )

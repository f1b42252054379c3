"""What an org says about its objects and fields, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldDescribe:
    """One field as the signed-in user sees it. `type` is describe's own lower-case word.

    `length` counts characters; `precision` counts all digits, `scale` those after the point.
    `picklist_values` are the active values in order.
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
    def from_json(cls, raw: Mapping[str, Any]) -> FieldDescribe:
        """From one entry of the REST describe's `fields`."""
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
        )


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
        fields = [FieldDescribe.from_json(field) for field in raw.get("fields") or ()]
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
                }
            )
            for field in plain["fields"]
        ]
        return cls(**{**plain, "fields": {field.name: field for field in fields}})

"""What objects and fields the org has: immutable snapshots, safe to share between threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from kartra_sf_pipeline.localorg import standard_data

# Field types whose value is text in the store and in a reply.
TEXT_TYPES = frozenset(
    {
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "encryptedstring",
        "blob",
        "anyType",
    }
)
NUMBER_TYPES = frozenset({"double", "currency", "percent"})
# A compound address is assembled from its parts when it is read and has no column of its own.
COMPOUND_TYPES = frozenset({"address", "location"})
AUDIT_FIELDS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
SYSTEM_FIELDS = frozenset({"Id", "IsDeleted", "SystemModstamp", *AUDIT_FIELDS})


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One value of a picklist, in the order in which a describe lists it."""

    value: str
    label: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True)
class Field:
    """One field as a describe tells it; `length` counts characters, `digits` is for integers.

    `relationship_name` leads from this record to its parent, `child_relationship_name` from the
    parent to a list of these records.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    defaulted_on_create: bool = False
    default_value: str | None = None
    calculated: bool = False
    restricted_picklist: bool = False
    dependent_picklist: bool = False
    picklist_values: tuple[PicklistValue, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship_name: str | None = None
    polymorphic_foreign_key: bool = False
    delete_constraint: str = "SetNull"
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    custom: bool = False
    name_field: bool = False
    compound_field_name: str | None = None
    html_formatted: bool = False
    help_text: str | None = None
    description: str | None = None
    # How an automatic number is written: `P-{0000}`.
    display_format: str | None = None

    @property
    def stored(self) -> bool:
        """False for compound fields, which have no column."""
        return self.type not in COMPOUND_TYPES

    @property
    def required(self) -> bool:
        """True when a create without a value is refused."""
        return (
            not self.nillable
            and self.createable
            and not self.defaulted_on_create
            and self.type != "boolean"
        )

    @property
    def key(self) -> bool:
        """True when an upsert or a relationship column may name a record by this field."""
        return self.external_id or self.id_lookup

    @cached_property
    def active_values(self) -> frozenset[str]:
        """Active picklist values, folded: a restricted picklist ignores case."""
        return frozenset(v.value.casefold() for v in self.picklist_values if v.active)

    @property
    def default_picklist_value(self) -> str | None:
        """The value that a create without one receives, if the picklist has a default."""
        return next((v.value for v in self.picklist_values if v.default and v.active), None)

    def to_json(self) -> dict[str, Any]:
        """Only what differs from a plain field, so that stored definitions stay readable."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in {"name", "label", "type"} or value != f.default:
                out[f.name] = value
        out["picklist_values"] = [
            [v.value, v.label, v.active, v.default] for v in self.picklist_values
        ]
        out["reference_to"] = list(self.reference_to)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Field:
        """The inverse of `to_json`."""
        values = dict(data)
        values["picklist_values"] = tuple(
            PicklistValue(*v) for v in values.get("picklist_values", ())
        )
        values["reference_to"] = tuple(values.get("reference_to", ()))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ChildRelationship:
    """One lookup that points at an object, seen from that object."""

    child: str
    field: str
    relationship_name: str | None = None
    cascade_delete: bool = False
    restricted_delete: bool = False


@dataclass(frozen=True)
class SObject:
    """One object: `flags` holds the capabilities that are true, in snake_case."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    flags: frozenset[str]
    fields: tuple[Field, ...]
    child_relationships: tuple[ChildRelationship, ...] = ()
    custom: bool = False
    description: str | None = None
    _index: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._index.update({f.name.casefold(): f for f in self.fields})

    def field(self, name: str) -> Field | None:
        """The field of that API name in any case, or None."""
        return self._index.get(name.casefold())

    def relationship(self, name: str) -> Field | None:
        """The lookup whose parent is reached under `name` (`Account`, `Parent__r`), or None."""
        folded = name.casefold()
        return next(
            (f for f in self.fields if (f.relationship_name or "").casefold() == folded), None
        )

    def has(self, flag: str) -> bool:
        """True when the object has the capability `flag`, for example `createable`."""
        return flag in self.flags

    @cached_property
    def name_field(self) -> Field | None:
        """The field that stands for the record in a list, if the object has one."""
        return next((f for f in self.fields if f.name_field), None)

    @cached_property
    def stored_fields(self) -> tuple[Field, ...]:
        """The fields that have a column."""
        return tuple(f for f in self.fields if f.stored)

    def with_fields(self, new: Iterable[Field]) -> SObject:
        """A copy with other fields."""
        return replace(self, fields=tuple(new))


@dataclass(frozen=True)
class Schema:
    """A snapshot of all objects; look-ups ignore case."""

    objects: tuple[SObject, ...]
    version: int = 0
    _index: dict[str, SObject] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._index.update({o.name.casefold(): o for o in self.objects})

    def object(self, name: str) -> SObject | None:
        """The object of that API name in any case, or None."""
        return self._index.get(name.casefold())

    def __iter__(self) -> Iterator[SObject]:
        return iter(self.objects)

    @cached_property
    def by_prefix(self) -> dict[str, SObject]:
        """Three-character id prefix to object; setup value lists that share one are left out."""
        return {o.key_prefix: o for o in reversed(self.objects) if o.key_prefix}

    def replace_object(self, changed: SObject) -> Schema:
        """A new snapshot with `changed` added or put in the place of its namesake."""
        folded = changed.name.casefold()
        kept = [o if o.name.casefold() != folded else changed for o in self.objects]
        if folded not in self._index:
            kept.append(changed)
        return Schema(tuple(kept), self.version + 1)

    def without_object(self, name: str) -> Schema:
        """A new snapshot that lacks the object."""
        folded = name.casefold()
        return Schema(
            tuple(o for o in self.objects if o.name.casefold() != folded), self.version + 1
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """What an opportunity stage decides about the records that are in it."""

    label: str
    closed: bool
    won: bool
    probability: float
    forecast_category: str


FORECAST_CATEGORY_NAMES = {
    "Omitted": "Omitted",
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "MostLikely": "Most Likely",
    "Forecast": "Commit",
    "Closed": "Closed",
}


@lru_cache(maxsize=1)
def standard_stages() -> tuple[Stage, ...]:
    """The opportunity stages of a new org, in sort order."""
    return tuple(Stage(**s) for s in standard_data.standard()["stages"])


@lru_cache(maxsize=1)
def standard_schema() -> Schema:
    """The objects and fields of a new org, before anything is deployed to it."""
    data = standard_data.standard()
    return Schema(tuple(parse_object(raw) for raw in data["objects"]))


@lru_cache(maxsize=1)
def _value_sets() -> dict[str, tuple[PicklistValue, ...]]:
    return {
        name: tuple(PicklistValue(*v) for v in values)
        for name, values in standard_data.standard()["value_sets"].items()
    }


def parse_field(raw: Mapping[str, Any]) -> Field:
    """A field from the form that the data files have."""
    plain = {k: v for k, v in raw.items() if k not in {"values", "reference_to"}}
    return Field(
        **plain,
        picklist_values=_value_sets().get(raw.get("values", ""), ()),
        reference_to=tuple(raw.get("reference_to", ())),
    )


def parse_object(raw: Mapping[str, Any]) -> SObject:
    """An object from the form that the data files have."""
    return SObject(
        name=raw["name"],
        label=raw["label"],
        label_plural=raw["label_plural"],
        key_prefix=raw["key_prefix"],
        flags=frozenset(raw["flags"]),
        fields=tuple(parse_field(item) for item in raw["fields"]),
        child_relationships=tuple(ChildRelationship(*c) for c in raw["children"]),
    )


def custom_object(
    name: str, label: str, label_plural: str, *, name_label: str = "", description: str = ""
) -> SObject:
    """A new custom object with the fields that each one has; `Catalog.put_object` stores it."""
    read_only: dict[str, Any] = {"nillable": False, "createable": False, "updateable": False}
    given: dict[str, Any] = {**read_only, "defaulted_on_create": True}
    user: dict[str, Any] = {"length": 18, "reference_to": ("User",), **given}
    return SObject(
        name=name,
        label=label,
        label_plural=label_plural,
        key_prefix=None,
        flags=frozenset(
            [
                "createable",
                "deletable",
                "layoutable",
                "mru_enabled",
                "queryable",
                "replicateable",
                "retrieveable",
                "searchable",
                "triggerable",
                "undeletable",
                "updateable",
            ]
        ),
        fields=(
            Field("Id", "Record ID", "id", length=18, id_lookup=True, **given),
            Field(
                "OwnerId",
                "Owner ID",
                "reference",
                length=18,
                nillable=False,
                defaulted_on_create=True,
                reference_to=("Group", "User"),
                relationship_name="Owner",
                polymorphic_foreign_key=True,
            ),
            Field("IsDeleted", "Deleted", "boolean", **given),
            Field("Name", name_label or f"{label} Name", "string", length=80, name_field=True),
            Field("CreatedDate", "Created Date", "datetime", groupable=False, **given),
            Field(
                "CreatedById", "Created By ID", "reference", relationship_name="CreatedBy", **user
            ),
            Field("LastModifiedDate", "Last Modified Date", "datetime", groupable=False, **given),
            Field(
                "LastModifiedById",
                "Last Modified By ID",
                "reference",
                relationship_name="LastModifiedBy",
                **user,
            ),
            Field("SystemModstamp", "System Modstamp", "datetime", groupable=False, **given),
        ),
        custom=True,
        description=description or None,
    )

"""What can be deployed, as data: objects, fields, stages, processes, record types, permissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal[
    "Text",
    "TextArea",
    "LongTextArea",
    "Number",
    "Currency",
    "Percent",
    "Date",
    "DateTime",
    "Email",
    "Phone",
    "Url",
    "Checkbox",
    "Picklist",
    "MultiselectPicklist",
    "Lookup",
]

# Custom fields of these two live on one shared object.
ACTIVITY = "Activity"
ACTIVITY_OBJECTS = ("Event", "Task")


@dataclass(frozen=True, slots=True)
class CustomFieldSpec:
    """A custom field in the Metadata API's words. `name` ends in `__c`.

    What a type does not use is ignored: `length` belongs to Text and LongTextArea (131,072 at
    most), `precision` (all digits, 18 at most) and `scale` to numbers, `values` and `restricted`
    to picklists, `visible_lines` to LongTextArea and MultiselectPicklist, `reference_to` and
    `relationship_name` to Lookup. A field for events and tasks is specified on `Activity`.
    An external id is unique only if `unique` says so.
    """

    object: str
    name: str
    label: str
    type: FieldType
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    visible_lines: int | None = None
    reference_to: str | None = None
    relationship_name: str | None = None
    default_value: str | None = None
    description: str = ""

    @property
    def full_name(self) -> str:
        """`Object.Field__c`."""
        return f"{self.object}.{self.name}"


@dataclass(frozen=True, slots=True)
class CustomObjectSpec:
    """A custom object whose name is a text; everybody of the org may read and write its records."""

    name: str
    label: str
    plural: str
    name_label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """An opportunity stage. A won one is closed, too; `probability` is in percent."""

    name: str
    closed: bool = False
    won: bool = False
    probability: int = 0
    forecast: str = "Pipeline"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A sales process: the stages that opportunities of its record types go through."""

    object: str
    name: str
    stages: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """`Object.Name`."""
        return f"{self.object}.{self.name}"


@dataclass(frozen=True, slots=True)
class RecordTypeSpec:
    """A record type with the values that custom picklists of its object offer in it."""

    object: str
    name: str
    label: str
    description: str = ""
    process: str | None = None
    picklists: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def full_name(self) -> str:
        """`Object.Name`."""
        return f"{self.object}.{self.name}"


@dataclass(frozen=True, slots=True)
class CustomPermissionSpec:
    """A permission that rules of the org can ask for."""

    name: str
    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class PermissionSetSpec:
    """A permission set that makes what is new usable: fields, objects and record types are hidden
    at first.

    `fields` are full names; those on Activity are granted on Event and Task, as the platform asks.
    On `objects` all is granted that can be; `record_types` are full names.
    """

    name: str
    label: str
    description: str = ""
    fields: tuple[str, ...] = field(default=())
    objects: tuple[str, ...] = ()
    record_types: tuple[str, ...] = ()
    custom_permissions: tuple[str, ...] = ()

    def granted_fields(self) -> list[str]:
        """The names as the permission set file must spell them, sorted."""
        granted: set[str] = set()
        for full_name in self.fields:
            object, _, name = full_name.partition(".")
            homes = ACTIVITY_OBJECTS if object == ACTIVITY else (object,)
            granted |= {f"{home}.{name}" for home in homes}
        return sorted(granted)


@dataclass(frozen=True, slots=True)
class Components:
    """What one package brings; parts may refer to one another."""

    objects: tuple[CustomObjectSpec, ...] = ()
    fields: tuple[CustomFieldSpec, ...] = ()
    stages: tuple[StageSpec, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()
    record_types: tuple[RecordTypeSpec, ...] = ()
    custom_permissions: tuple[CustomPermissionSpec, ...] = ()
    permission_sets: tuple[PermissionSetSpec, ...] = ()

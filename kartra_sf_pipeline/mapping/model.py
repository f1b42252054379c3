"""The field map: for each load phase its object, key and fields, as a file people can read.

The model is strict: an unknown key, transform or field type is refused with its place in the file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kartra_sf_pipeline.errors import SettingsError

TransformName = Literal[
    "text", "long_text", "integer", "decimal", "date", "datetime", "boolean", "label", "multi"
]
FieldType = Literal[
    "Text",
    "LongTextArea",
    "Number",
    "Currency",
    "Date",
    "DateTime",
    "Checkbox",
    "Picklist",
    "MultiselectPicklist",
    "Email",
    "Phone",
    "Url",
    "Lookup",
]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewField(Strict):
    """A custom field that the org needs and may not have yet."""

    type: FieldType
    label: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    unique: bool = False
    external_id: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    visible_lines: int | None = None
    reference_to: str | None = None
    relationship_name: str | None = None
    description: str = ""


class FieldRule(Strict):
    """One destination field: where its value comes from and how it is written.

    `on_blank` is `keep` (a blank source leaves the org's value alone) or `clear` (a blank source
    empties the field: `#N/A` on the wire). `target` may be a relationship column such as
    `Account.Kartra_Id__c`; `field` then names the lookup that it fills.
    """

    target: str
    source: str | None = None
    constant: str | None = None
    transform: TransformName = "text"
    on_blank: Literal["keep", "clear"] = "keep"
    required: bool = False
    new: NewField | None = None
    note: str = ""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How sure the proposal is; 1 for the standard map and for what a person wrote."""
    reason: str = ""
    """Why the proposal chose this target; empty for the standard map."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldRule:
        if (self.source is None) == (self.constant is None):
            message = f"{self.target}: give either `source` or `constant`, not both or neither"
            raise ValueError(message)
        return self

    @property
    def api_name(self) -> str:
        """Name of the column on the wire."""
        return self.target


class PhaseMap(Strict):
    """What one load phase writes."""

    object: str
    source: str
    key: Annotated[str, Field(description="source column whose value is the record's key")]
    fields: tuple[FieldRule, ...]
    stamp: NewField | None = None
    """The run-stamp field, where the object takes one."""

    @model_validator(mode="after")
    def _targets_once(self) -> PhaseMap:
        seen: set[str] = set()
        for rule in self.fields:
            if rule.target.lower() in seen:
                message = f"two sources for one target: {rule.target}"
                raise ValueError(message)
            seen.add(rule.target.lower())
        return self


class Policies(Strict):
    """Choices made at scoping that are no field's."""

    tags_in_picklist: int = Field(default=100, ge=1, le=500)
    """How many tags the picklist keeps once the account has more than `tags_limit` (S36)."""
    tags_limit: int = Field(default=500, ge=1, le=500)
    campaign_member_status: str = "Responded"
    contact_role: str = "Economic Buyer"
    stage_won: str = "Closed Won"


class Unmapped(Strict):
    """A column of the account that no rule names: listed, so that nothing is left out unseen."""

    source: str
    """Prepared frame and column, as in `contacts_unified.twitter`."""
    filled: int = 0
    """Rows that hold a value."""


PHASE_NAMES = (
    "accounts",
    "affiliates",
    "products",
    "pricebook_entries",
    "campaigns",
    "contacts",
    "opportunities",
    "opportunity_contact_roles",
    "opportunity_line_items",
    "campaign_members",
    "events",
    "tasks",
    "contact_tags",
)
"""What a map must say something about, in the order of loading."""


class FieldMap(Strict):
    """The whole map; `fingerprint()` is what an approval binds."""

    version: Literal[1] = 1
    phases: dict[str, PhaseMap]
    policies: Policies = Policies()
    unmapped: tuple[Unmapped, ...] = ()

    @model_validator(mode="after")
    def _every_phase(self) -> FieldMap:
        missing = [name for name in PHASE_NAMES if name not in self.phases]
        unknown = [name for name in self.phases if name not in PHASE_NAMES]
        if missing or unknown:
            faults = (f"missing: {', '.join(missing)}" if missing else "") + (
                f" unknown: {', '.join(unknown)}" if unknown else ""
            )
            message = f"phases are not those of a load; {faults.strip()}"
            raise ValueError(message)
        return self

    def fingerprint(self) -> str:
        """SHA-256 of the map's content, whatever the layout of its file."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def to_yaml(self) -> str:
        """The map as the file that people read and diff."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump({"version": 1, **content}, sort_keys=False, allow_unicode=True)


def json_schema() -> dict[str, Any]:
    """The JSON schema of a map's file, for editors that check while one types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FieldMap.model_json_schema(),
        "title": "Field map",
    }


def map_text(path: Path) -> str:
    """The text of a map file; raises SettingsError where it is missing or not readable."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"The field map {path} is missing.",
            next_step="Correct KARTRA_SF_MAP, or write one with `kartra-sf map propose`.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The field map {path} cannot be read: {error}.",
            next_step="It must be a YAML file in UTF-8.",
        ) from None


def load_map(path: Path) -> FieldMap:
    """Read a map file; raises SettingsError naming file, line and key of each fault."""
    text = map_text(path)
    try:
        content: Any = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise SettingsError(
            f"{path}, line {line}: not valid YAML ({error.problem}).",
            next_step="Mend the indentation or quoting on that line.",
        ) from None
    except yaml.YAMLError as error:
        raise SettingsError(
            f"{path} is not valid YAML ({str(error).splitlines()[0]}).",
            next_step="It must be a YAML file in UTF-8.",
        ) from None
    try:
        return FieldMap.model_validate(content)
    except ValidationError as error:
        faults = "\n".join(
            f"  {path}, line {line_of(text, fault['loc'])}: "
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise SettingsError(
            f"The field map does not hold:\n{faults}",
            next_step="Each line above names the key to correct.",
        ) from None


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Line of the deepest node of the YAML text that the location still reaches."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next((v for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = node.value[part] if part < len(node.value) else None
        else:
            found = None
        if found is None:
            break
        node = found
        line = node.start_mark.line + 1
    return line

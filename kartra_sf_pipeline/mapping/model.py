"""The field map: for each load phase its object, key and fields, as a file people can read.

The model is strict: an unknown key, transform or field type is refused with its place in the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.load_order import OPTIONAL_PHASES, PHASE_NAMES
from kartra_sf_pipeline.mapping.map_yaml import read_yaml
from kartra_sf_pipeline.mapping.strategies import (
    ConflictRule,
    Decision,
    Existing,
    NewObject,
    Owners,
    RecordTypeRule,
    Segment,
    Strategies,
    Strict,
    ValueMap,
)

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

    @model_validator(mode="after")
    def _lookup_points(self) -> NewField:
        if (self.type == "Lookup") != (self.reference_to is not None):
            message = "`reference_to` names the object of a `type: Lookup`, and belongs to it alone"
            raise ValueError(message)
        return self


class FieldRule(Strict):
    """One destination field: where its value comes from and how it is written.

    `on_blank` is `keep` (a blank source leaves the org's value alone), `clear` (a blank source
    empties the field: `#N/A` on the wire) or `set` (a blank source becomes `default`). `values`
    names a value map. `on_conflict` says who is right in a record that people made in the org.
    `target` may be a relationship column such as `Account.Kartra_Id__c`. `options` are those of a
    custom field in Kartra: the lone one is ticked by its own text, and none is cut at its comma.

    `only_with` names strategies under which alone the rule counts; an `optional` rule is left out
    where the org does not let the user write its field, and one that counts takes the place of the
    rule whose target is `instead_of`.
    """

    target: str
    source: str | None = None
    constant: str | None = None
    transform: TransformName = "text"
    options: tuple[str, ...] = ()
    values: str | None = None
    on_blank: Literal["keep", "clear", "set"] = "keep"
    default: str | None = None
    on_conflict: ConflictRule | None = None
    required: bool = False
    only_with: dict[str, str | bool] = Field(default_factory=dict)
    optional: bool = False
    instead_of: str | None = None
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
        if (self.on_blank == "set") != (self.default is not None):
            message = f"{self.target}: `default` belongs to `on_blank: set`, and to it alone"
            raise ValueError(message)
        return self

    @property
    def api_name(self) -> str:
        """Name of the column on the wire."""
        return self.target


Writable = Callable[[str, str], bool]


class PhaseMap(Strict):
    """What one load phase writes."""

    object: str
    source: str
    key: Annotated[str, Field(description="source column whose value is the record's key")]
    fields: tuple[FieldRule, ...]
    stamp: NewField | None = None
    """The run-stamp field, where the object takes one."""
    owner: str | None = None
    """Source column that names who owns the record, through the owner map."""
    record_type: RecordTypeRule | None = None
    custom_object: NewObject | None = None
    """What to create where the org has no object of that name."""

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
    campaign_member_status: str = Field(default="Responded", max_length=40)
    inactive_member_status: str = Field(default="Unsubscribed", max_length=40)
    """Status of a list's member who may not be mailed any more."""
    contact_role: str = "Economic Buyer"
    account_key: Literal["domain", "name"] = "domain"
    """What makes two contacts' companies one account: the web domain first, or the name first."""


class Unmapped(Strict):
    """A column of the account that no rule names: listed, so that nothing is left out unseen."""

    source: str
    """Prepared frame and column, as in `contacts_unified.twitter`."""
    filled: int = 0
    """Rows that hold a value."""


class FieldMap(Strict):
    """The whole map; `fingerprint()` is what an approval binds."""

    version: Literal[1] = 1
    phases: dict[str, PhaseMap]
    strategies: Strategies = Strategies()
    value_maps: dict[str, ValueMap] = Field(default_factory=dict)
    owners: Owners = Owners()
    contacts_without_company: tuple[Segment, ...] = (Segment(who="everyone", become="no_account"),)
    existing: Existing = Existing()
    policies: Policies = Policies()
    decisions: tuple[Decision, ...] = ()
    """Why the proposal chose as it did, for the choices that are no field's."""
    unmapped: tuple[Unmapped, ...] = ()

    @model_validator(mode="after")
    def _every_phase(self) -> FieldMap:
        missing = [
            name
            for name in PHASE_NAMES
            if name not in self.phases and (name not in OPTIONAL_PHASES or name in self.wanted())
        ]
        unknown = [name for name in self.phases if name not in PHASE_NAMES]
        if missing or unknown:
            faults = (f"missing: {', '.join(missing)}" if missing else "") + (
                f" unknown: {', '.join(unknown)}" if unknown else ""
            )
            message = f"phases are not those of a load; {faults.strip()}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _value_maps_known(self) -> FieldMap:
        for name, phase in self.phases.items():
            for rule in phase.fields:
                if rule.values is not None and rule.values not in self.value_maps:
                    message = f"phases.{name}: {rule.target} names the value map {rule.values!r}, "
                    raise ValueError(message + "which is not under `value_maps`")
                for key, value in rule.only_with.items():
                    fault = _unfit_strategy(key, value)
                    if fault:
                        message = f"phases.{name}: {rule.target}: `only_with`: {fault}"
                        raise ValueError(message)
        return self

    def wanted(self) -> frozenset[str]:
        """Names of the phases that the strategies ask for; the others write nothing."""
        return wanted_phases(self)

    def active(self, writable: Writable | None = None) -> dict[str, PhaseMap]:
        """The phases that write, in the order of loading, with the rules that count.

        `writable` tells of an object and a field whether the user may write it at creation;
        without it every optional rule stays out.
        """
        wanted = self.wanted()
        return {
            name: _counting(self.phases[name], self.strategies, writable)
            for name in PHASE_NAMES
            if name in wanted
        }

    def fingerprint(self) -> str:
        """SHA-256 of the map's content, whatever the layout of its file."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def to_yaml(self) -> str:
        """The map as the file that people read and diff."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump({"version": 1, **content}, sort_keys=False, allow_unicode=True)


def _unfit_strategy(key: str, value: str | bool) -> str | None:
    """What is wrong with a strategy that a rule names: it would never count."""
    known = Strategies.model_fields.get(key)
    if known is None:
        return f"no strategy is called {key!r}"
    try:
        TypeAdapter[Any](known.annotation or str).validate_python(value, strict=True)
    except ValidationError as error:
        return f"the strategy {key} is never {value!r}: {error.errors()[0]['msg']}"
    return None


def _counting(phase: PhaseMap, chosen: Strategies, writable: Writable | None) -> PhaseMap:
    rules = [
        rule
        for rule in phase.fields
        if all(getattr(chosen, key) == value for key, value in rule.only_with.items())
        and not (rule.optional and not (writable and writable(phase.object, rule.target)))
    ]
    replaced = {rule.instead_of for rule in rules if rule.instead_of}
    kept = tuple(rule for rule in rules if rule.target not in replaced)
    return phase.model_copy(update={"fields": kept})


def wanted_phases(field_map: FieldMap) -> frozenset[str]:
    """What the strategies of a map leave to be written: no field is deployed for the rest."""
    chosen = field_map.strategies
    lists = chosen.lists.kinds()
    become = {segment.become for segment in field_map.contacts_without_company}
    single = chosen.transactions == "opportunity" or chosen.rebills == "own_opportunity"
    deals = single or chosen.subscriptions == "opportunity" or chosen.failed_payments != "none"
    lines = deals and chosen.line_items
    asked = {
        "accounts": True,
        "contacts": True,
        "events": True,
        "tasks": True,
        "contact_tags": True,
        "affiliates": chosen.affiliates == "account",
        "affiliate_records": chosen.affiliates == "custom_object",
        "products": lines,
        "pricebook_entries": lines,
        "opportunity_line_items": lines,
        "campaigns": "campaign" in lists,
        "campaign_member_statuses": "campaign" in lists,
        "campaign_members": "campaign" in lists,
        "campaign_lead_members": "campaign" in lists and "lead" in become,
        "groups": "group" in lists,
        "group_members": "group" in lists,
        "leads": "lead" in become,
        "account_contact_relations": chosen.account_contact_relations,
        "subscription_records": chosen.subscriptions == "custom_object",
        "opportunities": deals,
        "opportunity_contact_roles": deals,
        "transaction_records": chosen.transactions == "custom_object"
        or chosen.rebills == "subscription_history",
        "account_team_members": chosen.teams,
        "opportunity_team_members": chosen.teams and deals,
        "territory_associations": chosen.territories,
        "files": chosen.files or chosen.notes == "content_note",
    }
    return frozenset(name for name, wanted in asked.items() if wanted)


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
        content: Any = read_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise SettingsError(
            f"{path}, line {line}: not valid YAML ({error.problem}).",
            next_step="Mend that line: its indentation or quoting, or a key that stands twice.",
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

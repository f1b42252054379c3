"""Faults of a map, found against the account's rows and the org before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rapidfuzz import process

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.active import active_phases, with_planned_objects
from kartra_sf_pipeline.mapping.custom_fields import MULTI_SELECT_VALUES, PICKLIST_VALUES
from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule, NewField, PhaseMap
from kartra_sf_pipeline.mapping.profile import fits_transform, profile_map
from kartra_sf_pipeline.mapping.schema import clashes, field_name, home_of, wanted_fields
from kartra_sf_pipeline.mapping.validate_choices import choice_faults, no_object
from kartra_sf_pipeline.mapping.validate_currencies import currency_faults
from kartra_sf_pipeline.mapping.validate_written import kind_of, written_faults
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

VALUE_LENGTH = 255
LABEL_LENGTH = 40
_API_NAME = re.compile(r"^[A-Za-z](?!.*__.*__c)[A-Za-z0-9_]{0,39}__c$")

# Phases that complete records which an earlier phase made: nothing of theirs is an insert.
COMPLETING = frozenset({"contact_tags"})

_NUMBERS = frozenset({"integer", "decimal"})
_TEXTS = frozenset({"text", "long_text", "label"})
# What a field type takes; a type that is not here takes any transform: it holds text.
_TAKES: dict[str, frozenset[str]] = {
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "double": _NUMBERS,
    "currency": _NUMBERS,
    "percent": _NUMBERS,
    "int": frozenset({"integer"}),
    "multipicklist": frozenset({"multi", "text", "label"}),
    "picklist": _TEXTS | _NUMBERS,
    "combobox": _TEXTS,
    "email": frozenset({"text"}),
    "url": frozenset({"text"}),
    "phone": frozenset({"text"}),
    "reference": frozenset({"text"}),
    "id": frozenset({"text"}),
}
# Parents that the loader looks up itself: they take no external ID.
_FOUND_BY_NAME = {("Group", "DeveloperName"), ("Territory2", "DeveloperName")}
_LENGTHS = {"Text": (1, 255), "LongTextArea": (256, 131_072)}


def check_map(
    field_map: FieldMap,
    frames: Mapping[str, pl.DataFrame],
    objects: Mapping[str, ObjectDescribe],
    profile: Callable[[], pl.DataFrame] | None = None,
    currency: str | None = None,
) -> list[Fault]:
    """All faults at once, in the map's order. `frames` are those of `phase_frames`; `profile`
    gives what `profile_map` says of the three, for a caller that shows it, too; it is not asked of
    a map that stops by itself. `currency` is the org's, where it has one and tells it.
    """
    faults: list[Fault] = []
    objects = with_planned_objects(field_map, objects)
    for name, phase in active_phases(field_map, objects).items():
        describe = objects.get(phase.object)
        if describe is None:
            faults.append(no_object(name, phase.object))
            continue
        faults += _phase_faults(name, phase, frames[name], describe, field_map, objects)
    faults += choice_faults(field_map, frames, objects)
    faults += currency_faults(field_map, frames, objects, currency)
    if any(fault.stops for fault in faults):
        return faults
    figures = profile() if profile else profile_map(field_map, frames, objects)
    return [*faults, *_clashes(field_map, objects), *_value_faults(field_map, figures, objects)]


def refuse(faults: list[Fault], file: Path, text: str) -> None:
    """Raise one SettingsError that tells every fault that stops; silent where there is none."""
    told = [f"  {fault.told(file, text)}" for fault in faults if fault.stops]
    if told:
        count = "One fault" if len(told) == 1 else f"{len(told)} faults"
        lines = "\n".join(told)
        raise SettingsError(
            f"{count} in the field map; nothing was sent:\n{lines}\n",
            next_step="Correct the lines above and run again.",
        )


def _phase_faults(
    name: str,
    phase: PhaseMap,
    frame: pl.DataFrame,
    describe: ObjectDescribe,
    field_map: FieldMap,
    objects: Mapping[str, ObjectDescribe],
) -> Iterator[Fault]:
    completes = name in COMPLETING
    if not (describe.updateable if completes else describe.createable):
        yield Fault(
            ("phases", name, "object"),
            f"the migration user may not {'edit' if completes else 'create'} {phase.object} rows",
            "Grant it in a permission set of the user.",
        )
    if phase.key not in frame.columns:
        yield _unknown_column(("phases", name, "key"), phase, phase.key, frame)
    filled: set[str] = set()
    for rule in phase.fields:
        place = _place(field_map, name, rule)
        filled.add(_filled_field(rule, describe))
        if rule.source is not None and rule.source not in frame.columns:
            yield _unknown_column((*place, "source"), phase, rule.source, frame)
        elif rule.source is not None and not fits_transform(
            frame.schema[rule.source], rule.transform
        ):
            yield Fault(
                (*place, "transform"),
                f"{rule.target}: `{rule.transform}` cannot read `{rule.source}`, whose values are "
                f"of type {frame.schema[rule.source]}",
                "Choose another transform.",
            )
        yield from _target_faults(
            place, rule, phase.object, describe, field_map, objects, completes
        )
        if rule.new is not None:
            yield from _new_faults((*place, "new"), rule, rule.new)
    if not completes:
        for field in describe.fields.values():
            if field.required_on_create and field.name not in filled and field.name != "OwnerId":
                yield Fault(
                    ("phases", name, "fields"),
                    f"{phase.object}.{field.name} is required by the org and has no source",
                    "Add a rule with a source or a constant for it.",
                )


def _place(field_map: FieldMap, phase: str, rule: FieldRule) -> tuple[str | int, ...]:
    """Where the rule stands in the file: a phase writes each target once."""
    targets = [other.target for other in field_map.phases[phase].fields]
    return ("phases", phase, "fields", targets.index(rule.target))


def _filled_field(rule: FieldRule, describe: ObjectDescribe) -> str:
    relationship, dot, _ = rule.target.partition(".")
    lookup = describe.by_relationship(relationship.rpartition(":")[2]) if dot else None
    return lookup.name if lookup else field_name(rule.target)


def _unknown_column(
    place: tuple[str | int, ...], phase: PhaseMap, column: str, frame: pl.DataFrame
) -> Fault:
    return Fault(
        place,
        f"there is no column `{column}` in `{phase.source}`",
        _nearest(column, frame.columns),
    )


def _nearest(word: str, known: list[str]) -> str:
    near = [found[0] for found in process.extract(word, known, limit=3, score_cutoff=55)]
    return f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(sorted(known))}."


def _target_faults(
    place: tuple[str | int, ...],
    rule: FieldRule,
    sobject: str,
    describe: ObjectDescribe,
    field_map: FieldMap,
    objects: Mapping[str, ObjectDescribe],
    completes: bool,
) -> Iterator[Fault]:
    at = (*place, "target")
    relationship, dot, parent_key = rule.target.partition(".")
    if dot:
        field = describe.by_relationship(relationship.rpartition(":")[2])
    else:
        field = describe.fields.get(rule.target)
    if field is None and rule.new is None:
        known = [known.name for known in describe.fields.values() if known.createable]
        yield Fault(
            at,
            f"the org's {sobject} has no field {field_name(rule.target) if dot else rule.target}",
            f"{_nearest(rule.target, known)} Or say under `new` what to create.",
        )
        return
    if field is not None and not (field.updateable if completes else field.createable):
        yield Fault(
            at,
            f"{sobject}.{field.name} is not writable for the migration user",
            "Drop the rule, or grant the field; formulas and system fields cannot be written.",
        )
    if dot:
        yield from _parent_faults(at, rule, field, parent_key, field_map, objects)
        return
    kind = kind_of(rule, field)
    takes = _TAKES.get(kind)
    if takes is not None and rule.source is not None and rule.transform not in takes:
        yield Fault(
            (*place, "transform"),
            f"{sobject}.{rule.target} is of type {kind} and cannot hold what `{rule.transform}` "
            "writes",
            f"Use {' or '.join(sorted(takes))}.",
        )


def _parent_faults(
    at: tuple[str | int, ...],
    rule: FieldRule,
    lookup: FieldDescribe | None,
    parent_key: str,
    field_map: FieldMap,
    objects: Mapping[str, ObjectDescribe],
) -> Iterator[Fault]:
    """The key by which a lookup finds its parent must be an external ID there, or become one."""
    named, colon, _ = rule.target.partition(":")
    if colon:
        parents: tuple[str, ...] = (named,)
    elif lookup is not None:
        parents = lookup.reference_to
    else:
        parents = (rule.new.reference_to,) if rule.new and rule.new.reference_to else ()
    planned = {
        (phase.object, other.target)
        for phase in field_map.phases.values()
        for other in phase.fields
        if other.new is not None and other.new.external_id
    }
    for parent in parents:
        known = objects[parent].fields.get(parent_key) if parent in objects else None
        if (parent, parent_key) in planned | _FOUND_BY_NAME or (
            known and (known.external_id or known.id_lookup)
        ):
            return
    yield Fault(
        at,
        f"{parent_key} is no external ID of {' or '.join(parents) or 'a known object'}",
        "Name an external ID of the parent, such as Kartra_Id__c.",
    )


def _new_faults(place: tuple[str | int, ...], rule: FieldRule, new: NewField) -> Iterator[Fault]:
    name = field_name(rule.target)
    if not _API_NAME.match(name):
        yield Fault(
            (*place[:-1], "target"),
            f"{name} is no name for a custom field",
            "Letters, digits and single underscores, at most 40, then __c.",
        )
    if len(new.label) > LABEL_LENGTH:
        yield Fault(
            (*place, "label"),
            f"the label of {name} has {len(new.label)} characters",
            f"At most {LABEL_LENGTH}.",
        )
    limit = {"Picklist": PICKLIST_VALUES, "MultiselectPicklist": MULTI_SELECT_VALUES}.get(new.type)
    if limit is not None and len(new.values) > limit:
        yield Fault(
            (*place, "values"),
            f"{name} has {len(new.values)} values; a picklist of its kind takes {limit}",
            "Keep the most frequent ones, or make it a LongTextArea.",
        )
    for number, value in enumerate(new.values):
        if len(value) > VALUE_LENGTH:
            yield Fault(
                (*place, "values", number),
                f"a value of {name} has {len(value)} characters; a picklist takes {VALUE_LENGTH}",
                "Shorten it, or make the field a LongTextArea.",
            )
    low, high = _LENGTHS.get(new.type, (0, 0))
    if new.length is not None and high and not low <= new.length <= high:
        yield Fault(
            (*place, "length"),
            f"{name}: a field of type {new.type} is {low} to {high} characters long",
            "Choose a length in that range.",
        )
    if (new.precision or 0) > 18 or (new.scale or 0) > (new.precision or 18):
        yield Fault(
            (*place, "precision"),
            f"{name}: a number has at most 18 digits, those after the point included",
            "Lower precision or scale.",
        )


def _clashes(field_map: FieldMap, objects: Mapping[str, ObjectDescribe]) -> list[Fault]:
    """New fields under whose name the org has one of another kind."""
    clash = clashes(wanted_fields(field_map), objects)
    return [
        Fault(
            (*_place(field_map, name, rule), "new"),
            f"{phase.object}.{field_name(rule.target)}: {detail}",
            "Rename the target, or change the field in the org.",
        )
        for name, phase in active_phases(field_map, objects).items()
        for rule in phase.fields
        if rule.new is not None
        and (detail := clash.get((home_of(phase.object), field_name(rule.target))))
    ]


def _value_faults(
    field_map: FieldMap, profile: pl.DataFrame, objects: Mapping[str, ObjectDescribe]
) -> Iterator[Fault]:
    """What the values say: cut and lost cells, picklist misses, required fields left blank."""
    rows = {(row["phase"], row["target"]): row for row in profile.iter_rows(named=True)}
    for name, phase in active_phases(field_map, objects).items():
        describe = objects[phase.object]
        for rule in phase.fields:
            place = _place(field_map, name, rule)
            row = rows[name, rule.target]
            yield from _row_faults(place, rule, row, describe)


def _row_faults(
    place: tuple[str | int, ...], rule: FieldRule, row: dict[str, Any], describe: ObjectDescribe
) -> Iterator[Fault]:
    field = describe.fields.get(rule.target)
    closed = field is not None and field.restricted_picklist and rule.new is None
    yield from written_faults(place, rule, describe)
    if rule.constant is not None:
        return
    if row["lost_cells"]:
        yield Fault(
            (*place, "transform"),
            f"{row['lost_cells']} cells of `{rule.source}` cannot be read as {rule.transform} and "
            f"would arrive empty in {rule.target}",
            "Name the option that ticks the box under `options`, or choose a text field."
            if rule.transform == "boolean"
            else "Choose a text field and the transform `text`, or mend the cells.",
        )
    if row["unlisted_cells"]:
        yield Fault(
            (*place, "values"),
            f"{row['unlisted_cells']} cells of `{rule.source}` hold a value that the value map "
            f"`{rule.values}` does not list, and it refuses those: {row['unlisted']}",
            f"Add them under value_maps.{rule.values}.values, or set its `unknown` to keep or "
            "blank.",
        )
    if row["rounded_cells"]:
        yield Fault(
            place,
            f"{row['rounded_cells']} cells of `{rule.source}` have more digits after the point "
            f"than the {row['places']} of {rule.target} and will be rounded",
            "Choose a field of a larger scale to keep them whole.",
            stops=False,
        )
    if row["cut_cells"]:
        yield Fault(
            place,
            f"{row['cut_cells']} cells of `{rule.source}` are longer than the {row['length']} "
            f"characters of {rule.target} and will be cut; the longest has {row['longest']}",
            "Choose a longer field to keep them whole.",
            stops=False,
        )
    if row["picklist_misses"]:
        yield Fault(
            place,
            f"{row['picklist_misses']} cells of `{rule.source}` hold a value that {rule.target} "
            "does not offer" + (", and the org refuses it" if closed else ""),
            "Add the values to the picklist, or map them to one that is there.",
            stops=closed,
        )
    if rule.required and rule.on_blank != "set" and row["filled"] < row["rows"]:
        yield Fault(
            place,
            f"{row['rows'] - row['filled']} rows lack a value for {rule.target}, which is required",
            "The gate of a phase stops the run for a standard field; the org may reject the rows "
            "for any other. Give them a value in the exports, or in the map with `on_blank: set` "
            "and a `default`.",
            stops=False,
        )

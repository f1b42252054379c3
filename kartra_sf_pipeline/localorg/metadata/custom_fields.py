"""A CustomField's XML as a field of the schema, with the checks that a deployment makes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    child,
    children,
    flag,
    number,
    text,
)
from kartra_sf_pipeline.localorg.metadata.problems import Problem, cannot_specify, must_specify
from kartra_sf_pipeline.localorg.schema import Field, PicklistValue, Schema

MAX_TEXT = 255
MAX_LONG_TEXT = 131_072
MAX_MULTISELECT_VALUES = 500
MAX_PICKLIST_VALUES = 1_000
MAX_VALUE_LENGTH = 255
MULTISELECT_LENGTH = 4_099
MAX_DIGITS = 18
MAX_NAME = 40

_NAME = re.compile(r"^[A-Za-z](?:_?[A-Za-z0-9])*$")
_LITERAL_DEFAULT = re.compile(r'^"([^"]*)"$|^([A-Za-z0-9.\-]+)$')

# Metadata type: describe type, fixed length, filterable, sortable, groupable.
_SIMPLE: dict[str, tuple[str, int, bool, bool, bool]] = {
    "Date": ("date", 0, True, True, True),
    "DateTime": ("datetime", 0, True, True, False),
    "Email": ("email", 80, True, True, True),
    "Phone": ("phone", 40, True, True, True),
    "Url": ("url", 255, True, True, True),
    "TextArea": ("textarea", 255, True, True, True),
    "Checkbox": ("boolean", 0, True, True, True),
}
_NUMBERS = {"Number": "double", "Currency": "currency", "Percent": "percent"}
_UNIQUE_TYPES = {"Text", "Number", "Email"}
# Which stored form a type has; a change within a form keeps the values.
_FORMS = {
    "string": "text",
    "textarea": "text",
    "email": "text",
    "phone": "text",
    "url": "text",
    "picklist": "text",
    "multipicklist": "text",
    "double": "number",
    "currency": "number",
    "percent": "number",
}


def field_of(element: Element, api_name: str, schema: Schema, before: Field | None) -> Field:
    """The schema field that a CustomField element defines.

    Args:
        element: the `<fields>` or `<CustomField>` element.
        api_name: the field's own name, without its object.
        schema: for the targets of lookups.
        before: the field of that name as it is now, if there is one.

    Raises:
        Problem: when the platform would refuse it.

    """
    _check_name(api_name)
    kind = text(element, "type")
    label = text(element, "label")
    if kind is None:
        raise Problem("Must specify a type for the CustomField")
    if label is None:
        raise Problem("Must specify a non-empty label for the CustomField")
    field = _typed(element, api_name, label, kind, schema, before)
    if before is not None:
        _check_change(before, field, kind)
    return field


def _check_name(api_name: str) -> None:
    stem = api_name.removesuffix("__c")
    if stem == api_name or not _NAME.match(stem):
        raise Problem(
            "Field Name: The Field Name field can only contain underscores and alphanumeric "
            "characters. It must be unique, begin with a letter, not include spaces, not end with "
            "an underscore, and not contain two consecutive underscores."
        )
    if len(stem) > MAX_NAME:
        raise Problem(
            f"Field Name: data value too large: {stem} (max length={MAX_NAME})", "STRING_TOO_LONG"
        )


def _typed(
    element: Element,
    name: str,
    label: str,
    kind: str,
    schema: Schema,
    before: Field | None,
) -> Field:
    required = flag(element, "required") or False
    unique = flag(element, "unique") or False
    external_id = flag(element, "externalId") or False
    if external_id and kind not in _UNIQUE_TYPES:
        raise cannot_specify("externalId", kind)
    if unique and kind not in _UNIQUE_TYPES:
        raise cannot_specify("unique", kind)
    default = _default(element, kind)
    common = {
        "custom": True,
        "nillable": not required and kind != "Checkbox",
        "unique": unique,
        "external_id": external_id,
        "id_lookup": external_id,
        "case_sensitive": unique and (flag(element, "caseSensitive") or False),
        "default_value": default,
        "defaulted_on_create": default is not None,
        "help_text": text(element, "inlineHelpText"),
        "description": text(element, "description"),
    }
    if kind in _SIMPLE:
        described, length, filterable, sortable, groupable = _SIMPLE[kind]
        if kind == "Checkbox" and required:
            raise cannot_specify("required", kind)
        return Field(
            name,
            label,
            described,
            length=length,
            filterable=filterable,
            sortable=sortable,
            groupable=groupable,
            **common,
        )
    if kind in _NUMBERS:
        precision, scale = _digits(element, kind)
        return Field(
            name,
            label,
            _NUMBERS[kind],
            precision=precision,
            scale=scale,
            groupable=False,
            **common,
        )
    match kind:
        case "Text":
            return Field(name, label, "string", length=_length(element, kind, MAX_TEXT), **common)
        case "LongTextArea" | "Html":
            if number(element, "visibleLines") is None:
                raise must_specify("visibleLines", kind)
            return Field(
                name,
                label,
                "textarea",
                length=_length(element, kind, MAX_LONG_TEXT, least=256),
                html_formatted=kind == "Html",
                filterable=False,
                sortable=False,
                groupable=False,
                **common,
            )
        case "Picklist" | "MultiselectPicklist":
            return _picklist(element, name, label, kind, before, common)
        case "Lookup":
            return _lookup(element, name, label, schema, common)
        case _:
            raise Problem(f"'{kind}' is not a valid value for the enum 'FieldType'")


def _default(element: Element, kind: str) -> str | None:
    value = text(element, "defaultValue")
    if kind == "Checkbox":
        if value is None:
            raise must_specify("defaultValue", kind)
        return "true" if value.lower() == "true" else "false"
    if value is None:
        return None
    # Formulas as defaults are kept with the component but not evaluated.
    match = _LITERAL_DEFAULT.match(value)
    return (match[1] if match[1] is not None else match[2]) if match else None


def _length(element: Element, kind: str, most: int, *, least: int = 1) -> int:
    length = number(element, "length")
    if length is None:
        raise must_specify("length", kind)
    if not least <= length <= most:
        raise Problem(f"The length of a {kind} field must be between {least} and {most}: {length}")
    return length


def _digits(element: Element, kind: str) -> tuple[int, int]:
    precision, scale = number(element, "precision"), number(element, "scale")
    if precision is None:
        raise must_specify("precision", kind)
    if scale is None:
        raise must_specify("scale", kind)
    if not 1 <= precision <= MAX_DIGITS or not 0 <= scale <= precision:
        raise Problem(
            f"The precision of a {kind} field must be between 1 and {MAX_DIGITS} and its scale "
            f"not larger: precision {precision}, scale {scale}"
        )
    return precision, scale


def picklist_values(elements: Sequence[Element]) -> tuple[PicklistValue, ...]:
    """The values of `<value>` or `<standardValue>` elements.

    Raises:
        Problem: for a value without a name, too long, or told twice.

    """
    values: list[PicklistValue] = []
    seen: set[str] = set()
    for item in elements:
        name = text(item, "fullName")
        if name is None:
            raise Problem("Must specify a fullName for each value of a picklist")
        if len(name) > MAX_VALUE_LENGTH:
            raise Problem(
                f"Value: data value too large: {name} (max length={MAX_VALUE_LENGTH})",
                "STRING_TOO_LONG",
            )
        if name.casefold() in seen:
            raise Problem(f"Duplicate label: {name}", "DUPLICATE_VALUE")
        seen.add(name.casefold())
        active = flag(item, "isActive")
        values.append(
            PicklistValue(
                name,
                text(item, "label") or name,
                active=True if active is None else active,
                default=flag(item, "default") or False,
            )
        )
    return tuple(values)


def _picklist(
    element: Element,
    name: str,
    label: str,
    kind: str,
    before: Field | None,
    common: dict[str, Any],
) -> Field:
    multiple = kind == "MultiselectPicklist"
    if multiple and number(element, "visibleLines") is None:
        raise must_specify("visibleLines", kind)
    value_set = child(element, "valueSet")
    if value_set is None:
        raise must_specify("valueSet", kind)
    definition = child(value_set, "valueSetDefinition")
    if definition is None:
        raise Problem("Must specify a valueSetDefinition: global value sets are not available")
    values = picklist_values(children(definition, "value"))
    restricted = flag(value_set, "restricted") or False
    most = MAX_MULTISELECT_VALUES if multiple else MAX_PICKLIST_VALUES
    if (multiple or restricted) and len(values) > most:
        raise Problem(
            f"{name}: a {kind} can have at most {most} values; {len(values)} were specified",
            "LIMIT_EXCEEDED",
        )
    if flag(definition, "sorted"):
        values = tuple(sorted(values, key=lambda v: v.label.casefold()))
    named = {v.value.casefold() for v in values}
    # A value that a newer definition leaves out is deactivated, not deleted.
    dropped = [
        PicklistValue(v.value, v.label, active=False)
        for v in (before.picklist_values if before else ())
        if v.value.casefold() not in named
    ]
    return Field(
        name,
        label,
        "multipicklist" if multiple else "picklist",
        length=MULTISELECT_LENGTH if multiple else MAX_VALUE_LENGTH,
        precision=number(element, "visibleLines") or 0 if multiple else 0,
        restricted_picklist=restricted,
        picklist_values=(*values, *dropped),
        sortable=not multiple,
        groupable=not multiple,
        **common,
    )


def _lookup(
    element: Element, name: str, label: str, schema: Schema, common: dict[str, Any]
) -> Field:
    target = text(element, "referenceTo")
    if target is None:
        raise must_specify("referenceTo", "Lookup")
    parent = schema.object(target)
    if parent is None:
        raise Problem(
            f"referenceTo value of '{target}' does not resolve to a valid sObject type",
            "INVALID_CROSS_REFERENCE_KEY",
        )
    constraint = text(element, "deleteConstraint") or "SetNull"
    if constraint not in {"SetNull", "Restrict", "Cascade"}:
        raise Problem(f"'{constraint}' is not a valid value for the enum 'DeleteConstraint'")
    children = text(element, "relationshipName")
    return Field(
        name,
        label,
        "reference",
        length=18,
        reference_to=(parent.name,),
        relationship_name=name.removesuffix("c") + "r",
        child_relationship_name=None if children is None else f"{children}__r",
        delete_constraint=constraint,
        **common,
    )


def _check_change(before: Field, after: Field, kind: str) -> None:
    if before.type == after.type and before.reference_to == after.reference_to:
        return
    form = _FORMS.get(before.type)
    if form is None or form != _FORMS.get(after.type):
        raise Problem(f"Cannot update a field to a {kind} from something else")

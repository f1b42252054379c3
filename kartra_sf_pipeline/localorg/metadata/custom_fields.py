"""A CustomField's XML as a field of the schema, with the checks that a deployment makes."""

from __future__ import annotations

import re
from typing import Any

from kartra_sf_pipeline.localorg.metadata.field_picklists import picklist_field
from kartra_sf_pipeline.localorg.metadata.markup import Element, flag, number, text
from kartra_sf_pipeline.localorg.metadata.org import Org
from kartra_sf_pipeline.localorg.metadata.problems import Problem, cannot_specify, must_specify
from kartra_sf_pipeline.localorg.rules.auto_numbers import DIGITS
from kartra_sf_pipeline.localorg.schema import Field

MAX_TEXT = 255
MAX_LONG_TEXT = 131_072
MAX_DIGITS = 18
MAX_NAME = 40
AUTO_NUMBER_LENGTH = 30

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


def field_of(org: Org, element: Element, api_name: str, before: Field | None) -> Field:
    """The schema field that a CustomField element defines.

    Args:
        org: for the targets of lookups and global value sets.
        element: the `<fields>` or `<CustomField>` element.
        api_name: the field's own name, without its object.
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
    field = _typed(org, element, api_name, label, kind, before)
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
    org: Org,
    element: Element,
    name: str,
    label: str,
    kind: str,
    before: Field | None,
) -> Field:
    required = flag(element, "required") or False
    unique = flag(element, "unique") or False
    external_id = flag(element, "externalId") or False
    if external_id and kind not in {*_UNIQUE_TYPES, "AutoNumber"}:
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
            return picklist_field(org, element, name, label, kind, before, common)
        case "Lookup":
            return _lookup(org, element, name, label, common)
        case "MasterDetail":
            return _master_detail(org, element, name, label, common)
        case "AutoNumber":
            automatic = {"createable": False, "updateable": False, "defaulted_on_create": True}
            return Field(
                name,
                label,
                "string",
                length=AUTO_NUMBER_LENGTH,
                display_format=display_format(element),
                **{**common, **automatic},
            )
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


def display_format(element: Element) -> str:
    """The form of automatic numbers: text around one `{0000}`.

    Raises:
        Problem: when it is missing or has no such place.

    """
    form = text(element, "displayFormat")
    if form is None:
        raise must_specify("displayFormat", "AutoNumber")
    if len(DIGITS.findall(form)) != 1:
        raise Problem(
            f"Display Format: {form}: must have one number in braces, for example A-{{0000}}"
        )
    return form


def _target(org: Org, element: Element, kind: str) -> str:
    target = text(element, "referenceTo")
    if target is None:
        raise must_specify("referenceTo", kind)
    parent = org.store.schema.object(target)
    if parent is None:
        raise Problem(
            f"referenceTo value of '{target}' does not resolve to a valid sObject type",
            "INVALID_CROSS_REFERENCE_KEY",
        )
    return parent.name


def _master_detail(
    org: Org, element: Element, name: str, label: str, common: dict[str, Any]
) -> Field:
    children = text(element, "relationshipName")
    return Field(
        name,
        label,
        "reference",
        length=18,
        reference_to=(_target(org, element, "MasterDetail"),),
        relationship_name=name.removesuffix("c") + "r",
        child_relationship_name=None if children is None else f"{children}__r",
        delete_constraint="Cascade",
        **{
            **common,
            "nillable": False,
            "updateable": flag(element, "reparentableMasterDetail") or False,
        },
    )


def _lookup(org: Org, element: Element, name: str, label: str, common: dict[str, Any]) -> Field:
    target = _target(org, element, "Lookup")
    constraint = text(element, "deleteConstraint") or "SetNull"
    if constraint not in {"SetNull", "Restrict", "Cascade"}:
        raise Problem(f"'{constraint}' is not a valid value for the enum 'DeleteConstraint'")
    children = text(element, "relationshipName")
    return Field(
        name,
        label,
        "reference",
        length=18,
        reference_to=(target,),
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

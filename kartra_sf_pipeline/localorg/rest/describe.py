"""Describes of objects and fields, attribute by attribute as an org gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kartra_sf_pipeline.localorg import standard_data
from kartra_sf_pipeline.localorg.record_types import MASTER, RecordTypeInfo
from kartra_sf_pipeline.localorg.schema import (
    AUDIT_FIELDS,
    NUMBER_TYPES,
    SYSTEM_FIELDS,
    Field,
    Schema,
    SObject,
)

_FLAGS = {
    "activateable": "activateable",
    "createable": "createable",
    "customSetting": "custom_setting",
    "deepCloneable": "deep_cloneable",
    "deletable": "deletable",
    "deprecatedAndHidden": "deprecated_and_hidden",
    "feedEnabled": "feed_enabled",
    "hasSubtypes": "has_subtypes",
    "isInterface": "is_interface",
    "isSubtype": "is_subtype",
    "layoutable": "layoutable",
    "mergeable": "mergeable",
    "mruEnabled": "mru_enabled",
    "queryable": "queryable",
    "replicateable": "replicateable",
    "retrieveable": "retrieveable",
    "searchable": "searchable",
    "triggerable": "triggerable",
    "undeletable": "undeletable",
    "updateable": "updateable",
}
_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "blob": "xsd:base64Binary",
    "address": "urn:address",
    "location": "urn:location",
}
_LENGTHLESS = frozenset({"boolean", "int", "date", "datetime", "address", *NUMBER_TYPES})
_SETUP = frozenset({"Profile", "PermissionSet", "User", "Organization"})


def summary(sobject: SObject, path: str) -> dict[str, Any]:
    """An object's entry in the list of all objects; `path` is `/services/data/vNN.0`."""
    out: dict[str, Any] = {name: sobject.has(flag) for name, flag in _FLAGS.items()}
    out |= {
        "associateEntityType": None,
        "associateParentEntity": None,
        "custom": sobject.custom,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "name": sobject.name,
    }
    out = dict(sorted(out.items()))
    base = f"{path}/sobjects/{sobject.name}"
    urls = {
        "rowTemplate": base + "/{ID}",
        "describe": base + "/describe",
        "sobject": base,
    }
    if sobject.has("layoutable"):
        urls = {
            "compactLayouts": base + "/describe/compactLayouts",
            "rowTemplate": base + "/{ID}",
            "approvalLayouts": base + "/describe/approvalLayouts",
            "listviews": base + "/listviews",
            "describe": base + "/describe",
            "quickActions": base + "/quickActions",
            "layouts": base + "/describe/layouts",
            "sobject": base,
        }
    out["urls"] = urls
    return out


def describe(
    sobject: SObject,
    schema: Schema,
    path: str,
    host: str,
    record_types: Sequence[RecordTypeInfo] = (),
) -> dict[str, Any]:
    """The full describe of an object."""
    out = summary(sobject, path)
    urls = out.pop("urls")
    out |= {
        "actionOverrides": [],
        "childRelationships": _children(sobject, schema),
        "compactLayoutable": sobject.has("layoutable"),
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(f, sobject) for f in sobject.fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_type_infos(record_types, urls["sobject"]),
        "searchLayoutable": sobject.has("searchable"),
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": "All " + sobject.label_plural.lower(), "name": "everything"},
            {"label": "My " + sobject.label_plural.lower(), "name": "mine"},
        ],
    }
    out = dict(sorted(out.items()))
    out["urls"] = {
        **urls,
        "uiDetailTemplate": host + "/{ID}",
        "uiEditTemplate": host + "/{ID}/e",
        "uiNewRecord": f"{host}/{sobject.key_prefix}/e",
    }
    return out


def _record_type_infos(record_types: Sequence[RecordTypeInfo], base: str) -> list[dict[str, Any]]:
    """The record types of an object, the master last; it is the default when none other is."""
    chosen = any(r.default for r in record_types)
    master = RecordTypeInfo(MASTER, "Master", "Master", True, True, not chosen)
    return [
        {
            "active": r.active,
            "available": r.available,
            "defaultRecordTypeMapping": r.default,
            "developerName": r.developer_name,
            "master": r.id == MASTER,
            "name": r.name,
            "recordTypeId": r.id,
            "urls": {"layout": f"{base}/describe/layouts/{r.id}"},
        }
        for r in (*record_types, master)
    ]


def _children(sobject: SObject, schema: Schema) -> list[dict[str, Any]]:
    found: list[tuple[str, str, str | None, bool, bool]] = []
    for c in sobject.child_relationships:
        known = schema.object(c.child)
        if known is not None and known.field(c.field) is None:
            continue
        found.append((c.child, c.field, c.relationship_name, c.cascade_delete, c.restricted_delete))
    listed = {(c[0], c[1]) for c in found}
    found += [
        (
            child.name,
            field.name,
            field.child_relationship_name,
            field.delete_constraint == "Cascade",
            field.delete_constraint == "Restrict",
        )
        for child in schema
        for field in child.fields
        if sobject.name in field.reference_to and (child.name, field.name) not in listed
    ]
    return [
        {
            "cascadeDelete": cascade,
            "childSObject": child,
            "deprecatedAndHidden": False,
            "field": field,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": name,
            "restrictedDelete": restricted,
        }
        for child, field, name, cascade, restricted in sorted(found, key=lambda c: (c[0], c[1]))
    ]


def describe_field(field: Field, sobject: SObject) -> dict[str, Any]:
    """All attributes of one field, in alphabetical order."""
    kind = field.type
    length = 0 if kind in _LENGTHLESS else field.length
    byte_length = length if kind in {"id", "reference"} else length * 3
    long_text = kind == "textarea" and field.length > 255
    default: str | bool | None = field.default_value
    if kind == "boolean":
        default = str(field.default_value).lower() == "true"
    controller, valid_for = _controlled(field)
    extra = None
    if kind == "textarea":
        extra = "richtextarea" if field.html_formatted else "plaintextarea"
    return {
        "aggregatable": not (long_text or kind in {"boolean", "date", "address", "multipicklist"}),
        "aiPredictionField": False,
        "autoNumber": field.display_format is not None,
        "byteLength": byte_length,
        "calculated": field.calculated,
        "calculatedFormula": None,
        "cascadeDelete": field.delete_constraint == "Cascade",
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_field_name,
        "controllerName": controller,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": field.dependent_picklist,
        "deprecatedAndHidden": False,
        "digits": field.digits if kind == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": kind == "encryptedstring",
        "externalId": field.external_id,
        "extraTypeInfo": extra,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.html_formatted,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.help_text,
        "label": field.label,
        "length": length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.polymorphic_foreign_key,
        "nillable": field.nillable,
        "permissionable": _permissionable(field, sobject),
        "picklistValues": [
            {
                "active": v.active,
                "defaultValue": v.default,
                "label": v.label,
                "validFor": valid,
                "value": v.value,
            }
            for v, valid in zip(field.picklist_values, valid_for, strict=True)
        ],
        "polymorphicForeignKey": field.polymorphic_foreign_key,
        "precision": field.precision if kind in NUMBER_TYPES else 0,
        "queryByDistance": kind in {"address", "location"},
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": field.delete_constraint == "Restrict",
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale if kind in NUMBER_TYPES else 0,
        "searchPrefilterable": field.polymorphic_foreign_key,
        "soapType": _SOAP_TYPES.get(kind, "xsd:string"),
        "sortable": field.sortable,
        "type": kind,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def _controlled(field: Field) -> tuple[str | None, Sequence[str | None]]:
    """The field that decides which values go, and for each value which of its values let it."""
    values = field.picklist_values
    if field.custom or not (field.dependent_picklist and field.name.endswith("StateCode")):
        return None, [None] * len(values)
    return field.name.replace("StateCode", "CountryCode"), standard_data.states_valid_for()


def _permissionable(field: Field, sobject: SObject) -> bool:
    """Whether field permissions can be set: not on what is required, derived or the system's."""
    if field.name in SYSTEM_FIELDS or field.name in AUDIT_FIELDS or sobject.name in _SETUP:
        return False
    return field.nillable and not field.name_field and (field.createable or field.updateable)

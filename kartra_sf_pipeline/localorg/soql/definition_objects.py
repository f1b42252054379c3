"""The objects whose rows are the schema and the components of the org."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.schema import Field, SObject

COMPLEX = "complexvalue"


def _text(name: str, *, length: int = 255, of: tuple[str, str] | None = None) -> Field:
    """A text; `of` makes it a key of another definition object, by a relationship name."""
    return Field(
        name,
        name,
        "string",
        length=length,
        createable=False,
        updateable=False,
        reference_to=(of[0],) if of else (),
        relationship_name=of[1] if of else None,
    )


def _moment(name: str) -> Field:
    return Field(name, name, "datetime", createable=False, updateable=False, groupable=False)


def _dates() -> tuple[Field, Field]:
    return _moment("CreatedDate"), _moment("LastModifiedDate")


def _complex(name: str) -> Field:
    """A component as JSON: it can be selected, for one row at a time, and nothing else."""
    return Field(
        name,
        name,
        COMPLEX,
        createable=False,
        updateable=False,
        filterable=False,
        sortable=False,
        groupable=False,
    )


def _flag(name: str) -> Field:
    return Field(name, name, "boolean", nillable=False, createable=False, updateable=False)


def _number(name: str) -> Field:
    return Field(name, name, "int", createable=False, updateable=False)


def _lookup(name: str, relationship: str) -> Field:
    # Keys are durable ids, which are names: they are compared as text.
    return _text(name, of=("EntityDefinition", relationship))


def _object(name: str, prefix: str | None, *fields: Field) -> SObject:
    return SObject(
        name, name, f"{name}s", prefix, frozenset({"queryable", "retrieveable"}), (*fields,)
    )


DEFINITION_OBJECTS = (
    _object(
        "EntityDefinition",
        "4ie",
        _text("Id"),
        _text("DurableId"),
        _text("QualifiedApiName"),
        _text("DeveloperName"),
        _text("NamespacePrefix"),
        _text("Label"),
        _text("MasterLabel"),
        _text("PluralLabel"),
        _text("KeyPrefix"),
        _flag("IsCustomizable"),
        _flag("IsCustomSetting"),
        _flag("IsQueryable"),
        _flag("IsEverCreatable"),
        _flag("IsEverUpdatable"),
        _flag("IsEverDeletable"),
        _flag("IsSearchable"),
        _flag("IsTriggerable"),
    ),
    _object(
        "FieldDefinition",
        None,
        _text("Id"),
        _text("DurableId"),
        _text("QualifiedApiName"),
        _text("DeveloperName"),
        _text("NamespacePrefix"),
        _lookup("EntityDefinitionId", "EntityDefinition"),
        _text("Label"),
        _text("MasterLabel"),
        _text("DataType"),
        _text("ValueTypeId"),
        _text("RelationshipName"),
        _text("ReferenceTo"),
        _text("ExtraTypeInfo"),
        _text("Description", length=1000),
        _number("Length"),
        _number("Precision"),
        _number("Scale"),
        _flag("IsCalculated"),
        _flag("IsIndexed"),
        _flag("IsNameField"),
        _flag("IsNillable"),
        _flag("IsCompound"),
        _flag("IsHtmlFormatted"),
        _flag("IsApiFilterable"),
        _flag("IsApiSortable"),
        _flag("IsApiGroupable"),
    ),
    _object(
        "CustomField",
        "00N",
        _text("Id"),
        _text("DeveloperName"),
        _text("TableEnumOrId"),
        _lookup("EntityDefinitionId", "EntityDefinition"),
        _text("NamespacePrefix"),
        _text("ManageableState"),
        _text("FullName"),
        _text("Description", length=1000),
        _text("InlineHelpText", length=510),
    ),
    _object(
        "CustomObject",
        "01I",
        _text("Id"),
        _text("DeveloperName"),
        _text("Description", length=1000),
        _text("NamespacePrefix"),
        _text("ManageableState"),
        _text("SharingModel"),
        _text("ExternalSharingModel"),
        *_dates(),
    ),
    _object(
        "ValidationRule",
        "03d",
        _text("Id"),
        _text("ValidationName"),
        _flag("Active"),
        _text("Description", length=1000),
        _lookup("EntityDefinitionId", "EntityDefinition"),
        _text("ErrorDisplayField"),
        _text("ErrorMessage"),
        _text("FullName"),
        _text("ManageableState"),
        _text("NamespacePrefix"),
        _complex("Metadata"),
        *_dates(),
    ),
    _object(
        "FlowDefinition",
        "300",
        _text("Id"),
        _text("DeveloperName"),
        _text("MasterLabel"),
        _text("Description", length=1000),
        _text("ActiveVersionId"),
        _text("LatestVersionId"),
        _text("NamespacePrefix"),
        _text("ManageableState"),
        _complex("Metadata"),
        *_dates(),
    ),
    _object(
        "Flow",
        "301",
        _text("Id"),
        _text("DefinitionId", of=("FlowDefinition", "Definition")),
        _text("MasterLabel"),
        _text("Description", length=1000),
        _text("FullName"),
        _text("Status"),
        _text("ProcessType"),
        _text("ManageableState"),
        _number("VersionNumber"),
        _complex("Metadata"),
        *_dates(),
    ),
    _object(
        "FlowDefinitionView",
        None,
        _text("Id"),
        _text("DurableId"),
        _text("ApiName"),
        _text("Label"),
        _text("Description", length=1000),
        _text("NamespacePrefix"),
        _text("ManageableState"),
        _text("ActiveVersionId"),
        _text("LatestVersionId"),
        _text("ProcessType"),
        _text("TriggerType"),
        _text("RecordTriggerType"),
        _text("TriggerObjectOrEventId"),
        _text("TriggerObjectOrEventLabel"),
        _number("VersionNumber"),
        _flag("IsActive"),
        _flag("IsTemplate"),
        _moment("LastModifiedDate"),
    ),
)
DEFINITION_NAMES = frozenset(o.name for o in DEFINITION_OBJECTS)

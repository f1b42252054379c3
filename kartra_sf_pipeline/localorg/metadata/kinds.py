"""The types of metadata that can be deployed, in the order in which a deployment takes them.

What another type may refer to comes first: a package may hold its components in any order.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: where its files stand, and how its ids begin.

    `tag` is the element inside an object's file for the parts of an object, which have no file of
    their own.
    """

    name: str
    folder: str
    suffix: str
    prefix: str
    tag: str = ""
    wildcard: bool = True

    def file_of(self, full_name: str) -> str:
        """The path of a component's file in a package."""
        stem = full_name.partition(".")[0] if self.tag else full_name
        return f"{self.folder}/{stem}.{self.suffix}"


def _part(name: str, tag: str, prefix: str) -> Kind:
    return Kind(name, "objects", "object", prefix, tag, wildcard=False)


KINDS = (
    Kind("GlobalValueSet", "globalValueSets", "globalValueSet", "0Nt"),
    Kind("StandardValueSet", "standardValueSets", "standardValueSet", "0Nt", wildcard=False),
    Kind("CustomPermission", "customPermissions", "customPermission", "0CP"),
    Kind("CustomObject", "objects", "object", "01I"),
    _part("CustomField", "fields", "00N"),
    _part("BusinessProcess", "businessProcesses", "019"),
    _part("RecordType", "recordTypes", "012"),
    _part("ValidationRule", "validationRules", "03d"),
    Kind("Flow", "flows", "flow", "301"),
    Kind("FlowDefinition", "flowDefinitions", "flowDefinition", "300"),
    Kind("PermissionSet", "permissionsets", "permissionset", "0PS"),
    Kind("Profile", "profiles", "profile", "00e"),
)
BY_NAME = {k.name: k for k in KINDS}
ORDER = {k.name: i for i, k in enumerate(KINDS)}
PARTS = {k.tag: k for k in KINDS if k.tag}
BY_FOLDER = {k.folder: k for k in KINDS if not k.tag}

"""What differs between two maps, rule by rule."""

from __future__ import annotations

from typing import Any

from kartra_sf_pipeline.mapping.model import FieldMap

# Said by the proposal, changing nothing that moves.
_REMARKS = ("confidence", "reason", "note")


def diff_maps(old: FieldMap, new: FieldMap) -> list[dict[str, Any]]:
    """One entry per difference: phase, target, key, old, new; remarks of a proposal are left out.

    A rule that only one side has stands with its source as `key` "rule".
    """
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys((*old.phases, *new.phases)):
        before, after = old.phases.get(name), new.phases.get(name)
        if before is None or after is None:
            _compare(found, name, "", "phase", before and before.object, after and after.object)
            continue
        for key in ("object", "source", "key", "stamp", "owner", "record_type", "custom_object"):
            _compare(found, name, "", key, getattr(before, key), getattr(after, key))
        rules = {rule.target: rule for rule in before.fields}
        others = {rule.target: rule for rule in after.fields}
        for target in dict.fromkeys((*rules, *others)):
            left, right = rules.get(target), others.get(target)
            if left is None or right is None:
                _compare(
                    found,
                    name,
                    target,
                    "rule",
                    left and (left.source or f"= {left.constant}"),
                    right and (right.source or f"= {right.constant}"),
                )
                continue
            for key in type(left).model_fields:
                if key not in _REMARKS:
                    _compare(found, name, target, key, getattr(left, key), getattr(right, key))
    for part in ("strategies", "owners", "existing", "policies"):
        left, right = getattr(old, part), getattr(new, part)
        for key in type(left).model_fields:
            _compare(found, part, "", key, getattr(left, key), getattr(right, key))
    for name in dict.fromkeys((*old.value_maps, *new.value_maps)):
        _compare(found, "value_maps", "", name, old.value_maps.get(name), new.value_maps.get(name))
    part = "contacts_without_company"
    _compare(found, part, "", "segments", _segments(old), _segments(new))
    return found


def _segments(content: FieldMap) -> str:
    return "; ".join(
        f"{one.who}: {one.become}" + (f" {one.account!r}" if one.account else "")
        for one in content.contacts_without_company
    )


def _compare(
    found: list[dict[str, Any]], phase: str, target: str, key: str, old: Any, new: Any
) -> None:
    if old != new:
        found.append(
            {"phase": phase, "target": target, "key": key, "old": _said(old), "new": _said(new)}
        )


def _said(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "model_dump"):
        return ", ".join(
            f"{k}: {v}" for k, v in value.model_dump(exclude_defaults=True, mode="json").items()
        )
    return str(value)

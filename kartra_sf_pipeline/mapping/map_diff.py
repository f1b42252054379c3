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
    for name in old.phases:
        before, after = old.phases[name], new.phases[name]
        for key in ("object", "source", "key", "stamp"):
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
    for key in type(old.policies).model_fields:
        _compare(found, "policies", "", key, getattr(old.policies, key), getattr(new.policies, key))
    return found


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

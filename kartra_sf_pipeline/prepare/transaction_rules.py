"""The one table of what each of Kartra's transaction types means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a billing event is evidence of."""

    PAYMENT = "payment"  # money came in
    ATTEMPT = "attempt"  # money was asked for and not collected, though the row shows an amount
    STATUS = "status"  # a subscription changed its state; no money
    ADJUSTMENT = "adjustment"  # money went back


@dataclass(frozen=True)
class TransactionRule:
    """How rows of one type are counted: their role, the sign of their money, the stage they win.

    `stage` is the Opportunity stage of a record made from such a row, None when none is made.
    An adjustment is won as well: a negative amount nets revenue only in the stage of its sale.
    `subscription_status` is the state that a subscription is in after such a row.
    """

    type: str
    labels: tuple[str, ...]
    role: Role
    sign: int
    stage: str | None
    subscription_status: str | None = None


_WON: Final = "Closed Won"

TRANSACTION_RULES: Final = {
    rule.type: rule
    for rule in (
        TransactionRule("sale", ("sale",), Role.PAYMENT, 1, _WON, "active"),
        TransactionRule("rebill", ("rebill",), Role.PAYMENT, 1, _WON, "active"),
        TransactionRule("failed", ("failed",), Role.ATTEMPT, 0, None),
        TransactionRule(
            "cancellation", ("cancellation", "cancelation"), Role.STATUS, 0, None, "cancelled"
        ),
        TransactionRule(
            "request_cancellation",
            ("request can", "request cancellation", "request cancelation"),
            Role.STATUS,
            0,
            None,
            "pending_cancellation",
        ),
        TransactionRule(
            "revert_cancellation",
            ("revert can", "revert cancellation", "revert cancelation"),
            Role.STATUS,
            0,
            None,
            "active",
        ),
        TransactionRule("refund", ("refund",), Role.ADJUSTMENT, -1, _WON),
        TransactionRule("partial_refund", ("partial refund",), Role.ADJUSTMENT, -1, _WON),
        TransactionRule("chargeback", ("chargeback", "charge back"), Role.ADJUSTMENT, -1, _WON),
    )
}

_BY_LABEL: Final = {
    label: rule.type for rule in TRANSACTION_RULES.values() for label in rule.labels
}


def types_with(role: Role) -> list[str]:
    """The transaction types that play this role."""
    return [rule.type for rule in TRANSACTION_RULES.values() if rule.role is role]


def transaction_type(label: str) -> str | None:
    """The type that a label means in any spelling (`Request Can.`, `PARTIAL_REFUND`), else None."""
    return _BY_LABEL.get(re.sub(r"[\s_.\-]+", " ", label.lower()).strip())

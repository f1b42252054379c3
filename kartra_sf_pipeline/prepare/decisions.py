"""The rules by which a pair of contacts gets its score, and the words that explain it."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kartra_sf_pipeline.prepare.coded import Bools, Floats
from kartra_sf_pipeline.prepare.comparison import Pairs
from kartra_sf_pipeline.prepare.evidence import (
    FAR,
    NEAR,
    Address,
    Chance,
    Contact,
    Names,
    caps,
    could_matter,
    crowd,
    score_of,
)
from kartra_sf_pipeline.prepare.screening import Letters, may_matter
from kartra_sf_pipeline.prepare.wording import worded

RULES: Final = (
    "same_email", "same_mailbox", "typo_domain", "name_phone", "name_address", "name_local",
    "phone_without_name", "weighed",
)  # fmt: skip

# A rule of its own that scores this much explains a pair better than a sum does.
MERGE_LIKE: Final = 0.9
_NAMED_FIRST: Final = np.array([[1.0]] * (len(RULES) - 1) + [[0.0]])


def judge(pairs: Pairs, words: Letters) -> tuple[Pairs, pl.DataFrame]:
    """The pairs that could matter, and `score`, `rule`, `evidence`, `bits` for each of them.

    An address or a phone that two rows share is judged by a rule of its own; everything else is
    weighed. The best rule wins, under the cap that the pair's contradictions set.
    """
    pairs = pairs.only(may_matter(pairs, words))
    names = Names(pairs)
    kept = could_matter(pairs, names)
    pairs, names = pairs.only(kept), names.only(kept)
    address, contact = Address(pairs), Contact(pairs)
    bits = names.bits + address.bits + contact.bits
    chance = Chance(pairs, names, address)
    top, generation = caps(pairs, names, address, contact, chance)
    asked = np.where(chance.one_house, 0, crowd(pairs)).astype(np.float32)
    scores = _rules(pairs, names, address, contact, np.minimum(score_of(bits - asked), top), top)
    said = _said(pairs, names, address, contact)
    said += [
        ("generation", generation, "suffix or middle initial differs"),
        ("likely", chance.likely, "so common a name and address that they may be namesakes"),
        ("both", names.both, ""),
    ]
    stacked = np.stack([scores[name] for name in RULES])
    # Of two rules that suffice, the one that says more is named.
    best = (stacked + _NAMED_FIRST * (stacked >= MERGE_LIKE)).argmax(axis=0)
    frame = pl.DataFrame(
        {
            "score": stacked.max(axis=0),
            "rule": best.astype(np.uint8),
            "bits": bits,
            "first_sim": names.first,
            "last_sim": names.last,
            **{name: flag for name, flag, _ in said},
        }
    )
    return pairs, frame.select(
        pl.col("score").cast(pl.Float64).round(4),
        pl.col("rule").replace_strict(list(range(len(RULES))), list(RULES), return_dtype=pl.String),
        _evidence(said).alias("evidence"),
        pl.col("bits").cast(pl.Float64).round(1),
    )


def _rules(
    pairs: Pairs, names: Names, address: Address, contact: Contact, weighed: Floats, top: Floats
) -> dict[str, Floats]:
    """Each rule's score for each pair, 0 where the rule does not apply."""
    alike = np.where(names.both, np.minimum(names.first, names.last), 0).astype(np.float32)
    agree = alike >= NEAR
    differ = names.both & (names.first < FAR) & (names.last < 0.8)
    meant, phone = pairs.same("meant"), pairs.same("phone")
    house = address.house & address.same_town & (address.street >= 0.999) & pairs.same("zip")
    nothing = np.zeros(len(top), dtype=np.float32)
    return {
        "same_email": np.where(pairs.same("email"), np.where(differ, 0.9, 1.0), nothing),
        "same_mailbox": np.where(
            pairs.same("mailbox"), np.select([differ, agree], [0.8, 0.98], 0.9), nothing
        ),
        "typo_domain": np.where(
            meant,
            np.select([agree | (phone & ~differ), differ], [0.97, 0.6], 0.88),
            nothing,
        ),
        "name_phone": np.where(phone, np.minimum(0.98 * alike, top), nothing),
        "name_address": np.where(house, np.minimum(0.97 * alike, top), nothing),
        "name_local": np.where(contact.local, np.minimum(0.86 * alike, top), nothing),
        "phone_without_name": np.where(phone & ~names.both & ~differ, 0.76, nothing),
        "weighed": weighed,
    }


def _said(
    pairs: Pairs, names: Names, address: Address, contact: Contact
) -> list[tuple[str, Bools, str]]:
    mailbox, meant = pairs.same("mailbox"), pairs.same("meant")
    return [
        ("email", pairs.same("email"), "same e-mail"),
        ("mailbox", mailbox & ~pairs.same("email"), "same mailbox"),
        ("meant", meant & ~mailbox, "same mailbox once a mistyped domain is mended"),
        ("local", contact.local & ~meant, "same name before the @"),
        ("slip", contact.slip, "e-mails one slip apart"),
        ("phone", pairs.same("phone"), "same phone"),
        ("born", pairs.same("born"), "same birthday"),
        ("born_slip", contact.born_slip, "birthdays one digit apart"),
        ("street", address.same_street, "same street"),
        ("house", address.house, "same house number"),
        ("zip", pairs.same("zip"), "same postal code"),
        ("city", pairs.same("city"), "same city"),
        ("company", pairs.same("company"), "same company"),
        ("crossed", names.crossed, "first and last name exchanged"),
        ("born_differs", contact.born_differs, "birthdays differ"),
    ]


def _evidence(said: list[tuple[str, Bools, str]]) -> pl.Expr:
    return pl.concat_str(
        *(pl.when(pl.col(name)).then(pl.lit(words)) for name, _, words in said if words),
        pl.when("both").then(
            worded(
                "first name {}, last name {}",
                pl.col("first_sim").cast(pl.Float64).round(2),
                pl.col("last_sim").cast(pl.Float64).round(2),
            )
        ),
        worded("{} bits", pl.col("bits").cast(pl.Float64).round(1)),
        separator="; ",
        ignore_nulls=True,
    )

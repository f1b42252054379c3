"""E-mail addresses: unique in the account as Kartra has them, with the mistakes people make."""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Bools, Draw, Ints, Shelf, text, where
from kartra_sf_pipeline.sample.names import name_pools
from kartra_sf_pipeline.sample.people import People
from kartra_sf_pipeline.sample.places import LOCALES

FREE_MAIL: tuple[tuple[str, float], ...] = (
    ("gmail.com", 62), ("yahoo.com", 12), ("hotmail.com", 7), ("outlook.com", 6), ("icloud.com", 5),
    ("live.com", 2), ("msn.com", 1), ("proton.me", 1),
)  # fmt: skip
TYPOS: dict[str, tuple[str, ...]] = {
    "gmail.com": ("gmali.com", "gmial.com", "gmail.con", "gmail.co", "gamil.com", "gnail.com"),
    "yahoo.com": ("yaho.com", "yahooo.com", "yahoo.con"),
    "hotmail.com": ("hotmial.com", "hotmail.con", "hotmal.com"),
    "outlook.com": ("outlok.com", "outloook.com"),
    "icloud.com": ("icould.com", "iclould.com"),
    "aol.com": ("aol.con",),
}
ROLES = ("info", "sales", "support", "admin", "hello", "office", "contact", "billing")
_HANDLE = (
    "sunny",
    "coach",
    "mom",
    "the",
    "real",
    "happy",
    "fit",
    "crafty",
    "lucky",
    "wild",
    "rock",
)
_HANDLE_END = ("life", "runner", "yoga", "cook", "traveler", "girl", "guy", "star", "days", "club")
_LOCAL_MAIL = Shelf([locale.mail for locale in LOCALES])
DUPLICATE_KINDS = ("typo_domain", "typo_local", "other_mail", "plus_tag", "work_mail")


def email_columns(people: People) -> pl.DataFrame:
    """`email` (what Kartra knows today), `true_email` (as meant), `email_then` (some months ago)
    and `email_kind` per contact.

    Kinds: plain, typo, role, invalid; and for a second record of a person one of DUPLICATE_KINDS.
    """
    draw = people.block.draw("emails")
    locale_mail = _LOCAL_MAIL.series.gather(_LOCAL_MAIL.index(people.locale, draw.unit()))
    free = where(
        draw.chance(0.14),
        locale_mail,
        draw.pick([name for name, _ in FREE_MAIL], [share for _, share in FREE_MAIL]),
    )
    at_work = (people.firm >= 0) & draw.chance(0.6)
    work_domain = people.firms.domains.gather(np.maximum(people.firm, 0))
    domain = where(at_work, work_domain, free)
    local = _local_parts(draw, people)

    role = at_work & draw.chance(0.09) & (people.duplicate_of < 0)
    role_name = draw.pick(ROLES)
    # One info@ per company: a second one would be the same contact.
    role &= text(role_name, "@", domain).is_first_distinct().to_numpy()
    local = where(role, role_name, local)

    # Outside the first block a plain free-mail address belongs to somebody already.
    numbered = ~at_work & (draw.chance(0.55) | (people.block.number > 0))
    local = where(numbered, text(local, people.serial), local)
    again = ~text(local, "@", domain).is_first_distinct().to_numpy()
    local = where(again & ~numbered, text(local, people.serial), local)

    local, domain, kind = _second_addresses(draw, people, local, domain, work_domain, free)
    kind = where(role, "role", kind)
    true_email = text(local, "@", domain)

    typo = _mistyped(draw, domain)
    slip = draw.chance(0.012) & typo.is_not_null().to_numpy() & (people.duplicate_of < 0)
    email = text(local, "@", where(slip, typo.fill_null(""), domain))
    clash = ~email.is_first_distinct().to_numpy()
    email = where(clash, text("x", people.serial, ".", email), email)
    true_email = where(clash, email, true_email)
    kind = where(slip, "typo", kind)

    broken = draw.chance(0.004) & (people.duplicate_of < 0) & ~role
    email = where(broken, _broken(draw, email), email)
    kind = where(broken, "invalid", kind)
    # A dot before the number: no address of today looks like that.
    former = text(local.str.replace(r"[\d+].*$", ""), ".", people.serial, "@", free)
    return pl.DataFrame(
        {
            "email": email,
            "true_email": true_email,
            "email_kind": kind,
            "email_then": where(draw.chance(0.035), former, email),
        }
    )


def _local_parts(draw: Draw, people: People) -> pl.Series:
    """The part before the @, from the ASCII letters of the name where it has enough of them."""
    pools = name_pools()
    frame = pl.DataFrame(
        {
            "g": pools.given_ascii.gather(people.given_at),
            "f": pools.family_ascii.gather(people.family_at),
            "handle": text(draw.pick(_HANDLE), draw.pick(_HANDLE_END)),
            "shape": draw.choose((34, 14, 16, 10, 6, 8, 6, 6)),
        }
    )
    g, f = pl.col("g"), pl.col("f")
    initial = g.str.slice(0, 1)
    shapes = (
        pl.concat_str(g, pl.lit("."), f),
        pl.concat_str(initial, f),
        pl.concat_str(g, f),
        g,
        pl.concat_str(g, pl.lit("_"), f),
        pl.concat_str(g, f.str.slice(0, 1)),
        pl.concat_str(f, pl.lit("."), g),
    )
    local = pl.when((g.str.len_chars() < 3) | (f.str.len_chars() < 2)).then(pl.col("handle"))
    for number, shape in enumerate(shapes):
        local = local.when(pl.col("shape") == number).then(shape)
    return frame.select(local.otherwise(pl.col("handle")).alias("local")).to_series()


def _mistyped(draw: Draw, domain: pl.Series) -> pl.Series:
    """A common misspelling of each domain; null where there is none."""
    rounds = [
        domain.replace_strict(
            {name: forms[i % len(forms)] for name, forms in TYPOS.items()}, default=None
        )
        for i in range(6)
    ]
    which = draw.ints(0, 6)
    chosen = rounds[0]
    for number, form in enumerate(rounds[1:], start=1):
        chosen = where(which == number, form, chosen)
    return chosen


def _second_addresses(
    draw: Draw,
    people: People,
    local: pl.Series,
    domain: pl.Series,
    work: pl.Series,
    free: pl.Series,
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Give each second record of a person an address of its own; the others keep theirs."""
    second: Bools = people.duplicate_of >= 0
    source: Ints = people.person
    how = draw.choose((24, 14, 34, 10, 18))
    first_local, first_domain = local.gather(source), domain.gather(source)
    typo = _mistyped(draw, first_domain)
    # Where there is no well-known misspelling, a letter of the ending is lost.
    typo = where(typo.is_null().to_numpy(), first_domain.str.replace(r"\.(\w)\w", ".${1}"), typo)
    swapped = first_local.str.replace(r"^(.)(.)(.)", "${1}${3}${2}")
    own_local = text(local.str.replace(r"\d+$", ""), people.serial)
    mail = where((work == domain).to_numpy() | (people.firm < 0), free, work)

    new_local = where(how == 1, swapped, first_local)
    new_local = where(how == 2, own_local, new_local)
    new_local = where(how == 3, text(first_local, "+news"), new_local)
    new_local = where(how == 4, own_local, new_local)
    new_domain = where(how == 0, typo, first_domain)
    new_domain = where(how == 2, free, new_domain)
    new_domain = where(how == 4, mail, new_domain)
    kinds = pl.Series(DUPLICATE_KINDS).gather(how)
    return (
        where(second, new_local, local),
        where(second, new_domain, domain),
        where(second, kinds, "plain"),
    )


def _broken(draw: Draw, email: pl.Series) -> pl.Series:
    """Addresses that no mail server takes."""
    how = draw.ints(0, 5)
    frame = pl.DataFrame({"email": email, "how": how})
    e = pl.col("email")
    return frame.select(
        pl.when(pl.col("how") == 0)
        .then(e.str.replace("@", "@@"))
        .when(pl.col("how") == 1)
        .then(e.str.replace(r"@.*$", "@"))
        .when(pl.col("how") == 2)
        .then(e.str.replace(r"\.(\w+)$", ",${1}"))
        .when(pl.col("how") == 3)
        .then(e.str.replace("@", " @ "))
        .otherwise(e.str.replace("@", ".at."))
        .alias("email")
    ).to_series()


def as_typed(draw: Draw, email: pl.Series) -> pl.Series:
    """The address as the file shows it: now and then with capitals or spaces around it."""
    email = where(draw.chance(0.03), email.str.to_titlecase(), email)
    email = where(draw.chance(0.008), email.str.to_uppercase(), email)
    return where(draw.chance(0.008), text(" ", email, " "), email)

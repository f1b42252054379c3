"""Who is in the account: the truth behind each contact, before anybody has typed it.

A row is a contact. Some contacts are a person who is there already (`duplicate_of`); some live with
a person who is there already (`family_of`) and only look like a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Bools, Draw, Floats, Ints, Shelf, digits, text, where
from kartra_sf_pipeline.sample.firms import FIRMS_PER_CONTACT, Firms
from kartra_sf_pipeline.sample.names import name_pools
from kartra_sf_pipeline.sample.places import LOCALES

EPOCH_DAY = date(1970, 1, 1).toordinal()
OPENED = date(2019, 2, 1)

SHARE_DUPLICATE = 0.045
SHARE_FAMILY = 0.012
SHARE_BUYERS = 0.122


@dataclass(frozen=True)
class Block:
    """A run of contacts by number: `first` to `first + size`, of `total` in the account.

    `buyers` is the share of them that order something.
    """

    seed: int
    number: int
    first: int
    size: int
    total: int
    today: date
    buyers: float = SHARE_BUYERS

    def draw(self, topic: str, size: int | None = None) -> Draw:
        """The block's own random stream for a topic."""
        return Draw(self.seed, self.number, topic, self.size if size is None else size)

    @property
    def now(self) -> int:
        """Seconds since 1970 at the last midnight before the export (the account's own clock)."""
        return (self.today.toordinal() - EPOCH_DAY) * 86_400


@dataclass
class People:
    """Columns of truth, one entry per contact of the block.

    `joined` is in seconds since 1970 on the account's clock; `firm` is a place in `firms`, or -1.
    """

    block: Block
    firms: Firms
    serial: Ints
    contact_id: Ints
    duplicate_of: Ints
    family_of: Ints
    person: Ints
    locale: Ints
    given_at: Ints
    family_at: Ints
    given: pl.Series
    middle: pl.Series
    family: pl.Series
    family2: pl.Series
    suffix: pl.Series
    firm: Ints
    street: pl.Series
    city: pl.Series
    state: pl.Series
    postal_code: pl.Series
    country: pl.Series
    dial: pl.Series
    national: pl.Series
    has_phone: Bools
    has_address: Bools
    joined: Ints

    @property
    def size(self) -> int:
        """Contacts in the block."""
        return self.block.size


def per_locale(attribute: str) -> pl.Series:
    """One attribute of every locale, in the order of their numbers."""
    return pl.Series([getattr(locale, attribute) for locale in LOCALES])


_PLACES = Shelf([locale.places for locale in LOCALES])
_PLACE_PARTS = _PLACES.series.str.split_exact("|", 3).struct.unnest()
_PREFIXES = Shelf([locale.prefixes or [""] for locale in LOCALES])
_EUROPEAN_STREETS = (
    "Linden", "Garten", "Kirch", "Berg", "Mühlen", "Rosen", "Victoria", "Libertad", "Pasteur",
    "Garibaldi", "Stations", "Molen", "Storm", "Victor Hugo", "São João", "Mayor", "Juárez",
)  # fmt: skip
_ENGLISH_STREETS = (
    "Oak", "Maple", "Washington", "Lake", "Hill", "Church", "Elm", "Chestnut", "Mill", "Station",
    "Park", "Victoria", "High", "King", "Queen", "Sunset", "Franklin", "Cedar", "Highland",
)  # fmt: skip


def make_people(block: Block) -> People:
    """Draw the people of a block."""
    pools = name_pools()
    draw = block.draw("people")
    n = block.size
    serial = np.arange(block.first, block.first + n, dtype=np.int64)

    duplicate_of, family_of = _relations(draw, n)
    person = np.where(duplicate_of >= 0, duplicate_of, np.arange(n))
    household = np.where(family_of >= 0, family_of, person)

    locale = draw.choose([loc.share for loc in LOCALES])[household]
    given_at = pools.given.index(locale, draw.unit()[person], 1.5)
    family_at = pools.family.index(locale, draw.unit()[household], 1.4)
    firms_wanted = max(6, round(n * FIRMS_PER_CONTACT))
    firms = Firms(block.seed, block.number, block.number * 100_000, firms_wanted)
    has_firm = draw.chance(0.31)[person]
    firm = np.where(has_firm, firms.choose(draw)[person], -1)

    family, family2, middle, suffix = _other_names(draw, pools.family.series, locale, family_at)
    place = _PLACES.index(locale, draw.unit()[household])
    area = _PLACE_PARTS["field_3"].gather(place)
    city = _PLACE_PARTS["field_0"].gather(place)
    state = _PLACE_PARTS["field_1"].gather(place)

    return People(
        block=block,
        firms=firms,
        serial=serial,
        contact_id=41_000_000 + serial * 3 + draw.ints(0, 3),
        duplicate_of=duplicate_of,
        family_of=family_of,
        person=person,
        locale=locale,
        given_at=given_at,
        family_at=family_at,
        given=pools.given.series.gather(given_at),
        middle=middle.gather(person),
        family=family.gather(household),
        family2=family2.gather(household),
        suffix=suffix.gather(person),
        firm=firm,
        street=_streets(draw, locale).gather(household),
        city=city,
        state=state,
        postal_code=_postal_codes(draw, locale, _PLACE_PARTS["field_2"].gather(place)).gather(
            household
        ),
        country=per_locale("country").gather(locale),
        dial=per_locale("dial").gather(locale),
        national=_national_numbers(draw, locale, area).gather(
            np.where((family_of >= 0) & draw.chance(0.5), household, person)
        ),
        has_phone=draw.chance(0.62)[person],
        has_address=draw.chance(0.44)[household],
        joined=_join_times(draw, serial, block),
    )


def _relations(draw: Draw, n: int) -> tuple[Ints, Ints]:
    """For each row the earlier row that is the same person, and the one that is a relative."""
    later = np.arange(n) > max(3, n // 20)
    duplicate = later & draw.chance(SHARE_DUPLICATE)
    family = later & ~duplicate & draw.chance(SHARE_FAMILY)
    originals = np.flatnonzero(~duplicate & ~family)
    # The number of originals before each row bounds the choice: nobody doubles a later contact.
    before = np.searchsorted(originals, np.arange(n))
    source = originals[(draw.unit() * before).astype(np.int64)]
    return np.where(duplicate, source, -1), np.where(family, source, -1)


def _other_names(
    draw: Draw, families: pl.Series, locale: Ints, family_at: Ints
) -> tuple[pl.Series, pl.Series, pl.Series, pl.Series]:
    """Family name with its particle, second family name, middle name and suffix."""
    pools = name_pools()
    code = per_locale("code")
    particle = pools.particle.series.gather(pools.particle.index(locale, draw.unit()))
    likely = np.array(
        [{"NL": 0.3, "IE": 0.25, "BR": 0.2, "AE": 0.2}.get(c, 0.05) for c in code], dtype=np.float64
    )
    likely[code.to_list().index("US")] = 0.015
    tight = particle.str.ends_with("'") | particle.str.ends_with("-") | (particle == "Mc")
    gap = where((tight | (particle == "")).to_numpy(), "", " ")
    base = families.gather(family_at)
    family = where(
        draw.chance(likely[locale]), text(particle, gap, base).str.replace("  ", " "), base
    )

    two = np.array([0.6 if c in ("ES", "MX") else 0.12 if c == "BR" else 0.0 for c in code])
    other = families.gather(pools.family.index(locale, draw.unit(), 1.4))
    family2 = where(draw.chance(two[locale]), other, None)

    # An initial, or a second given name.
    initial = draw.pick([f"{letter}." for letter in "ABCDEFGHJKLMNPRSTW"])
    second = pools.given.series.gather(pools.given.index(locale, draw.unit(), 1.5))
    western = locale < 6
    middle = where(western & draw.chance(0.09), where(draw.chance(0.6), initial, second), None)
    suffix = where(
        western & draw.chance(0.02),
        draw.pick(("Jr.", "Sr.", "III", "II", "MD", "PhD", "Esq."), (38, 8, 14, 8, 12, 14, 6)),
        None,
    )
    return family, family2, middle, suffix


def _streets(draw: Draw, locale: Ints) -> pl.Series:
    pattern = per_locale("street").gather(locale)
    english = (pattern == "{number} {name} {kind}").to_numpy()
    name = where(english, draw.pick(_ENGLISH_STREETS), draw.pick(_EUROPEAN_STREETS))
    kind = draw.pick(("Street", "St", "Avenue", "Ave", "Road", "Rd", "Lane", "Drive", "Ct"))
    street = (
        pl.DataFrame({"p": pattern, "name": name, "kind": kind, "no": draw.ints(1, 2200)})
        .select(
            pl.col("p")
            .str.replace("{name}", pl.col("name"), literal=True)
            .str.replace("{kind}", pl.col("kind"), literal=True)
            .str.replace("{number}", pl.col("no").cast(pl.String), literal=True)
        )
        .to_series()
    )
    unit = text(draw.pick((" Apt ", " #", ", Suite ", " Unit ")), draw.ints(1, 900))
    return where(english & draw.chance(0.14), text(street, unit), street)


def _postal_codes(draw: Draw, locale: Ints, prefix: pl.Series) -> pl.Series:
    how = per_locale("zip_tail").gather(locale)
    number = draw.ints(0, 100_000)
    letters = draw.codes(2, "ABDEFGHJLNPQRSTUWXYZ")
    frame = pl.DataFrame(
        {"how": how, "prefix": prefix, "letters": letters, "number": number}
    ).with_columns(tail=pl.col("number").cast(pl.String).str.zfill(5))
    one = pl.col("tail").str.slice(0, 1)
    return frame.select(
        pl.when(pl.col("how") == "gb")
        .then(pl.concat_str("prefix", pl.lit(" "), one, "letters"))
        .when(pl.col("how") == "ca")
        .then(
            pl.concat_str(
                "prefix",
                pl.lit(" "),
                one,
                pl.col("letters").str.slice(0, 1),
                pl.col("tail").str.slice(1, 1),
            )
        )
        .when(pl.col("how") == "nl")
        .then(pl.concat_str("prefix", pl.lit(" "), "letters"))
        .when(pl.col("how") == "br")
        .then(
            pl.concat_str(
                "prefix",
                pl.col("tail").str.slice(0, 3),
                pl.lit("-"),
                pl.col("tail").str.slice(2, 3),
            )
        )
        .otherwise(
            pl.concat_str(
                "prefix", pl.col("tail").str.slice(0, pl.col("how").cast(pl.Int64, strict=False))
            )
        )
        .alias("postal_code")
    ).to_series()


def _national_numbers(draw: Draw, locale: Ints, area: pl.Series) -> pl.Series:
    """National significant numbers: the area code where the town has one, else a mobile prefix."""
    width = per_locale("tail").to_numpy()[locale]
    start = draw.ints(2, 10)
    # North American exchanges begin with 2 to 9 and are not 911 or 555; Brazil's mobiles with 9.
    rest = draw.ints(0, 10**8)
    first = np.where(per_locale("code").gather(locale).to_numpy() == "BR", 9, start)
    tail = text(first, digits(rest, 8))
    prefix = _PREFIXES.series.gather(_PREFIXES.index(locale, draw.unit()))
    number = pl.DataFrame({"area": area, "prefix": prefix, "tail": tail, "width": width}).select(
        pl.concat_str("area", "prefix", pl.col("tail").str.slice(0, pl.col("width")))
        .str.replace(r"^(\d{3})(?:911|555)(\d{4})$", "${1}744${2}")
        .alias("number")
    )
    return number.to_series()


def _join_times(draw: Draw, serial: Ints, block: Block) -> Ints:
    """Seconds since 1970, growing with the contact's number: accounts grow faster over time."""
    opened = (OPENED.toordinal() - EPOCH_DAY) * 86_400
    span = block.now - opened - 2 * 86_400
    share: Floats = (serial + draw.unit()) / block.total
    day = opened + (span * share**0.7).astype(np.int64) // 86_400 * 86_400
    hour = draw.choose((2, 1, 1, 1, 1, 2, 4, 6, 8, 10, 10, 9, 9, 9, 9, 8, 7, 7, 7, 8, 8, 7, 5, 3))
    return day + hour * 3_600 + draw.ints(0, 3_600)

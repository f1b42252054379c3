"""What the agreements of a pair weigh together, in bits, and where no weight may decide.

Each column that agrees speaks for one person by how rare the shared value is (a rare surname more
than Smith), each that disagrees against. The sum becomes a score between 0 and 1. Some
contradictions cap the score, whatever else agrees: a household shares everything but first names.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from kartra_sf_pipeline.prepare.coded import Bools, Floats
from kartra_sf_pipeline.prepare.comparison import Pairs

# Bits of evidence at which the score is a half, and how many more double its odds. With them 15
# bits score 0.75 and 26 score 0.95.
_HALF_AT: Final = 8.5
_BITS_PER_DOUBLING: Final = 4.13
# That holds for accounts of up to so many contacts.
_USUAL: Final = 10_000
# Of twenty people one has a second record; for one wrong merge in two hundred, namesakes at the
# same address must be rarer by as much.
_NO_STRANGERS: Final = 1 / (20 * 200)
# From here on two texts are spellings of one name, or nothing alike.
NEAR: Final = 0.9
FAR: Final = 0.78
_PLACE_NEAR: Final = 0.84
_PLACE_FAR: Final = 0.6
# The most that a capped pair can score: seen by a person, or not even listed for one.
SEEN: Final = 0.9
UNSEEN: Final = 0.5
# Pairs below are not even listed as ignored.
LISTED_AT: Final = 0.6


def score_of(bits: Floats) -> Floats:
    """A score between 0 and 1 for a sum of evidence; it grows with the bits."""
    return (1.0 / (1.0 + np.exp2((_HALF_AT - bits) / _BITS_PER_DOUBLING))).astype(np.float32)


def crowd(pairs: Pairs) -> float:
    """Bits that a pair needs more than in an account of the usual size.

    Twice the contacts are twice the strangers who could agree by chance. What is given to one
    person alone, a phone or an e-mail address, tells as much more.
    """
    return max(0.0, math.log2(max(pairs.contacts, 1) / _USUAL))


def could_matter(pairs: Pairs, names: Names) -> Bools:
    """False where nothing that is still to be compared can lift a pair to `LISTED_AT`."""
    more = crowd(pairs)
    rest = np.zeros(len(pairs.left), dtype=np.float32)
    rest += np.where(pairs.same("street"), 11.0, np.where(pairs.known("street"), 8.8, 0.0))
    rest += 4.0 * pairs.same("number") - 0.5 * pairs.differ("number")
    zips, cities = pairs.same("zip"), pairs.known("city")
    rest += np.where(zips, 9.0, 0.0) + np.where(cities, np.where(zips, 2.7, 8.0), 0.0)
    rest += (16.0 + more) * pairs.same("phone") + 8.0 * pairs.same("company")
    rest += 13.0 * pairs.known("born")
    meant, hosts = pairs.same("meant"), pairs.same("mail_domain") & pairs.differ("local")
    slip = np.where(pairs.known("handle"), 9.0 + more, 5.0)
    mail = [meant, pairs.same("handle"), pairs.same("local"), hosts]
    rest += np.select(mail, [np.full_like(slip, 18.0 + more), 10.0, 3.0, slip], 0.0)
    rest -= more * ~(pairs.same("number") & pairs.known("street"))
    others = names.both & (names.first < FAR) & (names.last < FAR)
    strong = meant | pairs.same("phone")
    return (~others & (score_of(names.bits + rest) >= LISTED_AT)) | strong


class Names:
    """How the names of the pairs agree: `first` and `last` are similarities, `bits` their weight.

    `crossed` marks pairs with a first and a last name in each other's cell.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.first = self._first(pairs)
        differ = pairs.differ("last")
        self.last = np.where(
            pairs.same("last"), np.float32(1), pairs.similarity("last", "name", differ)
        )
        self.knows_first = pairs.known("first")
        self.knows_last = pairs.known("last")
        self.both = self.knows_first & self.knows_last
        far = self.both & (np.minimum(self.first, self.last) < NEAR)
        one = pairs.similarity("first", "name", far, "last")
        two = pairs.similarity("last", "name", far, "first")
        self.crossed = far & (np.minimum(one, two) >= NEAR)
        # One of the two words stands in the other cell, the other word is another.
        half = far & ~self.crossed & (np.maximum(one, two) >= NEAR) & (self.first < NEAR)
        self.first = np.where(self.crossed, np.maximum(one, NEAR), self.first)
        self.last = np.where(self.crossed, np.maximum(two, NEAR), self.last)
        self.first = np.where(half, np.maximum(one, two), self.first)
        self.last = np.where(half & (self.last < NEAR), np.float32(0), self.last)
        self.bits = self._weigh(pairs)

    @staticmethod
    def _first(pairs: Pairs) -> Floats:
        differ = pairs.differ("first") & ~pairs.same("root")
        return np.where(
            pairs.same("first"),
            np.float32(1),
            np.where(
                pairs.same("root"), np.float32(0.98), pairs.similarity("first", "name", differ)
            ),
        )

    def only(self, kept: Bools) -> Names:
        """Those of the pairs for which `kept` is true."""
        some = object.__new__(Names)
        for name, values in vars(self).items():
            setattr(some, name, values[kept])
        return some

    def _weigh(self, pairs: Pairs) -> Floats:
        first = np.clip(pairs.bits("first"), 4.0, 9.0)
        last = np.clip(pairs.bits("last"), 5.0, 11.0)
        return np.where(self.knows_first, _graded(self.first, first, 5.0), 0.0) + np.where(
            self.knows_last, _graded(self.last, last, 5.0), 0.0
        )


def _share(alike: Floats) -> Floats:
    """How much of a name's rarity is left where it is only spelt alike."""
    return np.select([alike >= 0.999, alike >= 0.97, alike >= NEAR], [1.0, 0.9, 0.7], 0.0)


def _graded(alike: Floats, worth: Floats, against: float) -> Floats:
    """All of the worth for the same word, most of it for a slip, something against for others."""
    return np.select(
        [alike >= 0.999, alike >= 0.97, alike >= NEAR, alike >= FAR],
        [worth, worth * 0.9, worth * 0.7, np.full_like(worth, -1.0)],
        np.full_like(worth, -against),
    ).astype(np.float32)


class Address:
    """How the addresses agree: `street` is a similarity, `bits` the weight of the whole."""

    def __init__(self, pairs: Pairs) -> None:
        streets = pairs.known("street")
        self.street = np.where(
            pairs.same("street"),
            np.float32(1),
            pairs.similarity("street", "place", pairs.differ("street")),
        )
        town = self._town(pairs)
        # Every town has an Elm Lane.
        elsewhere = ~self.same_town & pairs.differ("city") & pairs.differ("zip")
        self.same_street = streets & (self.street >= _PLACE_NEAR) & ~elsewhere
        self.house = pairs.same("number") & self.same_street
        same_place = self.same_street & self.same_town
        self.home = self.house | (same_place & ~pairs.differ("number"))
        worth = np.clip(pairs.bits("street"), 5.0, 11.0)
        street = np.select(
            [
                ~streets | elsewhere,
                self.street >= 0.999,
                self.same_street,
                self.street >= _PLACE_FAR,
            ],
            [np.zeros_like(worth), worth, worth * 0.8, np.full_like(worth, -0.5)],
            np.full_like(worth, -2.0),
        )
        digits = pairs.differ("number")
        # Of a street that is the same, another number is a neighbour, or a slip.
        slip = pairs.similarity("number", "digits", digits & self.same_street) > 0
        number = np.select([pairs.same("number"), slip, digits], [4.0, -0.5, -2.0], 0.0)
        self.bits = (street + number + town).astype(np.float32)

    def _town(self, pairs: Pairs) -> Floats:
        unlike = pairs.differ("zip")
        slip = pairs.similarity("zip", "digits", unlike) > 0
        code = np.where(
            pairs.same("zip"),
            np.clip(pairs.bits("zip"), 5.0, 9.0),
            np.select([slip, unlike], [0.0, -1.5], 0.0),
        )
        city = pairs.similarity("city", "place", pairs.differ("city"))
        worth = np.clip(pairs.bits("city"), 2.0, 8.0)
        town = np.select(
            [pairs.same("city"), city >= _PLACE_NEAR, pairs.known("city")],
            [worth, worth * 0.75, np.full_like(worth, -1.5)],
            0.0,
        )
        self.same_town = pairs.same("city") | (city >= _PLACE_NEAR) | pairs.same("zip")
        # A postal code and its town say much the same.
        most, least = np.maximum(code, town), np.minimum(code, town)
        both = np.where(least > 0, most + 0.3 * least, code + town)
        return (both - 1.0 * pairs.differ("state")).astype(np.float32)


class Contact:
    """What phone, e-mail, company and birthday say."""

    def __init__(self, pairs: Pairs) -> None:
        more = crowd(pairs)
        self.local = pairs.same("local")
        self.handle = pairs.same("handle")
        self.slip = (
            pairs.similarity("local", "letters", pairs.same("mail_domain") & pairs.differ("local"))
            > 0
        )
        self.own_slip = self.slip & pairs.known("handle")
        born = pairs.differ("born")
        self.born_slip = pairs.similarity("born", "digits", born) > 0
        self.born_differs = born & ~self.born_slip
        phone = np.where(
            pairs.same("phone"),
            np.clip(pairs.bits("phone"), 6.0, 16.0 + more),
            -1.0 * pairs.differ("phone"),
        )
        mail = np.select(
            [pairs.same("meant"), self.handle, self.local, self.slip, pairs.differ("mailbox")],
            [
                np.full(len(pairs.left), 18.0 + more),
                np.clip(pairs.bits("handle"), 3.0, 10.0),
                np.full(len(pairs.left), 3.0),
                np.where(self.own_slip, 9.0 + more, 5.0),
                np.full(len(pairs.left), -0.5),
            ],
            0.0,
        )
        company = np.where(pairs.same("company"), np.clip(pairs.bits("company"), 2.0, 8.0), 0.0)
        birth = np.select(
            [pairs.same("born"), self.born_slip, born],
            [
                np.clip(pairs.bits("born"), 6.0, 13.0),
                np.full(len(born), 5.0),
                np.full(len(born), -6.0),
            ],
            0.0,
        )
        self.bits = (phone + mail + company + birth).astype(np.float32)


class Chance:
    """Whether namesakes at one address may be strangers: how many the account holds by chance.

    Each shared value is as frequent as the account has it, and independent of the others. Bounds
    of the weights do not apply: a name counts for as little as so many people carry it.
    """

    def __init__(self, pairs: Pairs, names: Names, address: Address) -> None:
        bits = np.maximum(
            np.where(pairs.same("zip"), pairs.bits("zip"), 0),
            np.where(pairs.same("city"), pairs.bits("city"), 0),
        )
        bits += np.where(pairs.same("number"), pairs.bits("number"), 0)
        bits += np.where(address.same_street, pairs.bits("street"), 0)
        for name, known, alike in (
            ("first", names.knows_first, names.first),
            ("last", names.knows_last, names.last),
        ):
            bits += np.where(known, pairs.bits(name) * _share(alike), 0)
        ruled_out = pairs.contacts * np.exp2(-bits) <= _NO_STRANGERS
        self.own_home = address.home & ruled_out
        self.likely = address.home & ~ruled_out & names.both
        self.one_house = address.house & address.same_town & ruled_out


def caps(
    pairs: Pairs, names: Names, address: Address, contact: Contact, chance: Chance
) -> tuple[Floats, Bools]:
    """The most that each pair may score, and whether a suffix or middle initial differs.

    Merged are only people whose names agree and who share something of their own beside: a house,
    a phone, a birthday, an address of their e-mail. Another first name at the same address is a
    relative where each has an e-mail address; where not, someone should look. A shared address is
    enough where chance would hardly bring a namesake to it.
    """
    generation = pairs.differ("suffix") | pairs.differ("middle")
    other_first = names.knows_first & (names.first < FAR)
    other_last = names.knows_last & (names.last < FAR)
    own = pairs.same("born") | pairs.same("meant") | contact.handle | contact.own_slip
    anchored = own | pairs.same("phone") | chance.own_home
    top = np.ones(len(pairs.left), dtype=np.float32)
    unsure = (names.first < NEAR) | (names.last < NEAR) | ~names.both
    top[generation | contact.born_differs | unsure | ~anchored] = SEEN
    relatives = other_first & ~own & (pairs.differ("mailbox") | contact.born_differs)
    top[relatives | (other_first & other_last)] = UNSEEN
    # A name alone is no evidence.
    beside = (
        anchored | address.home | address.same_street | address.same_town | pairs.same("company")
    )
    beside |= contact.local | contact.slip
    top[~beside] = 0.0
    return top, generation

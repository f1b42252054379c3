"""Given names and their everyday forms, for comparing people; never for renaming them."""

from __future__ import annotations

from typing import Final

import polars as pl

_FORMS: Final = """
alexander alex al sandy sasha xander
alexandra alexa lexi sandra
andrew andy drew
anthony tony
barbara barb babs
benjamin ben benny
catherine katherine kathryn katharine cathy kathy kate katie kat
charles charlie chuck chas
christine christina chris chrissy tina
christopher topher
daniel dan danny
deborah debra deb debbie
donald don donny
edward ed eddie ted teddy
elizabeth elisabeth liz lizzie beth betty eliza
eugene gene
francis frank frankie
frederick fred freddie freddy
gerald gerry jerry
gregory greg
harold harry hal
henry hank
jacob jake
james jim jimmy jamie
jennifer jen jenny jenn
jessica jess jessie
john johnny jack
jonathan jon johnathan
joseph joe joey
joshua josh
kenneth ken kenny
kimberly kim
lawrence laurence larry
leonard len lenny
margaret maggie meg peggy marge margie
matthew matt
melissa missy
michael mike mick mickey mikey
nathaniel nathan nate
nicholas nick nicky nicolas
pamela pam
patricia pat patty trish tricia
patrick paddy
peter pete
philip phillip phil
raymond ray
rebecca becky becca
richard rick ricky rich dick richie
robert bob bobby rob robbie bert
ronald ron ronnie
samuel sam sammy
stephen steven steve
susan sue suzie susie suzanne
theodore theo
theresa teresa terry tess
thomas tom tommy
timothy tim timmy
victoria vicky vicki tori
vincent vince vinny
walter walt
william bill billy will willie willy
zachary zach zack zachariah
"""

FORMS: Final = {
    form: line.split()[0] for line in _FORMS.strip().splitlines() for form in line.split()
}


def given_root(folded_first: pl.Expr) -> pl.Expr:
    """One root for a given name and its everyday forms (`bob` and `robert`)."""
    return folded_first.replace(FORMS)

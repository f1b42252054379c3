"""Where the sample's people live: countries, towns, and how their phone numbers are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Locale:
    """One country (or half of one) and its share of the account.

    `names` is the Faker locale of its names. `dial` and `trunk` are the country code and the digit
    dialled before a national number; `prefixes` begin a mobile number and `tail` digits end it.
    `places` are "city|state|postal prefix|area code"; `zip_tail` says how a postal code goes on:
    a number of digits, or "gb" or "ca".
    """

    code: str
    names: str
    share: float
    country: str
    zone: str
    dial: str
    trunk: str
    prefixes: tuple[str, ...]
    tail: int
    zip_tail: str
    places: tuple[str, ...]
    mail: tuple[str, ...] = ()
    consent_law: bool = False
    legal_form: str = "Ltd"
    street: str = "{number} {name} {kind}"


_US = (
    "New York|New York|100|212", "Brooklyn|New York|112|718", "Buffalo|New York|142|716",
    "Boston|Massachusetts|021|617", "Worcester|Massachusetts|016|508", "Hartford|Connecticut|061|860",
    "Providence|Rhode Island|029|401", "Newark|New Jersey|071|973", "Philadelphia|Pennsylvania|191|215",
    "Pittsburgh|Pennsylvania|152|412", "Baltimore|Maryland|212|410", "Richmond|Virginia|232|804",
    "Raleigh|North Carolina|276|919", "Charlotte|North Carolina|282|704", "Charleston|South Carolina|294|843",
    "Atlanta|Georgia|303|404", "Savannah|Georgia|314|912", "Orlando|Florida|328|407",
    "Miami|Florida|331|305", "Tampa|Florida|336|813", "Nashville|Tennessee|372|615",
    "Memphis|Tennessee|381|901", "Louisville|Kentucky|402|502", "Columbus|Ohio|432|614",
    "Cleveland|Ohio|441|216", "Detroit|Michigan|482|313", "Grand Rapids|Michigan|495|616",
    "Indianapolis|Indiana|462|317", "Chicago|Illinois|606|312", "Milwaukee|Wisconsin|532|414",
    "Minneapolis|Minnesota|554|612", "Des Moines|Iowa|503|515", "Kansas City|Missouri|641|816",
    "Omaha|Nebraska|681|402", "New Orleans|Louisiana|701|504", "Dallas|Texas|752|214",
    "Houston|Texas|770|713", "San Antonio|Texas|782|210", "Austin|Texas|787|512",
    "Denver|Colorado|802|303", "Boise|Idaho|837|208", "Salt Lake City|Utah|841|801",
    "Phoenix|Arizona|850|602", "Albuquerque|New Mexico|871|505", "Las Vegas|Nevada|891|702",
    "Los Angeles|California|900|213", "San Diego|California|921|619", "Fresno|California|937|559",
    "San Francisco|California|941|415", "Sacramento|California|958|916", "Portland|Oregon|972|503",
    "Seattle|Washington|981|206", "Spokane|Washington|992|509", "Anchorage|Alaska|995|907",
    "Honolulu|Hawaii|968|808",
)  # fmt: skip
_CA = (
    "Toronto|Ontario|M5V|416", "Ottawa|Ontario|K1P|613", "Hamilton|Ontario|L8P|905",
    "Vancouver|British Columbia|V6B|604", "Victoria|British Columbia|V8W|250",
    "Calgary|Alberta|T2P|403", "Edmonton|Alberta|T5J|780", "Winnipeg|Manitoba|R3C|204",
    "Halifax|Nova Scotia|B3J|902", "Saskatoon|Saskatchewan|S7K|306",
)  # fmt: skip
_QC = ("Montréal|Québec|H3B|514", "Québec|Québec|G1R|418", "Gatineau|Québec|J8X|819")
_GB = (
    "London|Greater London|SW1A|", "London|Greater London|N1|", "Croydon|Surrey|CR0|",
    "Brighton|East Sussex|BN1|", "Bristol|Avon|BS1|", "Manchester|Greater Manchester|M1|",
    "Leeds|West Yorkshire|LS1|", "York|North Yorkshire|YO1|", "Sheffield|South Yorkshire|S1|",
    "Birmingham|West Midlands|B1|", "Norwich|Norfolk|NR1|", "Cardiff|South Glamorgan|CF10|",
    "Edinburgh|Midlothian|EH1|", "Glasgow|Lanarkshire|G1|", "Belfast|County Antrim|BT1|",
)  # fmt: skip
_AU = (
    "Sydney|New South Wales|20|", "Newcastle|New South Wales|23|", "Melbourne|Victoria|30|",
    "Geelong|Victoria|32|", "Brisbane|Queensland|40|", "Gold Coast|Queensland|42|",
    "Perth|Western Australia|60|", "Adelaide|South Australia|50|", "Hobart|Tasmania|70|",
)  # fmt: skip
_DE = (
    "Berlin|Berlin|10|", "Hamburg|Hamburg|20|", "München|Bayern|80|", "Köln|Nordrhein-Westfalen|50|",
    "Düsseldorf|Nordrhein-Westfalen|40|", "Frankfurt am Main|Hessen|60|",
    "Stuttgart|Baden-Württemberg|70|", "Leipzig|Sachsen|04|", "Dresden|Sachsen|01|",
)  # fmt: skip
_FR = (
    "Paris|Île-de-France|75|", "Lyon|Auvergne-Rhône-Alpes|69|", "Nîmes|Occitanie|30|",
    "Bordeaux|Nouvelle-Aquitaine|33|", "Nantes|Pays de la Loire|44|", "Lille|Hauts-de-France|59|",
    "Marseille|Provence-Alpes-Côte d'Azur|13|",
)  # fmt: skip
_ES = (
    "Madrid|Madrid|28|", "Barcelona|Barcelona|08|", "Valencia|Valencia|46|", "Sevilla|Sevilla|41|",
    "Málaga|Málaga|29|", "A Coruña|A Coruña|15|", "Bilbao|Vizcaya|48|",
)  # fmt: skip
_MX = (
    "Ciudad de México|Ciudad de México|06|55", "Guadalajara|Jalisco|44|33",
    "Monterrey|Nuevo León|64|81", "Puebla|Puebla|72|55", "Mérida|Yucatán|97|55",
)  # fmt: skip
_BR = (
    "São Paulo|São Paulo|01|11", "Rio de Janeiro|Rio de Janeiro|20|21",
    "Belo Horizonte|Minas Gerais|30|31", "Curitiba|Paraná|80|41", "Salvador|Bahia|40|71",
)  # fmt: skip
_IN = (
    "Mumbai|Maharashtra|400|", "Pune|Maharashtra|411|", "Bengaluru|Karnataka|560|",
    "New Delhi|Delhi|110|", "Chennai|Tamil Nadu|600|", "Kolkata|West Bengal|700|",
)  # fmt: skip

LOCALES: tuple[Locale, ...] = (
    Locale("US", "en_US", 52.0, "United States", "America/New_York", "1", "", (), 7, "2", _US,
           ("aol.com", "comcast.net", "verizon.net"), legal_form="LLC"),
    Locale("CA", "en_GB", 5.0, "Canada", "America/Toronto", "1", "", (), 7, "ca", _CA,
           ("rogers.com", "shaw.ca"), legal_form="Inc."),
    Locale("QC", "fr_CA", 1.2, "Canada", "America/Toronto", "1", "", (), 7, "ca", _QC,
           ("videotron.ca",), legal_form="Inc."),
    Locale("GB", "en_GB", 12.0, "United Kingdom", "Europe/London", "44", "0",
           ("74", "75", "77", "78", "79"), 8, "gb", _GB, ("btinternet.com", "yahoo.co.uk", "hotmail.co.uk"),
           consent_law=True),
    Locale("IE", "en_IE", 1.3, "Ireland", "Europe/Dublin", "353", "0", ("83", "85", "86", "87"), 7, "0",
           ("Dublin|County Dublin|D02 X285|", "Cork|County Cork|T12 W8KX|", "Galway|County Galway|H91 E2K3|"),
           ("eircom.net",), consent_law=True),
    Locale("AU", "en_NZ", 5.0, "Australia", "Australia/Sydney", "61", "0", ("40", "41", "42", "43", "46"), 7,
           "2", _AU, ("bigpond.com", "optusnet.com.au"), legal_form="Pty Ltd"),
    Locale("DE", "de_DE", 4.2, "Germany", "Europe/Berlin", "49", "0", ("151", "160", "170", "172", "175"), 8,
           "3", _DE, ("gmx.de", "web.de", "t-online.de"), True, "GmbH", "{name}straße {number}"),
    Locale("FR", "fr_FR", 3.2, "France", "Europe/Paris", "33", "0", ("61", "62", "64", "66", "76"), 7, "3",
           _FR, ("orange.fr", "free.fr", "laposte.net"), True, "SARL", "{number} rue {name}"),
    Locale("ES", "es_ES", 2.6, "Spain", "Europe/Madrid", "34", "", ("61", "62", "65", "66", "69"), 7, "3",
           _ES, ("hotmail.es", "telefonica.net"), True, "S.L.", "Calle {name}, {number}"),
    Locale("MX", "es_MX", 2.4, "Mexico", "America/Mexico_City", "52", "", (), 8, "3", _MX,
           ("hotmail.com", "prodigy.net.mx"), legal_form="S.A. de C.V.", street="Av. {name} {number}"),
    Locale("BR", "pt_BR", 2.2, "Brazil", "America/Sao_Paulo", "55", "", (), 9, "br", _BR,
           ("uol.com.br", "terra.com.br"), True, "Ltda.", "Rua {name}, {number}"),
    Locale("NL", "nl_NL", 1.8, "Netherlands", "Europe/Amsterdam", "31", "0", ("61", "62", "64", "65"), 7, "nl",
           ("Amsterdam|Noord-Holland|1012|", "Utrecht|Utrecht|3511|", "'s-Hertogenbosch|Noord-Brabant|5211|"),
           ("ziggo.nl", "kpnmail.nl"), True, "B.V.", "{name}straat {number}"),
    Locale("IT", "it_IT", 1.6, "Italy", "Europe/Rome", "39", "", ("320", "328", "333", "338", "347"), 7, "3",
           ("Roma|Lazio|00|", "Milano|Lombardia|20|", "Forlì|Emilia-Romagna|47|"),
           ("libero.it", "virgilio.it"), True, "S.r.l.", "Via {name} {number}"),
    Locale("SE", "sv_SE", 0.8, "Sweden", "Europe/Stockholm", "46", "0", ("70", "72", "73", "76"), 7, "3",
           ("Malmö|Skåne|21|", "Göteborg|Västra Götaland|41|", "Örebro|Örebro|70|"),
           ("telia.com",), True, "AB", "{name}gatan {number}"),
    Locale("PL", "pl_PL", 0.6, "Poland", "Europe/Warsaw", "48", "", ("50", "60", "66", "69"), 7, "3",
           ("Kraków|Małopolskie|30|", "Łódź|Łódzkie|90|", "Gdańsk|Pomorskie|80|"),
           ("wp.pl", "onet.pl"), True, "Sp. z o.o.", "ul. {name} {number}"),
    Locale("IN", "en_IN", 1.6, "India", "Asia/Kolkata", "91", "0", ("98", "97", "90", "81"), 8, "3", _IN,
           ("rediffmail.com",), legal_form="Pvt Ltd"),
    Locale("JP", "ja_JP", 0.5, "Japan", "Asia/Tokyo", "81", "0", ("80", "90"), 8, "5",
           ("東京|東京都|10|", "大阪|大阪府|53|"), ("docomo.ne.jp",), legal_form="株式会社",
           street="{name}町{number}"),
    Locale("CN", "zh_CN", 0.5, "China", "Asia/Shanghai", "86", "", ("138", "139", "150", "186"), 8, "4",
           ("上海|上海市|20|", "北京|北京市|10|"), ("qq.com", "163.com"), street="{name}路{number}号"),
    Locale("RU", "ru_RU", 0.4, "Kazakhstan", "Asia/Almaty", "7", "8", ("701", "702", "777"), 7, "3",
           ("Алматы|Алматы|050|", "Астана|Акмолинская область|010|"), ("mail.ru", "yandex.ru"),
           street="ул. {name} {number}"),
    Locale("UA", "uk_UA", 0.4, "Ukraine", "Europe/Kyiv", "380", "0", ("50", "67", "95"), 7, "3",
           ("Київ|Київ|01|", "Львів|Львівська область|79|"), ("ukr.net",), street="вул. {name} {number}"),
    Locale("GR", "el_GR", 0.4, "Greece", "Europe/Athens", "30", "", ("694", "697", "698"), 7, "3",
           ("Αθήνα|Αττική|10|", "Θεσσαλονίκη|Κεντρική Μακεδονία|54|"), ("otenet.gr",), True, "A.E."),
    Locale("KR", "ko_KR", 0.2, "South Korea", "Asia/Seoul", "82", "0", ("10",), 8, "3",
           ("서울|서울특별시|04|", "부산|부산광역시|48|"), ("naver.com",)),
    Locale("AE", "ar_AA", 0.4, "United Arab Emirates", "Asia/Dubai", "971", "0", ("50", "52", "55"), 7, "0",
           ("دبي|دبي||", "أبو ظبي|أبو ظبي||"), ("hotmail.com",)),
    Locale("IL", "he_IL", 0.3, "Israel", "Asia/Jerusalem", "972", "0", ("50", "52", "54"), 7, "5",
           ("תל אביב|תל אביב|61|", "חיפה|חיפה|31|"), ("walla.co.il",)),
    Locale("VN", "vi_VN", 0.2, "Vietnam", "Asia/Ho_Chi_Minh", "84", "0", ("90", "91", "98"), 7, "3",
           ("Hà Nội|Hà Nội|100|", "Đà Nẵng|Đà Nẵng|550|"), ("yahoo.com.vn",)),
    Locale("TR", "tr_TR", 0.2, "Turkey", "Europe/Istanbul", "90", "0", ("532", "533", "542", "555"), 7, "3",
           ("İstanbul|İstanbul|34|", "İzmir|İzmir|35|"), ("superonline.com",)),
)  # fmt: skip

# How people and spreadsheets write a country that Kartra would have written in full.
COUNTRY_SPELLINGS: dict[str, tuple[str, ...]] = {
    "United States": ("USA", "US", "United States of America"),
    "United Kingdom": ("UK", "GB", "Great Britain"),
    "Netherlands": ("The Netherlands",),
    "Germany": ("Deutschland",),
    "South Korea": ("Korea, Republic of",),
    "Vietnam": ("Viet Nam",),
    "Turkey": ("Türkiye",),
}

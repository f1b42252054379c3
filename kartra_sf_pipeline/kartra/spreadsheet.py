"""What a spreadsheet leaves behind in columns that Kartra writes otherwise, as data.

A spreadsheet shows a long number as `4.47E+11`, drops leading zeros, respells dates and money in
the manner of its own country, and cuts what is longer than it holds. None of that can be undone by
looking at the cell, so nothing here is mended: it is found, counted and said.
"""

from __future__ import annotations

from typing import Final

# A row whose key is damaged would be another record's, or meet none: it is set aside.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("id",),
    "transactions": ("transaction_id", "subscription_id"),
    "subscriptions": ("subscription_id",),
    "calendar_bookings": ("booking_id",),
    "notes": ("note_id",),
}
# Other numbers that are names, not quantities.
NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("phone", "zip", "sales_tax_id", "referring_id"),
    "companies": ("phone", "zip"),
    "transactions": (
        "lead_id",
        "buyer_phone",
        "affiliate_id",
        "processor_transaction_id",
        "processor_subscription_id",
    ),
    "subscriptions": ("lead_id", "processor_subscription_id"),
    "affiliates": ("affiliate_id",),
    "notes": ("contact_id",),
}
DATES: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("date_joined", "gdpr_status_date", "lead_deleted_date"),
    "transactions": ("date",),
    "subscriptions": ("start_date", "end_date", "next_payment_date"),
    "calendar_bookings": ("date",),
    "notes": ("created_at",),
}
MONEY: Final[dict[str, tuple[str, ...]]] = {
    "transactions": ("amount", "base_price", "sales_tax", "revenue", "coupon_discount"),
    "subscriptions": ("next_payment_amount",),
    "affiliates": ("earned", "reserve", "due", "paid"),
}
# The postal code and the country it belongs to.
PLACES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "contacts": (("zip", "country"),),
    "companies": (("zip", "country"),),
    "transactions": (("buyer_zip", "buyer_country"), ("shipping_zip", "shipping_country")),
}
PHONES: Final[dict[str, tuple[str, str]]] = {"contacts": ("phone", "phone_country_code")}
# Text that a spreadsheet may take for a formula, or cut.
TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("first_name", "last_name", "company", "phone", "twitter", "notes", "tags"),
    "companies": ("name", "phone"),
    "notes": ("note",),
}

# Countries whose postal codes are digits of one length and may begin with zero, by the length that
# remains when the zero is gone. Puerto Rico's begin with two, and so do a few of the United States.
SHORT_CODES: Final[dict[int, tuple[str, ...]]] = {
    3: (
        *("Australia", "AU", "Norway", "NO", "South Africa", "ZA", "New Zealand", "NZ"),
        *("United States", "United States of America", "US", "USA", "Puerto Rico", "PR"),
    ),
    4: (
        *("United States", "United States of America", "US", "USA", "Puerto Rico", "PR"),
        *("Germany", "DE", "France", "FR", "Italy", "IT", "Spain", "ES", "Mexico", "MX"),
        *("Finland", "FI", "Turkey", "Türkiye", "TR", "Ukraine", "UA", "Malaysia", "MY"),
        *("South Korea", "KR", "Peru", "PE", "Algeria", "DZ", "Sri Lanka", "LK"),
    ),
    5: ("China", "CN", "Singapore", "SG", "Romania", "RO", "Colombia", "CO", "Ecuador", "EC"),
    6: ("Japan", "JP"),
    7: ("Brazil", "BR"),
}
LONGEST_CELL: Final = 32_767
MOST_ROWS: Final = 1_048_575

_AGAIN: Final = "Export the file from Kartra again and do not open it in a spreadsheet."
WHAT_TO_DO: Final[dict[str, str]] = {
    "scientific_number": f"The last digits are gone. {_AGAIN}",
    "rounded_number": f"Digits after the fifteenth have become zeros. {_AGAIN}",
    "decimal_number": f"A number that names something was saved as an amount. {_AGAIN}",
    "lost_zero": f"Leading zeros seem to be gone; the cells are kept as they stand. {_AGAIN}",
    "slash_date": f"Day and month cannot be told apart, so the dates are not read. {_AGAIN}",
    "dotted_date": f"Kartra writes no such dates; check that each was read as meant. {_AGAIN}",
    "serial_date": f"Dates have become day numbers, which are not read. {_AGAIN}",
    "decimal_comma": f"Kartra writes a decimal point; check the sums of this file. {_AGAIN}",
    "formula_error": f"The text was taken for a formula and is lost. {_AGAIN}",
    "cut_text": f"The cell is as long as a spreadsheet's can be: the rest is gone. {_AGAIN}",
    "row_limit": "The file has as many rows as a spreadsheet holds: the rest may be gone. "
    "Count the records on Kartra's screen, and export again in slices.",
}

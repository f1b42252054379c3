"""What the sample's owner sells and has set up: products, tags, lists, sequences, custom fields."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.sample.words import words


@dataclass(frozen=True)
class Offer:
    """A product at a price point, prices in cents.

    Recurring offers have a `term` in Kartra's words and a period of `months` or `days`;
    `payments` is the length of an instalment plan, `lasts` the payments that a buyer stays for on
    average. `trial` is the opening price of a trial, -1 without one.
    """

    product: str
    price_point: str
    price: int
    share: float
    term: str = ""
    months: int = 0
    days: int = 0
    payments: int = 0
    lasts: float = 1.0
    trial: int = -1
    shipping: int = 0


OFFERS: tuple[Offer, ...] = (
    Offer("Growth Lab Membership", "Monthly", 4_900, 40, "monthly", months=1, lasts=6.5),
    Offer("Growth Lab Membership", "Monthly with trial", 4_900, 16, "monthly", months=1, lasts=4.5,
          trial=100),
    Offer("Growth Lab Membership", "Yearly", 47_000, 6, "yearly", months=12, lasts=1.9),
    Offer("Scale Circle", "Monthly", 19_700, 12, "monthly", months=1, lasts=8.0),
    Offer("Scale Circle", "Quarterly", 54_700, 3, "quarterly", months=3, lasts=3.0),
    Offer("Launch Blueprint", "3 payments", 11_900, 11, "monthly", months=1, payments=3, lasts=2.8),
    Offer("Certified Coach Program", "12 payments", 29_700, 4, "monthly", months=1, payments=12,
          lasts=9.0),
    Offer("Weekly Accountability", "Weekly", 1_900, 8, "weekly", days=7, lasts=9.0),
    Offer("Launch Blueprint", "One time", 29_700, 18),
    Offer("Email Vault", "One time", 2_700, 30),
    Offer("Free Starter Kit", "Free", 0, 16),
    Offer("1:1 Strategy Call", "90 minutes", 25_000, 8),
    Offer("Certified Coach Program", "Paid in full", 299_700, 3),
    Offer("Workshop Box, \"Momentum\"", "Shipped", 6_700, 9, shipping=995),
    Offer("Live Event Berlin 2025", "Early bird", 39_900, 4),
    Offer("Live Event Berlin 2025", "VIP", 89_900, 1.5),
)  # fmt: skip
RECURRING = tuple(i for i, offer in enumerate(OFFERS) if offer.term)
ONE_OFF = tuple(i for i, offer in enumerate(OFFERS) if not offer.term)

_TOPICS = (
    "growth lab", "launch", "funnels", "email", "mindset", "pricing", "sales calls", "podcast",
    "reels", "copywriting", "seo", "pinterest", "webinars", "certification", "habits", "nutrition",
    "time management", "hiring", "facebook ads", "youtube", "storytelling", "branding", "systems",
    "retreat", "summit", "book club",
)  # fmt: skip
_SEASONS = tuple(f"{season} {year}" for year in range(2019, 2027) for season in ("spring", "fall"))
_LEVELS = ("bronze", "silver", "gold", "platinum", "founder", "trial", "alumni")
_FORMS = (
    "contact",
    "free guide",
    "quiz",
    "checklist",
    "waitlist",
    "application",
    "speaker request",
)
_PLAIN = words(
    """
    newsletter; customer; lead magnet; hot lead; cold; VIP; vip; refunded; imported 2021;
    affiliate; speaker; podcast guest; beta tester; do not call; past due; coach;
    agency owner; ecommerce; Spanish; UK; EU; Australia; evergreen; black friday 2023;
    black friday 2024; Black Friday 2025; cart abandoned; engaged 30; engaged 90;
    inactive 180; reactivated; team; wholesale; press; needs follow up; called; no show;
    student; parent; nonprofit; Facebook group; instagram; referral; old crm; manual entry
""",
    ";",
)

# Tags in the order of how often an account uses them. Kartra keeps only a tag's name: what it
# stands for (a form, a webinar, a membership) can be told from the name alone.
TAGS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *_PLAIN[:5], "form submitted free guide", "webinar_registered_growth_lab",
            "member_gold", *_PLAIN[5:14], "webinar_attended_growth_lab", "course_completed_launch",
            *(f"webinar_registered_{topic.replace(' ', '_')}" for topic in _TOPICS[1:]),
            *(f"form submitted {form}" for form in _FORMS),
            *_PLAIN[14:],
            *(f"member_{level}" for level in _LEVELS),
            *(f"webinar_attended_{topic.replace(' ', '_')}" for topic in _TOPICS[1:]),
            *(f"course_started_{topic.replace(' ', '_')}" for topic in _TOPICS),
            *(f"course_completed_{topic.replace(' ', '_')}" for topic in _TOPICS[2:]),
            *(f"interest: {topic}" for topic in _TOPICS),
            *(f"survey_completed_{topic.replace(' ', '_')}" for topic in _TOPICS[:9]),
            *(f"quiz result {word}" for word in ("builder", "dreamer", "planner", "maker")),
            *(f"launch {season}" for season in _SEASONS),
            *(f"webinar_missed_{topic.replace(' ', '_')}" for topic in _TOPICS[:14]),
            *(f"clicked {topic} link" for topic in _TOPICS),
            *(f"video_watched_{topic.replace(' ', '_')}" for topic in _TOPICS[:18]),
            *(f"{season} challenge" for season in _SEASONS),
            *(f"membership_cancelled_{level}" for level in _LEVELS),
            *(f"Source {name}" for name in ("Google", "TikTok", "LinkedIn", "Bing", "Pinterest")),
            *(f"{topic} buyer {season}" for season in _SEASONS for topic in _TOPICS[:9]),
        )
    )
)  # fmt: skip
PURCHASE_TAGS = {offer.product: f"purchased {offer.product.split(',')[0]}" for offer in OFFERS}

# name, description, active, weight.
LISTS: tuple[tuple[str, str, str, float], ...] = (
    ("Main List", "Everybody who opted in", "Yes", 60),
    ("Newsletter", "Weekly letter", "Yes", 45),
    ("Customers", "All buyers", "Yes", 14),
    ("Free Guide Opt-ins", "Lead magnet: the 7-step guide", "Yes", 26),
    ("Webinar - Growth Lab", "Registrants, evergreen", "Yes", 18),
    ("Growth Lab Members", "", "Yes", 9),
    ("Scale Circle Members", "", "Yes", 3),
    ("Quiz Takers", "From the quiz funnel", "Yes", 8),
    ("Waitlist: Certified Coach", "Opens each March", "Yes", 4),
    ("Podcast Listeners", "", "Yes", 5),
    ("Affiliates", "Partners who promote", "Yes", 1),
    ("Berlin 2025 Attendees", "Live event", "No", 1.2),
    ("Black Friday 2023", "", "No", 3),
    ("Imported from old CRM", "Imported in 2021, never cleaned", "No", 7),
    ("español", "Lista en español", "Yes", 2),
    ("Test list - do not use", "", "No", 0.4),
)

# Name, trigger, audience tag, audience list, status, number of steps.
_SEQUENCES = """
    Welcome Series|List opt-in||Main List|Active|6
    Free Guide Nurture|Form submitted|form submitted free guide|Free Guide Opt-ins|Active|5
    Webinar Reminder|Tag added|webinar_registered_growth_lab|Webinar - Growth Lab|Active|4
    Webinar Replay|Tag added|webinar_missed_growth_lab||Active|3
    New Member Onboarding|Product purchased|member_gold|Growth Lab Members|Active|8
    Scale Circle Onboarding|Product purchased||Scale Circle Members|Active|5
    Failed Payment Rescue|Payment failed|past due||Active|4
    Cancellation Save|Cancellation requested|||Active|3
    Course Completion|Tag added|course_completed_launch||Active|2
    Cart Abandonment|Checkout abandoned|cart abandoned||Active|3
    Re-engagement 180|Tag added|inactive 180||Paused|4
    Podcast Follow-up|List opt-in||Podcast Listeners|Paused|3
    Coach Application|Form submitted|form submitted application||Active|4
    Black Friday 2023|Tag added|black friday 2023|Black Friday 2023|Archived|5
"""


@dataclass(frozen=True)
class Sequence:
    """A mail sequence as its screen shows it; tag and list are empty where none starts it."""

    name: str
    trigger: str
    tag: str
    mailing_list: str
    status: str
    steps: int


SEQUENCES: tuple[Sequence, ...] = tuple(
    Sequence(name, trigger, tag, mailing_list, status, int(steps))
    for name, trigger, tag, mailing_list, status, steps in (
        line.strip().split("|") for line in _SEQUENCES.strip().splitlines()
    )
)
SEQUENCE_WEIGHTS = (30, 14, 10, 6, 9, 3, 3, 2, 2, 4, 5, 2, 1, 4)

REVENUE_BANDS = ("Under $1k", "$1k-$5k", "$5k-$20k", "$20k-$100k", "Over $100k")
INDUSTRIES = (
    "Coaching", "Health & Wellness", "Education", "E-commerce", "Agency", "Real Estate",
    "Arts, Crafts & Design", "Finance", "Nonprofit", "Other",
)  # fmt: skip
LEVELS = ("Beginner", "Intermediate", "Advanced")
INTERESTS = (
    "Email",
    "Funnels",
    "Webinars",
    "Memberships",
    "Paid ads",
    "Organic social",
    "Podcasting",
)
SHIRTS = ("XS", "S", "M", "L", "XL", "XXL")

# identifier, label, type, options. In the order of the contact file's last columns.
CUSTOM_FIELDS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("job_title", "Job title", "input_field", ()),
    ("birthday", "Birthday", "input_field", ()),
    ("biggest-challenge", "What is your biggest challenge?", "text_area", ()),
    ("industry", "Industry", "drop_down", INDUSTRIES),
    ("monthly_revenue", "Monthly revenue", "drop_down", REVENUE_BANDS),
    ("experience_level", "Experience level", "radio_button", LEVELS),
    ("interests", "Interests", "checkbox", INTERESTS),
    ("photo-release", "I agree to appear in event photos", "checkbox", ("Yes",)),
    ("team_size", "Team size", "input_field", ()),
    ("tshirt_size", "T-shirt size", "drop_down", SHIRTS),
    ("legacy_code", "Legacy code", "input_field", ()),
)
# Made after the oldest part file was exported: that file has no column for them.
LATE_FIELDS = ("photo-release", "tshirt_size")


def offer_column(attribute: str) -> pl.Series:
    """One attribute of every offer, in the order of their numbers."""
    return pl.Series([getattr(offer, attribute) for offer in OFFERS])

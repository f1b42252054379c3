"""Files that Kartra exports in no form and people assemble by hand, where they want them moved.

Each may be absent. Aliases are wide: whoever makes such a file takes the headers of wherever the
rows came from, a call log, a calendar or the CRM that was used beside Kartra.
"""

from __future__ import annotations

from typing import Final

from kartra_sf_pipeline.kartra.export_kinds import Export, columns

ACTIVITIES: Final = Export(
    name="activities",
    columns=columns("""
        activity_id: id event_id call_id
        type: activity_type kind activity
        subject: title activity_subject
        body: description content text details comments comment
        date: activity_date start start_date starts_at date_time datetime timestamp due_date
        time: start_time activity_time time_of_day
        timezone: time_zone zone tz
        end: end_date end_time ends_at finish
        duration: minutes duration_minutes length duration_in_minutes
        contact_id: lead_id kartra_id
        contact_email: email lead_email contact email_address attendee_email
        owner: user agent owner_email assigned_to created_by staff host
        status: activity_status outcome result disposition
        created_at: created date_created created_date logged_at
    """),
    needs=(
        ("type",),
        ("date",),
        ("contact_id", "contact_email"),
        ("subject", "body", "duration"),
    ),
    file_words=("activity", "activities", "calls", "meetings", "emails", "engagements"),
    need_labels=(
        "type",
        "date",
        "contact_id or contact_email",
        "subject, body or duration",
    ),
)

ATTACHMENTS: Final = Export(
    name="attachments",
    columns=columns("""
        file: file_name filename path file_path attachment
        contact_id: lead_id kartra_id
        contact_email: email lead_email contact email_address
        title: name file_title
        description: details comment comments
        date: created created_at date_created uploaded uploaded_at upload_date
    """),
    needs=(("file",), ("contact_id", "contact_email")),
    file_words=("manifest", "attachments", "attachment", "files"),
    need_labels=("file", "contact_id or contact_email"),
)

_ACCOUNT: Final = """
        account_name: account company company_name name
        account_domain: domain website account_website company_website site url
"""

ACCOUNT_TEAM: Final = Export(
    name="account_team",
    columns=columns(
        _ACCOUNT
        + """
        user: user_email username user_name member team_member team_member_email
        role: team_role team_member_role member_role
    """
    ),
    needs=(("account_name", "account_domain"), ("user",), ("role",)),
    file_words=("account_team", "account_teams"),
    need_labels=("account_name or account_domain", "user", "role"),
)

OPPORTUNITY_TEAM: Final = Export(
    name="opportunity_team",
    columns=columns("""
        transaction_id: id order_id transaction
        subscription_id: subscription internal_subscription_id
        user: user_email username user_name member team_member team_member_email
        role: team_role team_member_role member_role
    """),
    needs=(("transaction_id", "subscription_id"), ("user",), ("role",)),
    file_words=("opportunity_team", "opportunity_teams", "deal_team", "sales_team"),
    need_labels=("transaction_id or subscription_id", "user", "role"),
)

TERRITORIES: Final = Export(
    name="territories",
    columns=columns(
        _ACCOUNT
        + """
        territory: territory_name territory_developer_name developer_name
    """
    ),
    needs=(("account_name", "account_domain"), ("territory",)),
    file_words=("territory", "territories"),
    need_labels=("account_name or account_domain", "territory"),
)

HAND_MADE: Final = (ACTIVITIES, ATTACHMENTS, ACCOUNT_TEAM, OPPORTUNITY_TEAM, TERRITORIES)
"""In the order in which they are read."""

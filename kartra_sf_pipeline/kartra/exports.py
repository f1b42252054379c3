"""The exports as data: columns, the other names these go by, and what makes a file one of them.

Kartra publishes no column list. The names here are those of real files where any were seen, and
Kartra's API and IPN field names (the "twins") where not; every alias is in normalised form, as
`headers.normalise` makes it.
"""

from __future__ import annotations

from typing import Final

from kartra_sf_pipeline.kartra.export_kinds import Column, Export, columns
from kartra_sf_pipeline.kartra.hand_made import HAND_MADE

LINEAGE: Final = ("source_file", "source_line")
EXTRACT_DATE: Final = "extract_date"
CURRENCY: Final = "currency"
# Columns that no export defines carry this prefix: they are candidates for custom fields.
UNKNOWN_PREFIX: Final = "x__"

CONTACTS: Final = Export(
    name="contacts",
    columns=columns("""
        id: lead_id contact_id kartra_id
        email: lead_email email_address buyer_email e_mail
        first_name: firstname lead_first_name first name full_name
        middle_name: middlename lead_middle_name
        last_name: lastname lead_last_name surname last
        last_name2: last_name_2 second_last_name lead_last_name2
        phone: phone_number lead_phone mobile lead_phone_number
        phone_country_code: country_code phone_country dial_code lead_phone_country_code
        company: company_name lead_company
        address: street address_1 lead_address
        city: lead_city
        zip: postal_code postcode zip_code lead_zip
        state: region province lead_state
        country: lead_country country_name
        website: site url lead_website
        facebook: facebook_url lead_facebook
        twitter: x twitter_url lead_twitter
        linkedin: linkedin_url lead_linkedin
        date_joined: createdate create_date created created_at date_created date_added joined
        ip: ip_address lead_ip
        ip_country: lead_ip_country
        source: lead_source origin
        source_id: lead_source_id
        score: lead_score points
        tags: tag lead_tags tag_names
        lists: list lead_lists mailing_lists
        sequences: sequence lead_sequences
        gdpr_status: gdpr_lead_status gdpr
        gdpr_status_date: gdpr_lead_status_date gdpr_date
        gdpr_status_ip: gdpr_lead_status_ip
        gdpr_communications: gdpr_lead_communications communications commercial_messages
        status: mailing_status contact_status lead_status
        blacklisted: blocklisted blocked
        sales_tax_id: tax_id vat_id
        business_type: lead_business_type
        lead_preferred_time_zone: timezone time_zone preferred_time_zone
        lead_picture: picture avatar
        notes: note lead_notes
        referring_id: referrer_id
        lead_deleted: deleted
        lead_deleted_date: deleted_date
    """),
    needs=(("email",),),
    file_words=("contact", "contacts", "lead", "leads", "subscribers"),
    need_labels=("email",),
)

COMPANIES: Final = Export(
    name="companies",
    columns=columns("""
        id: company_id account_id
        name: company company_name account_name account
        website: site url company_website
        domain: company_domain
        phone: phone_number company_phone
        address: street address_1 company_address
        city: company_city
        state: region province company_state
        zip: postal_code postcode zip_code company_zip
        country: country_name company_country
    """),
    needs=(("name",), ("website", "domain", "phone", "address", "city", "country")),
    file_words=("company", "companies", "accounts", "organisations", "organizations"),
    need_labels=("name", "website, domain, phone, address, city or country"),
)

TRANSACTIONS: Final = Export(
    name="transactions",
    columns=columns("""
        transaction_id: id order_id
        transaction_type: type
        date: transaction_date
        product: product_name
        price_point: product_price_point
        quantity: transaction_quantity
        seller_username: vendor_username
        buyer_username: lead_username
        buyer_name: lead_name customer_name full_name
        buyer_company: lead_company
        sales_tax_id: tax_id vat_id
        buyer_email: lead_email email customer_email buyer_email_address
        buyer_country: lead_country buyer_billing_country
        buyer_state: lead_state buyer_billing_state
        buyer_city: lead_city buyer_billing_city
        buyer_zip: lead_zip buyer_billing_zip
        buyer_address: lead_address buyer_billing_address
        buyer_phone_country: lead_phone_country_code buyer_phone_country_code
        buyer_phone: lead_phone_number lead_phone buyer_phone_number
        buyer_ip: lead_ip
        amount: transaction_full_amount total transaction_amount
        base_price: transaction_base_amount
        sales_tax: transaction_tax
        shipping_cost: transaction_shipping
        coupon_code: transaction_coupon
        coupon_discount: transaction_discount
        revenue: transaction_revenue
        affiliate_username: transaction_affiliate
        affiliate_name: transaction_affiliate_name
        affiliate_email: transaction_affiliate_email
        affiliate_revenue: transaction_affiliate_revenue
        jv_username: transaction_jv
        jv_name: transaction_jv_name
        jv_email: transaction_jv_email
        jv_revenue: transaction_jv_revenue
        your_net_profit: net_profit
        tracking_link: vendor_tracking_link
        trackingid1: vendor_tracking_id_1 tracking_id_1 tracking_id1
        trackingid2: vendor_tracking_id_2 tracking_id_2 tracking_id2
        landing_page: transaction_landing_page
        processor: transaction_processor
        processor_transaction_id: transaction_processor_id
        processor_subscription_id: transaction_subscription_id
        subscription_id: transaction_internal_subscription_id
        lead_id: buyer_id contact_id
        affiliate_id: transaction_affiliate_id
        jv_id: transaction_jv_id
        shipping_name: transaction_shipping_name
        shipping_address: transaction_shipping_address
        shipping_city: transaction_shipping_city
        shipping_zip: transaction_shipping_zip
        shipping_country: transaction_shipping_country
        shipping_state: transaction_shipping_state
        trial: transaction_trial
        automatic_cancellation: auto_cancellation
        subscription_payment_number: transaction_subscription_pay_number payment_number
        rebill_reattempt: transaction_rebill_reattempt
    """),
    needs=(
        ("transaction_id",),
        ("transaction_type",),
        ("date",),
        ("amount",),
        ("buyer_email", "lead_id"),
    ),
    file_words=("transaction", "transactions", "orders", "sales"),
    money=True,
    need_labels=("ID", "Transaction_Type", "Date", "Amount", "Buyer_Email or lead_id"),
)

SUBSCRIPTIONS: Final = Export(
    name="subscriptions",
    columns=columns("""
        subscription_id: id
        status: subscription_status
        recurrence_term: recurring_period subscription_recurring_period frequency term recurrence
        product: product_name
        price_point: subscription_price_point product_price_point
        buyer_name: customer_name lead_name name
        buyer_email: email lead_email customer_email
        lead_id: buyer_id contact_id
        start_date: subscription_start_date date created
        end_date: subscription_end_date cancelled_date canceled_date
        next_payment_date: subscription_next_payment_date next_rebill_date
        next_payment_amount: subscription_next_scheduled_payment_amount amount
        payment_number: subscription_current_installment current_installment current_instalment
        payments_left: subscription_installments_left installments_left instalments_left
        affiliate: subscription_affiliate affiliate_username
        jv: subscription_jv jv_username
        processor: subscription_processor
        processor_subscription_id: gateway_subscription_id
    """),
    needs=(
        ("subscription_id", "product"),
        ("status",),
        ("recurrence_term", "next_payment_date", "start_date"),
    ),
    file_words=("subscription", "subscriptions", "recurring"),
    money=True,
    need_labels=(
        "Subscription_ID or Product",
        "Status",
        "Recurrence_Term, Next payment date or start date",
    ),
)

AFFILIATES: Final = Export(
    name="affiliates",
    columns=columns("""
        affiliate_id: id
        name: affiliate affiliate_name full_name
        username: affiliate_username
        email: affiliate_email
        status: affiliate_status
        products: product_count
        earned: commission commissions total_earned
        reserve: reserved
        due: owed balance
        paid: total_paid
        payment_method: payout_method
        payment_email: paypal paypal_email
    """),
    needs=(
        ("name", "username", "email"),
        ("earned", "reserve", "due", "paid", "payment_method", "payment_email", "products"),
    ),
    file_words=("affiliate", "affiliates"),
    money=True,
    need_labels=("Affiliate, Username or Email", "Earned, Reserve, Due, Paid or Products"),
)

CALENDAR_BOOKINGS: Final = Export(
    name="calendar_bookings",
    columns=columns("""
        booking_id: calendar_subscription_id subscription_id id
        calendar: calendar_name
        class: class_name service event_name
        host: host_name hosts
        host_email: host_email_address
        date: start start_date starting_date booking_date appointment_date
        time: start_time starting_hour
        timezone: time_zone vendor_timezone
        attendee_email: email lead_email
        attendee_name: attendee lead_name name
        status: booking_status
    """),
    needs=(("calendar", "class", "booking_id"), ("date",), ("attendee_email",)),
    file_words=("booking", "bookings", "calendar", "calendars", "appointments"),
    need_labels=("Calendar, Class or Booking ID", "Date", "attendee email"),
)

CUSTOM_FIELDS: Final = Export(
    name="custom_fields",
    columns=columns("""
        field_identifier: identifier field_id field_name
        label: field_label title
        field_type: type
        options: choices values option_values
    """),
    needs=(("field_identifier",), ("field_type",)),
    file_words=("custom_fields", "custom_field", "fields"),
    need_labels=("field_identifier", "field_type"),
)

NOTES: Final = Export(
    name="notes",
    columns=columns("""
        note_id: id
        contact_id: lead_id
        contact_email: email lead_email
        created_at: date created date_created date_added
        author: user agent created_by staff
        note: notes text body content comment
    """),
    needs=(("note",), ("contact_id", "contact_email"), ("created_at", "author", "note_id")),
    file_words=("note", "notes"),
    need_labels=("note", "contact_id or contact_email", "created_at, author or note_id"),
)

SEQUENCES: Final = Export(
    name="sequences",
    columns=columns("""
        sequence: sequence_name name
        trigger: trigger_type entry starts_when
        step: step_number position order
        delay: wait delay_days
        action: step_action type event
        condition: conditions if
        status: state active
        audience_tag: tag entry_tag
        audience_list: list entry_list
    """),
    needs=(("sequence",), ("trigger", "step", "action", "delay")),
    file_words=("sequence", "sequences", "automations"),
    need_labels=("sequence", "trigger, step, action or delay"),
)

LISTS: Final = Export(
    name="lists",
    columns=columns("""
        list: list_name name
        description: details
        active: is_active enabled status
    """),
    needs=(("list",), ("description", "active")),
    file_words=("list", "lists"),
    need_labels=("list", "description or active"),
)

EXPORTS: Final[dict[str, Export]] = {
    export.name: export
    for export in (
        CONTACTS,
        COMPANIES,
        TRANSACTIONS,
        SUBSCRIPTIONS,
        AFFILIATES,
        CALENDAR_BOOKINGS,
        CUSTOM_FIELDS,
        NOTES,
        SEQUENCES,
        LISTS,
        *HAND_MADE,
    )
}

__all__ = ["Column", "Export"]

# The transactions header in the order and spelling of a real file; money columns are those that
# carry the account's currency as a suffix.
TRANSACTION_HEADERS: Final = (
    "ID", "Transaction_Type", "Date", "Product", "Price_point", "Quantity", "Seller_username",
    "Buyer_Username", "Buyer_Name", "Buyer_Company", "Sales_Tax_ID", "Buyer_Email",
    "Buyer_Country", "Buyer_State", "Buyer_City", "Buyer_ZIP", "Buyer_Address",
    "Buyer_Phone_Country", "Buyer_Phone", "Buyer_IP", "Amount (USD)", "Base_Price (USD)",
    "Sales_tax (USD)", "Shipping_cost (USD)", "Coupon_code", "Coupon_discount (USD)",
    "Revenue (USD)", "Affiliate_Username", "Affiliate_Name", "Affiliate_Email",
    "Affiliate_Revenue (USD)", "JV_Username", "JV_Name", "JV_Email", "JV_Revenue (USD)",
    "Your_Net_Profit (USD)", "Tracking_link", "TrackingID1", "TrackingID2", "Landing_page",
    "Processor", "Processor_transaction_id", "Processor_subscription_id", "subscription_id",
    "lead_id", "affiliate_id", "jv_id", "Shipping_Name", "Shipping_Address", "Shipping_City",
    "Shipping_ZIP", "Shipping_Country", "Shipping_State", "Trial", "Automatic_Cancellation",
    "Subscription_payment_number", "Rebill_reattempt",
)  # fmt: skip


def raw_columns(export: str) -> tuple[str, ...]:
    """Columns of a `raw_<export>` frame, in order, but for the `x__` ones, which stand before
    the reader's own columns.
    """
    kind = EXPORTS[export]
    own = (CURRENCY,) if kind.money else ()
    return (*kind.column_names, *own, EXTRACT_DATE, *LINEAGE)

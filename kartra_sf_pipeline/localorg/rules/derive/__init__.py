"""What the org derives from other fields and records, per object.

`BEFORE_SAVE` rules see the batch with its values resolved and may refuse rows or fill fields;
`AFTER_SAVE` rules see the rows in the table and bring related records up to date; `AFTER_REMOVE`
rules get the connection and the rows that went, by column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.rules.derive import (
    access,
    activities,
    campaigns,
    currencies,
    files,
    notes,
    people,
    persons,
    places,
    pricing,
    relations,
    sales,
    teams,
)
from kartra_sf_pipeline.localorg.rules.record_types import after_record_type

Rule = Callable[[Batch], None]

# Before the check for required fields.
BEFORE_CHECKS: Mapping[str, tuple[Rule, ...]] = {
    "Account": (persons.person,),
    "ContentVersion": (files.version_title,),
}
BEFORE_SAVE: Mapping[str, tuple[Rule, ...]] = {
    "Account": (places.addresses,),
    "Contact": (people.full_name, places.addresses, persons.no_contact_of_person),
    "Lead": (people.full_name, places.addresses),
    "User": (people.full_name, places.addresses),
    "Opportunity": (
        sales.stage,
        sales.close_date,
        sales.locked_by_lines,
        currencies.opportunity_currency,
    ),
    "OpportunityContactRole": (currencies.member_currency,),
    "CurrencyType": (currencies.currency_type,),
    "PricebookEntry": (pricing.price_entry,),
    "OpportunityLineItem": (pricing.line_entry, currencies.line_currency, pricing.line_price),
    "Campaign": (campaigns.zero_counts,),
    "CampaignMember": (campaigns.member, campaigns.member_status, currencies.member_currency),
    "CampaignMemberStatus": (campaigns.status_row,),
    "Event": (activities.event_times, activities.relations),
    "Task": (activities.task_status, activities.task_audit, activities.relations),
    "PermissionSetAssignment": (access.assignment,),
    "PermissionSet": (access.permission_set,),
    "SetupEntityAccess": (access.setup_entity_access,),
    "Group": (teams.developer_name,),
    "QueueSobject": (teams.queue_object,),
    "UserRole": (teams.developer_name,),
    "AccountTeamMember": (teams.account_team,),
    "OpportunityTeamMember": (teams.opportunity_team,),
    "AccountContactRelation": (relations.relation,),
    "Territory2Type": (teams.developer_name,),
    "Territory2Model": (teams.developer_name, teams.territory_model),
    "Territory2": (teams.developer_name,),
    "ObjectTerritory2Association": (teams.object_territory,),
    "UserTerritory2Association": (teams.user_territory,),
    "ContentVersion": (files.version,),
    "ContentDocumentLink": (files.document_link,),
    "ContentNote": (notes.note,),
}
AFTER_SAVE: Mapping[str, tuple[Rule, ...]] = {
    "Account": (persons.after_person,),
    "Contact": (people.refresh_name, people.refresh_members, relations.follow_account),
    "CurrencyType": (currencies.currencies_changed,),
    "GroupMember": (teams.same_member,),
    "PermissionSet": (access.changed,),
    "Lead": (people.refresh_name, people.refresh_members),
    "User": (people.refresh_name,),
    "Opportunity": (sales.after_opportunity,),
    "OpportunityLineItem": (pricing.after_line,),
    "Campaign": (campaigns.first_statuses,),
    "CampaignMember": (campaigns.after_member,),
    "CampaignMemberStatus": (campaigns.after_status,),
    "PermissionSetAssignment": (access.changed,),
    "FieldPermissions": (access.changed,),
    "ObjectPermissions": (access.changed,),
    "RecordType": (after_record_type,),
    "ContentVersion": (files.after_version,),
    "ContentDocument": (files.after_document,),
    "ContentNote": (notes.after_note,),
}

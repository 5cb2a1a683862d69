"""Every kind of business row that the API reads and writes, one module per noun."""

from crm.api.resource import Resource
from crm.api.resources.campaigns import Audiences, CampaignPlans, Campaigns
from crm.api.resources.governance import Consents, Suppressions
from crm.api.resources.imports import Imports, Mappings, Quarantine
from crm.api.resources.people import Companies, Contacts, Leads, Pipelines, PipelineStages
from crm.api.resources.performance import Performance
from crm.api.resources.results import Outcomes, Sales
from crm.api.resources.retail import RetailerItems, Retailers, SKUs

RESOURCES: tuple[type[Resource], ...] = (
    Retailers,
    SKUs,
    RetailerItems,
    Audiences,
    Campaigns,
    CampaignPlans,
    Pipelines,
    PipelineStages,
    Companies,
    Contacts,
    Leads,
    Sales,
    Outcomes,
    Performance,
    Imports,
    Quarantine,
    Mappings,
    Suppressions,
    Consents,
)

__all__ = ["RESOURCES", "Imports", "Performance", "Resource"]

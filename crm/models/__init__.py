"""Business truth, one module per noun."""

from crm.models.audiences import AudienceSegment, SegmentMember
from crm.models.campaigns import AdEntity, Campaign, CampaignPlan
from crm.models.cleanroom import CleanRoom, CleanRoomQuery
from crm.models.governance import Consent, Erasure, PrivacyPolicy, Suppression
from crm.models.idempotency import IdempotencyRecord
from crm.models.imports import Import, QuarantinedRow, ReportMapping, WatchedSource
from crm.models.packs import Pack
from crm.models.performance import PerformanceMetric, Restatement
from crm.models.pipeline import (
    Company,
    Contact,
    FunnelStage,
    Lead,
    MarketEvent,
    Outcome,
    Pipeline,
    PipelineStage,
    Sale,
    StageChange,
)
from crm.models.products import SKU, RetailerItem
from crm.models.retail import Retailer
from crm.models.tenancy import (
    AcrossBrandsManager,
    Brand,
    BrandManager,
    BrandOwned,
    BrandQuerySet,
    Membership,
    UnscopedQuery,
)

__all__ = [
    "SKU",
    "AcrossBrandsManager",
    "AdEntity",
    "AudienceSegment",
    "Brand",
    "BrandManager",
    "BrandOwned",
    "BrandQuerySet",
    "Campaign",
    "CampaignPlan",
    "CleanRoom",
    "CleanRoomQuery",
    "Company",
    "Consent",
    "Contact",
    "Erasure",
    "FunnelStage",
    "IdempotencyRecord",
    "Import",
    "Lead",
    "MarketEvent",
    "Membership",
    "Outcome",
    "Pack",
    "PerformanceMetric",
    "Pipeline",
    "PipelineStage",
    "PrivacyPolicy",
    "QuarantinedRow",
    "ReportMapping",
    "Restatement",
    "Retailer",
    "RetailerItem",
    "Sale",
    "SegmentMember",
    "StageChange",
    "Suppression",
    "UnscopedQuery",
    "WatchedSource",
]

"""Business truth, one module per noun."""

from crm.models.imports import Import, QuarantinedRow
from crm.models.packs import Pack
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
from crm.models.retail import SKU, Campaign, PerformanceMetric, Retailer
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
    "Brand",
    "BrandManager",
    "BrandOwned",
    "BrandQuerySet",
    "Campaign",
    "Company",
    "Contact",
    "FunnelStage",
    "Import",
    "Lead",
    "MarketEvent",
    "Membership",
    "Outcome",
    "Pack",
    "PerformanceMetric",
    "Pipeline",
    "PipelineStage",
    "QuarantinedRow",
    "Retailer",
    "Sale",
    "StageChange",
    "UnscopedQuery",
]

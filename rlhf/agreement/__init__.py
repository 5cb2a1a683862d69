"""Do raters agree, who can be trusted, which version wins, and is the judge fair? Pure statistics, no Django.

Every figure comes with its interval and number of items, or with the reason why the data do not give it.
"""

from __future__ import annotations

from rlhf.agreement.alpha import METRICS, Alpha, krippendorff_alpha
from rlhf.agreement.bias import (
    LengthBias,
    OrderBias,
    SelfAgreement,
    length_bias,
    order_bias,
    rank_correlation,
    self_agreement,
)
from rlhf.agreement.bradley_terry import bradley_terry
from rlhf.agreement.calibration import (
    Calibration,
    CalibrationBin,
    ThresholdAgreement,
    brier_score,
    calibration,
    threshold_agreement,
)
from rlhf.agreement.concordance import concordance
from rlhf.agreement.davidson import davidson
from rlhf.agreement.dawid_skene import DawidSkene, dawid_skene
from rlhf.agreement.estimates import Estimate, exact_share, wilson_share
from rlhf.agreement.kappa import Kappa, PairwiseKappa, cohen_kappa, mean_pairwise_kappa, percent_agreement
from rlhf.agreement.ratings import RatingTable, rating_table
from rlhf.agreement.reliability import JudgeReliability, judge_reliability
from rlhf.agreement.strengths import Strengths, Tally, tally, win_rate

__all__ = [
    "METRICS",
    "Alpha",
    "Calibration",
    "CalibrationBin",
    "DawidSkene",
    "Estimate",
    "JudgeReliability",
    "Kappa",
    "LengthBias",
    "OrderBias",
    "PairwiseKappa",
    "RatingTable",
    "SelfAgreement",
    "Strengths",
    "Tally",
    "ThresholdAgreement",
    "bradley_terry",
    "brier_score",
    "calibration",
    "cohen_kappa",
    "concordance",
    "davidson",
    "dawid_skene",
    "exact_share",
    "judge_reliability",
    "krippendorff_alpha",
    "length_bias",
    "mean_pairwise_kappa",
    "order_bias",
    "percent_agreement",
    "rank_correlation",
    "rating_table",
    "self_agreement",
    "tally",
    "threshold_agreement",
    "wilson_share",
    "win_rate",
]

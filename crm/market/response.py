"""The response model: from what was sent and who got it to the chance of every step. Pure.

log-odds of a step = logit(base) + sum of effect x feature (+ the segment's propensity for opening and replying). The
features of a text for a buyer:

    need, headline_need   how well the text (its subject or headline) speaks to this buyer's hidden need, [0, 1]
    figures, length, question, personal    of the text, see reading.py
    offer, price          the text has such words, times the buyer's price sensitivity
    spam                  pushiness of the text times twice the buyer's sensitivity to it
    fatigue               of the buyer
    busy                  the buyer's seniority times log(words / ideal), where the text is longer than ideal
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.market.buyers import Crowd
from crm.market.reading import Reading
from crm.market.spec import Slope, Stage

Features = dict[str, NDArray[np.float64]]


def features(reading: Reading, crowd: Crowd, *, ideal_words: float) -> Features:
    """Every feature as an array (people,)."""
    people = len(crowd)
    longer = max(0.0, float(np.log(max(reading.words, 1) / ideal_words)))
    return {
        "need": reading.need[crowd.need],
        "headline_need": reading.headline_need[crowd.need],
        "figures": np.full(people, reading.figures),
        "length": np.full(people, reading.length),
        "question": np.full(people, reading.question),
        "personal": np.full(people, reading.personal),
        "offer": reading.offer * crowd.price,
        "price": reading.price * crowd.price,
        "spam": 2 * reading.spam * crowd.spam,
        "fatigue": crowd.fatigue,
        "busy": crowd.seniority * longer,
    }


def chance(stage: Stage, found: Features, shift: float = 0.0) -> NDArray[np.float64]:
    """Chance of one step, (people,)."""
    odds = logit(stage.base) + shift
    total = np.full(len(found["need"]), odds)
    for name, effect in stage.effects.items():
        total += effect * found[name]
    return np.asarray(expit(total), dtype=np.float64)


def chance_of_score(slope: Slope, score: float, people: int) -> NDArray[np.float64]:
    """The same chance for everybody, moved by a score in [-1, 1]."""
    return np.full(people, float(expit(logit(slope.base) + slope.slope * score)))

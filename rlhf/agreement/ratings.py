"""From (item, rater, value) triples to the matrix (units, raters) that agreement is computed on, and its resamples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Cells held at once while resampling: 32 MB of numbers.
CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class RatingTable:
    """`matrix` (units, raters), nan where nobody rated; `items` (units,) and `raters` (raters,) name its axes."""

    matrix: NDArray[np.float64]
    items: NDArray[Any]
    raters: NDArray[Any]


def rating_table(
    items: ArrayLike, raters: ArrayLike, values: Sequence[Any] | NDArray[Any], *, classes: Sequence[Any] | None = None
) -> RatingTable:
    """Triples, each array of length n, as a matrix. With `classes` a value becomes its place in them (words to codes).

    Raises ValueError where lengths differ, a value is not in `classes`, or a rater rated an item twice: which of the
    two counts is for the caller to say (repeats are for `self_agreement`).
    """
    units, unit_of = np.unique(np.asarray(items), return_inverse=True)
    people, person_of = np.unique(np.asarray(raters), return_inverse=True)
    if not len(unit_of) == len(person_of) == len(values):
        raise ValueError(f"{len(unit_of)} items, {len(person_of)} raters and {len(values)} values")
    numbers = np.asarray(values if classes is None else _coded(values, classes), dtype=float)
    cells = unit_of * max(1, len(people)) + person_of
    if len(np.unique(cells)) < len(cells):
        raise ValueError("a rater rated an item twice; keep one of the two")
    matrix = np.full(len(units) * len(people), np.nan)
    matrix[cells] = numbers
    return RatingTable(matrix.reshape(len(units), len(people)), units, people)


def _coded(values: Sequence[Any] | NDArray[Any], classes: Sequence[Any]) -> list[int]:
    place = {name: number for number, name in enumerate(classes)}
    unknown = {value for value in values if value not in place}
    if unknown:
        raise ValueError(f"not among the classes: {', '.join(sorted(map(repr, unknown)))}")
    return [place[value] for value in values]


def as_matrix(ratings: ArrayLike) -> NDArray[np.float64]:
    """`ratings` as floats (units, raters). Raises ValueError on another shape or an infinite value."""
    matrix = np.asarray(ratings, dtype=float)
    if matrix.ndim != 2:
        raise ValueError(f"ratings must be (units, raters), not of shape {matrix.shape}")
    if np.isinf(matrix).any():
        raise ValueError("a rating is infinite")
    return matrix


def resampled(
    group_of: NDArray[np.int64], groups: int, rng: np.random.Generator, resamples: int, *, width: int
) -> Iterator[NDArray[np.float64]]:
    """Bootstrap of units (Efron 1979): how often each group of alike units is drawn, (resamples, groups) in pieces.

    `group_of` (units,) says which units are interchangeable; `width` is the number of columns the caller will make of
    each resample, so that pieces stay small. The draws do not depend on the size of the pieces.
    """
    units = len(group_of)
    piece = max(1, CELLS // max(1, units, groups, width))
    for begin in range(0, resamples, piece):
        rows = min(piece, resamples - begin)
        drawn = group_of[rng.integers(0, units, size=(rows, units))]
        drawn += groups * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(float)

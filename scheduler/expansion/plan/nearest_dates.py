"""Pairs of a rule's old and new dates (docs/decisions/0009)."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate


def nearest_in_order(old: Sequence[date], new: Sequence[date]) -> list[tuple[date, date]]:
    """Pairs (old, new), ascending, of two ascending lists.

    As many pairs as possible, none crossing another, with the smallest sum of distances in days.
    Of equally near ones the earlier dates are taken.
    """
    if len(old) <= len(new):
        return list(zip(old, _partners(old, new), strict=True))
    return list(zip(_partners(new, old), new, strict=True))


def _partners(few: Sequence[date], many: Sequence[date]) -> list[date]:
    """One date of `many` for each of `few`, by dynamic programming.

    `cost[n][k]` is the smallest sum of distances of `few` from the n-th on, where k dates of `many`
    have been left out before it; k is at most len(many) - len(few).
    """
    spare = len(many) - len(few)
    days, there = [day.toordinal() for day in few], [day.toordinal() for day in many]
    cost = [[0] * (spare + 1)]
    for n in range(len(few) - 1, -1, -1):
        taken = [abs(days[n] - there[n + k]) + cost[-1][k] for k in range(spare + 1)]
        cost.append([*accumulate(reversed(taken), min)][::-1])
    cost.reverse()
    partners, k = list[date](), 0
    for n, day in enumerate(days):
        while abs(day - there[n + k]) + cost[n + 1][k] > cost[n][k]:
            k += 1
        partners.append(many[n + k])
    return partners

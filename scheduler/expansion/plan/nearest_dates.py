"""Pairing of old dates with new ones (docs/decisions/0009)."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate


def nearest_in_order(old: Sequence[date], new: Sequence[date]) -> list[tuple[date, date]]:
    """Pairs (old, new), ascending, of two ascending lists: as many as there can be, none crossing
    another, and together as few days apart as possible. Of equals the earlier dates are taken."""
    if len(old) <= len(new):
        return list(zip(old, _partners(old, new), strict=True))
    return list(zip(_partners(new, old), new, strict=True))


def _partners(few: Sequence[date], many: Sequence[date]) -> list[date]:
    """For each of `few` one of `many`. As none cross, the first n of `few` leave out at most as
    many of `many` as there are too many: `cost[n][k]` is what all from the n-th on cost at least
    if the first k are left out before it."""
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

"""Plots: what a line, a bar and a gap stand for."""

from datetime import UTC, datetime

from scheduler.ledger.timeline import Slot
from tasks.web.plots import HEIGHT, WIDTH, nice, plot_of

AT = datetime(2026, 12, 1, tzinfo=UTC)


def slot(most: float | None = None, failed: int = 0) -> Slot:
    return Slot(AT, 0 if most is None else 1, most, most, failed)


def test_a_line_breaks_where_nothing_was_sent() -> None:
    plot = plot_of([slot(5.0), slot(10.0), slot(), slot(0.0)])

    assert plot.top_seconds == 10
    assert plot.most == ["0.0,40.0 75.0,0.0 150.0,0.0", "225.0,80.0 300.0,80.0"]


def test_a_bar_is_as_high_as_its_failures() -> None:
    plot = plot_of([slot(failed=3), slot(), slot(failed=5)])

    assert plot.top_failed == 5
    assert [(bar.x, bar.height) for bar in plot.failed] == [(0, 0.6 * HEIGHT), (200, HEIGHT)]
    assert all(bar.x + bar.width <= WIDTH for bar in plot.failed)


def test_the_top_is_a_round_number_that_nothing_exceeds() -> None:
    assert [nice(count) for count in (0, 1, 3, 7, 11, 101)] == [1, 1, 5, 10, 20, 200]

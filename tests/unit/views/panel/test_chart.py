"""mailpanel.views.panel._chart and the template that draws it."""

from __future__ import annotations

from datetime import date, timedelta
from math import isfinite
from xml.etree import ElementTree

import pytest
from chameleon import PageTemplate, PageTemplateLoader
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.pages import TEMPLATES
from mailpanel.views.panel._chart import BAR, DAY, HEIGHT, LEAST, MARK, Chart

FIRST = date(2026, 11, 10)
COUNTS = st.lists(st.integers(0, 10) | st.integers(0, 10**12), min_size=2, max_size=40)
GENERATED = settings(max_examples=50, deadline=None, derandomize=True)
CHARTS = PageTemplateLoader(str(TEMPLATES))["chart.pt"]
DRAW = PageTemplate("""<x metal:use-macro="charts.macros['chart']" />""")


def chart_of(*counts: int, first: date = FIRST) -> Chart:
    return Chart([(first + timedelta(days=number), each) for number, each in enumerate(counts)])


def drawn(chart: Chart) -> ElementTree.Element:
    html = DRAW(charts=CHARTS, chart=chart)
    return ElementTree.fromstring(html)  # noqa: S314 (it is our own)


@GENERATED
@given(counts=COUNTS)
def test_every_bar_stands_in_the_picture_whatever_the_counts_are(counts: list[int]) -> None:
    """As high as its count is beside the highest, and never none."""
    chart = chart_of(*counts)
    assert chart.view_box == f"0 0 {DAY * len(counts)} {HEIGHT}"
    for number, (bar, count) in enumerate(zip(chart.bars, counts, strict=True)):
        assert DAY * number <= bar.x <= bar.x + BAR <= DAY * (number + 1)
        assert isfinite(bar.height)
        assert bar.y >= 0
        assert bar.y + bar.height == pytest.approx(HEIGHT)
        assert bar.height == (MARK if count == 0 else max(LEAST, bar.height))
        if count == max(counts) > 0:
            assert bar.height == HEIGHT


@GENERATED
@given(counts=COUNTS)
def test_more_is_never_drawn_lower(counts: list[int]) -> None:
    bars = sorted(chart_of(*counts).bars, key=lambda bar: bar.messages)
    heights = [bar.height for bar in bars]
    assert heights == sorted(heights)


@GENERATED
@given(counts=COUNTS)
def test_the_words_tell_average_sum_and_highest_day(counts: list[int]) -> None:
    """To whoever does not see it."""
    chart = chart_of(*counts)
    days, total, most = len(counts), sum(counts), max(counts)
    average = int(chart.caption.split(": ")[1].split()[0].replace(",", "").replace("less", "0"))
    assert abs(2 * (average * days - total)) <= days
    assert chart.words.endswith(f": {most:,}. {total:,} in all.")
    latest = max(number for number, count in enumerate(counts) if count == most)
    assert f"Most on {(FIRST + timedelta(days=latest)).day} " in chart.words


@GENERATED
@given(counts=COUNTS)
def test_what_is_drawn_is_svg_of_numbers(counts: list[int]) -> None:
    """Named for a screen reader; each day has its bar and its number."""
    chart = chart_of(*counts)
    picture = drawn(chart)[0]
    assert (picture.tag, picture.get("role")) == ("svg", "img")
    assert picture.get("aria-label") == chart.words
    groups = picture.findall("g")
    assert [group[0].text for group in groups] == [bar.words for bar in chart.bars]
    for group, count in zip(groups, counts, strict=True):
        assert [each.get("class") for each in group[1:]] == ["day", "some" if count else "none"]
    for name in ("x", "y", "width", "height"):
        texts = [each.get(name) for each in picture.iter("rect")]
        assert all(isfinite(float(text)) for text in texts if text is not None)


def test_the_words_are_those_of_a_person() -> None:
    chart = chart_of(*[1_000] * 12, 2_310, 1_370)
    assert chart.caption == "cleared per day, last 14 days: 1,120 on average"
    assert chart.words == (
        "Messages cleared per day from 10 November to 23 November 2026: 1,120 on average. "
        "Most on 22 November: 2,310. 15,680 in all."
    )
    assert chart.bars[12].words == "22 November: 2,310"


def test_an_average_below_one_is_not_called_none() -> None:
    """And none at all is 0."""
    assert chart_of(1, 0, 0).caption.endswith("less than one on average")
    assert chart_of(0, 0, 0).caption.endswith(": 0 on average")

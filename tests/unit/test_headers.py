"""mailpanel.headers: If-Match, Prefer and the query, to the letter of their RFCs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.headers import Query, change_query, etag, if_match, preferred_wait
from mailpanel.services.changes import IfMatch

TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0xFF))


class TestIfMatch:
    def test_no_header_is_no_condition(self):
        """Not even an empty one."""
        assert if_match(None) is None

    @pytest.mark.parametrize("header", ["*", " * "])
    def test_any(self, header):
        """Whatever the revision is, as long as there is one."""
        assert if_match(header) == IfMatch(any=True, revisions=frozenset())

    @pytest.mark.parametrize(
        ("header", "revisions"),
        [
            ('"1"', {"1"}),
            ('"1","2"', {"1", "2"}),
            ('\t"1" , , "2" ,', {"1", "2"}),
            ('"a,b"', {"a,b"}),
            ('""', {""}),
            ('W/"1"', set()),
            ('W/"1", "2"', {"2"}),
            ("", set()),
            ("1", set()),
            ('"1" "2"', set()),
            ('"1"2', set()),
            ('"1', set()),
            ('w/"1"', set()),
            ('*, "1"', set()),
            ('"a b"', set()),
        ],
    )
    def test_a_list(self, header, revisions):
        """Weak tags never match, and a malformed header names none."""
        assert if_match(header) == IfMatch(any=False, revisions=frozenset(revisions))

    @given(st.integers(min_value=1))
    def test_what_etag_writes_it_reads(self, revision):
        """The round trip of a client that copies the header."""
        assert if_match(etag(revision)) == IfMatch(False, frozenset([str(revision)]))

    @given(TEXT)
    def test_any_text_is_a_condition(self, text):
        """Never an exception, never ignored."""
        assert isinstance(if_match(text), IfMatch)


class TestPreferredWait:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (None, None),
            ("", None),
            ("wait=0", 0),
            ("wait=5", 5),
            ("wait=60", 60),
            ("wait=61", 60),
            ("wait=100", 60),
            (f"wait={'9' * 5000}", 60),
            ("wait=0005", 5),
            ("Wait = 5", 5),
            ('wait="5"', 5),
            ("wait=5; unit=s", 5),
            ("respond-async, wait=5", 5),
            ("respond-async;wait=7, wait=5", 5),
            ('foo="a, wait=7", wait=5', 5),
            ('foo="a\\", wait=7", wait=5', 5),
            ("wait=5, wait=7", 5),
            ("wait", None),
            ("wait=", None),
            ("wait=soon", None),
            ("wait=-5", None),
            ("wait=5.5", None),
            ('wait="5', None),
            ("waiting=5", None),
            ("wait=\u0665", None),
        ],
    )
    def test_what_is_read(self, header, seconds):
        """RFC 7240, leniently; what cannot be read is no preference."""
        assert preferred_wait(header) == seconds

    @given(TEXT)
    def test_any_text_is_harmless(self, text):
        """At most a minute, at least nothing."""
        seconds = preferred_wait(text)
        assert seconds is None or 0 <= seconds <= 60

    @pytest.mark.parametrize("unit", ['"\\', '\\"', '"', ",", "wait=", '"x",', " \t", 'W/"a",'])
    def test_a_long_header_takes_no_time(self, unit):
        """The patterns are linear."""
        begun = time.process_time()
        preferred_wait(unit * 60_000)
        if_match(unit * 60_000)
        assert time.process_time() - begun < 1


class TestChangeQuery:
    @pytest.mark.parametrize(
        ("query", "tried"),
        [("", True), ("probe=yes", True), ("probe=no", False)],
    )
    def test_what_is_known(self, query, tried):
        assert change_query(query) == Query(tried, dry_run=False, errors=[])

    def test_a_dry_run(self):
        assert change_query("dry_run=1").dry_run
        assert not change_query("dry_run=0").dry_run

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("probe", ["probe"]),
            ("probe=NO", ["probe"]),
            ("probe=no&probe=no", ["probe"]),
            ("probe=%ff", ["probe"]),
            ("dry_run=yes", ["dry_run"]),
            ("dry_run", ["dry_run"]),
            ("dry_run=true&probe=maybe", ["dry_run", "probe"]),
            ("dryrun=1", ["dryrun"]),
            ("x%00=1&probe=no", ["x?"]),
        ],
    )
    def test_what_is_refused(self, query, fields):
        """Another word: what was meant as a dry run would be saved."""
        assert [error.field for error in change_query(query).errors] == fields

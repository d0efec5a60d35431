"""The ``mailpanel`` command."""

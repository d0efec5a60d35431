"""The HTML panel."""

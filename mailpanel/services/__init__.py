"""The use cases, without the web."""

"""The engine: it makes a plan real on this host, whole or not at all."""

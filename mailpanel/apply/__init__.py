"""The apply service: an unprivileged courier, and an executor that runs as root."""

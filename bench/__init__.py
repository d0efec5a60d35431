"""Side-by-side measurements: each is a ratio within one run."""

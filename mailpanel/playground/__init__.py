"""Private daemons and a strict relay, to look at the product with."""

"""``python -m mailpanel.playground``."""

from mailpanel.playground.demo import main

main()

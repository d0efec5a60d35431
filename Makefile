# For developers; script/prepare makes the environment that PYTHON names.
PYTHON ?= var/venv/bin/python

# "check" is for every few minutes, so it leaves PostgreSQL to "test".
.PHONY: check format test soak bench run

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q -n 2 --dist loadfile -k "not postgresql" tests/unit tests/functional

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test:
	script/test

# A thousand kills, and as long as it takes; as root.
soak:
	MAILPANEL_ROUNDS=1000 $(PYTHON) -m pytest tests/faults

bench:
	$(PYTHON) -m bench.apply_relayhost

run:
	script/run

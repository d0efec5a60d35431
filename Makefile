# For developers; script/prepare makes the environment that PYTHON names.
PYTHON ?= var/venv/bin/python

# "check" is for every few minutes, so it leaves PostgreSQL to "test".
.PHONY: check format test bench run

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

bench:
	$(PYTHON) -m bench.apply_relayhost

run:
	script/run

# For developers; script/prepare makes the environment that PYTHON names.
PYTHON ?= var/venv/bin/python

# "check" is for every few minutes, so it leaves PostgreSQL to "test".
.PHONY: check format translations test soak bench run lock audit

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q -n 2 --dist loadfile -k "not postgresql" tests/unit tests/functional

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# What the pages say goes into the catalogues; docs/translating.md.
translations:
	$(PYTHON) script/translations.py

test:
	script/test

# Ten thousand requests and a thousand kills, and as long as it takes; as root.
soak:
	MAILPANEL_CASES=130 $(PYTHON) -m pytest -n 2 tests/functional/test_openapi.py
	MAILPANEL_ROUNDS=1000 MAILPANEL_FIGURES=docs/faults.md $(PYTHON) -m pytest tests/faults

bench:
	$(PYTHON) -m bench.apply_relayhost
	$(PYTHON) -m bench.token_check

run:
	script/run

# What is installed, to the byte, for Python 3.11 and later; commit what changes. The smaller ones
# take the versions of the tests' one, so that what is tested is what is installed.
LOCK = var/tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"

lock: var/tools/bin/uv
	$(LOCK) --upgrade --extra tests setup.py -o requirements/tests.txt
	$(LOCK) -c requirements/tests.txt setup.py -o requirements/installation.txt
	$(LOCK) -c requirements/tests.txt --extra postgresql setup.py -o requirements/postgresql.txt
	$(LOCK) -c requirements/tests.txt --extra playground setup.py -o requirements/playground.txt

# Asks the package index's advisory service about each version: what it tells nothing of fails, since
# where it cannot be reached nothing was found either.
audit: var/tools/bin/uv
	var/tools/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/tests.txt

var/tools/bin/uv:
	/usr/bin/python3 -m venv --clear var/tools
	var/tools/bin/python -m pip install --quiet uv pip-audit

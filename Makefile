# make demo    sets everything up and runs the demonstration; ends with the path of its page
# make test    sets everything up and runs the tests
# make check   style, types, import layers
# make bench   speed beside what people use now; a quarter of an hour in which nothing else should run
# make docs    the documentation as a site: site/index.html
# make clean   removes what these made
#
# PYTHON=python3.12 chooses the Python that the environment is made with; ARGS=... goes to the command itself:
#   make demo ARGS=--quick        make test ARGS="-k masking"

PYTHON ?= python3
VENV := .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet -c constraints.txt

.PHONY: help demo test check bench docs clean browser

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -9

demo: $(VENV)/.with-sample
	$(BIN)/equiglot demo $(ARGS)

test: $(VENV)/.with-test browser
	$(BIN)/python -m pytest -m "not network" --numprocesses logical --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/.with-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.with-bench
	$(BIN)/python -m benchmarks.speed $(ARGS)

docs: $(VENV)/.with-docs
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation: site/index.html"

# A stamp is newer than what it was made from, so that a second call installs nothing.
$(VENV)/.with-%: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing equiglot[$*] into $(VENV); the first time this takes minutes."
	$(INSTALL) torch
	$(INSTALL) --editable ".[$*]"
	@touch $@

# pip is made last: an environment in which it answers is whole.
$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or later, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1); Equiglot needs 3.11 or later. Say make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || { \
	  "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian: apt install python3-venv" >&2; exit 1; }; \
	  "$(PYTHON)" -m venv "$(VENV)"; }
	@touch $@

# Only the test of the report page needs a browser, and it skips itself where there is none.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing Chromium for the test of the report page."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "No Chromium: the browser test of the report page will be skipped."

clean:
	rm -rf "$(VENV)" build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find equiglot tests -name __pycache__ -type d -prune -exec rm -rf {} +

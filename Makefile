# The commands the README and CI use. Each makes its own .venv and installs what it needs.
SHELL  := /bin/bash
# The first interpreter that runs and is new enough (a version manager's shim may exist for a version it does not have).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTED := $(VENV)/.installed-test
# Without the C that Cython writes at each build, which would be newer than the stamp for ever.
NATIVE := $(filter-out $(patsubst %.pyx,%.c,$(wildcard ext/*.pyx)),$(wildcard ext/*.pyx ext/*.pxd ext/*.c ext/*.h))
# `make bench ARGS=--full` and the like
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help install bench bench-pytest limits test check lint report clean

help:  ## list the commands
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / — /' | sort

SOURCES := pyproject.toml setup.py constraints.txt $(NATIVE)

define make_venv
	@test -n "$(PYTHON)" || { echo "headgate needs Python 3.11 or newer and found none. Try: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || { echo "headgate's native kernels need a C compiler. On Debian: apt-get install gcc" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no venv module: on Debian, apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24" -c constraints.txt
endef

$(STAMP): $(SOURCES)
	$(make_venv)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Spark, S3 and browser packages: large, and nothing but the checks and tests needs them. In one go with the rest: the
# kernels are compiled at each installation, which takes a minute or two.
$(TESTED): $(SOURCES)
	$(make_venv)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,test]'
	@touch $(STAMP) $@

.PHONY: test-tools
test-tools:  ## the programs the tests run: node and a browser for the pages, Java for Spark, shells
	@tools/system_packages.sh node=nodejs chromium java=default-jre-headless fish zsh

install: $(TESTED)  ## make .venv and install headgate and its development tools into it

bench: $(STAMP)  ## run the transform suite on this machine and write an HTML report
	$(BIN)/headgate bench $(or $(ARGS),--quick)

limits: $(STAMP)  ## the kernels against the machine: docs/performance.md and results/<machine>/limits.json, some 4 minutes
	$(BIN)/python benchmarks/limits.py --update docs/performance.md $(ARGS)

bench-pytest: $(STAMP)  ## the small-array benchmarks under pytest-benchmark
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only -q $(ARGS)

# The documentation site's own packages, for those who build it alone.
DOCUMENTED := $(VENV)/.installed-docs
$(DOCUMENTED): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	@touch $@

.PHONY: docs
docs: $(DOCUMENTED)  ## build the documentation into site/, without the network; a broken link fails it
	@$(BIN)/python -m sphinx -b html --fail-on-warning --keep-going -q -d build/doctrees docs site
	@echo "open site/index.html"

report: $(TESTED)  ## write the HTML report from the committed results, and pictures of its main pages: report/
	@tools/system_packages.sh chromium
	$(BIN)/headgate report -o report $(ARGS)
	@$(BIN)/python tools/screenshots.py report report/pictures

lint: $(TESTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Python's caches are most of what a second run saves, whatever the environment says of them.
check: export PYTHONDONTWRITEBYTECODE :=
check: lint  ## lint, types and the fast tests (every day; under 90 s)
	@tools/system_packages.sh node=nodejs
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow" --hypothesis-profile everyday $(ARGS)

# The S3 server of the tests, and Spark's S3 connector (700 MB): each once, into .tools/.
.PHONY: s3-server spark-jars
s3-server: $(STAMP)  ## build the S3 server of the tests (versitygw) into .tools/
	@PYTHON=$(BIN)/python tools/s3_server.sh

spark-jars: $(TESTED) test-tools  ## fetch Spark's S3 connector into .tools/jars
	@$(BIN)/python -m headgate.datasets.spark_jars .tools/jars

test: lint test-tools s3-server spark-jars  ## everything CI runs: lint, types and all tests
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(ARGS)

# The tools of a release alone, in an environment of their own.
RELEASE := .tools/release
$(RELEASE)/.installed: tools/release-tools.txt
	@test -x $(RELEASE)/bin/python || $(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check -r tools/release-tools.txt
	@touch $@

.PHONY: sbom audit
sbom: $(RELEASE)/.installed  ## write the bill of materials of what users install: dist/headgate.cdx.json (CycloneDX)
	@tools/sbom.sh $(RELEASE)/bin/python $(RELEASE)/bin/cyclonedx-py dist/headgate.cdx.json

audit: $(RELEASE)/.installed  ## look constraints.txt up in the vulnerability database; needs the network, and fails without it
	@$(RELEASE)/bin/python tools/audit.py $(RELEASE)/bin/pip-audit

clean:  ## remove what the commands above made
	rm -rf $(VENV) build dist .asv report html site

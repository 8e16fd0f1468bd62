# make repro: the whole pipeline.  make test: the tests.  Both make their own environment on a fresh machine.
PYTHON ?= python3
# A worker for each core, each on one thread: a test's models are too small for two.
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses auto --maxprocesses 8 --dist worksteal
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test quick smoke audit venv

repro: venv  ## check params and data, then run what is not up to date
	python -m tinybert check
	dvc repro
	@python -m tinybert result

test: venv  ## every test (about a quarter of an hour on two cores)
	ruff check .
	ruff format --check .
	mypy
	$(PYTEST)

quick: venv  ## the tests that neither run DVC nor train
	$(PYTEST) -m "not slow"

smoke: venv  ## the whole graph on tiny models, in a scratch folder
	python -m tests.smoke .smoke

audit: venv .venv/audit/installed  ## known vulnerabilities and licences of what is installed; needs a network
	python .ci/audit.py .venv/audit/bin/pip-audit

venv: .venv/installed

# Progress goes to the screen; pip's warnings to a file, which is shown where it fails.
.venv/installed: requirements.txt requirements-serve.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null || { \
		echo "error: $(PYTHON) is $$($(PYTHON) --version 2> /dev/null || echo not there); Python 3.11 to 3.13 is" \
			"needed: install one, and name it, as in \`make $(MAKECMDGOALS) PYTHON=python3.12\`" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --requirement requirements.txt --constraint constraints.txt \
		2> .venv/install.log || { cat .venv/install.log >&2; exit 1; }
	@touch $@

.venv/audit/installed: requirements-audit.txt | .venv/installed
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet --no-deps --requirement requirements-audit.txt
	@touch $@

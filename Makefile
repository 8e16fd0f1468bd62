# make repro: the whole pipeline.  make test: the tests.  Both make their own environment on a fresh machine.
PYTHON ?= python3
# A worker for each core, each on one thread: a test's models are too small for two.
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses auto --maxprocesses 8 --dist worksteal
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test quick lint venv smoke

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

venv: .venv/installed

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --requirement requirements.txt
	@touch $@

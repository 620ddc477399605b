# Conveniences over the commands that the README shows. `make help` lists them.
PYTHON ?= python3
CORES ?= all
DATA ?=
PART ?= all
SENTEVAL ?=
SENTEVAL_PYTHON ?= .senteval/bin/python
THREADS ?= $(shell nproc)
MODEL ?=
ADAPTER ?=
REPRESENTATION ?= eol
WEIGHTS ?= merged
PRESET ?=
PROFILE ?= local
GPUS ?= 8

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ENV := .venv/installed.lock
BIN := .venv/bin
RUN = $(BIN)/snakemake --workflow-profile workflow/profiles/local --cores $(CORES)
QUIET := --quiet host reason rules

ifeq ($(DATA),)
SUITES := sample sample-transfer
CHOICE :=
ABOUT := About 10 minutes on 2 cores: SmolLM2-135M on the bundled sample, fine-tuned on 60 triplets too.
else
SUITES := sts
CHOICE = --configfile workflow/presets/sts.yaml --config 'data={mirror: "$(DATA)"}'
ABOUT := About 12 minutes on 2 cores: SmolLM2-135M on STS-B dev and the seven STS tasks.
endif

# A mirror may have other triplets than the paper's: a step takes as long on both.
BENCH_TRIPLETS := results/datasets/$(if $(DATA),nli-substitute,nli).tsv
BENCH_INPUTS := $(if $(filter train all,$(PART)),$(BENCH_TRIPLETS)) results/models/smollm2-135m/manifest.json results/demonstrations/sample.tsv \
	$(patsubst %,results/datasets/%.tsv,STS12 STS13 STS14 STS15 STS16 STSB SICKR STSB-dev)

.PHONY: help
help: ## List the targets and variables
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables:"
	@echo "  DATA=PATH     demo, plan, bench, export, mteb, crosscheck: use the real data in this folder (it holds senteval/STS/...)"
	@echo "  PART=NAME     bench: eol, icl, search, stream, transfer, train, growth or all; default all, 45 minutes"
	@echo "  SENTEVAL=PATH crosscheck: checkout of SentEval, where it is not in SENTEVAL_PYTHON"
	@echo "  SENTEVAL_PYTHON=PATH  crosscheck: an old Python; default .senteval/bin/python"
	@echo "  MODEL=NAME    export: key of workflow/catalogue/models.yaml, or of models in config.yaml"
	@echo "  ADAPTER=NAME  export: key of adapters, or none for the model as it comes"
	@echo "  REPRESENTATION=NAME  export: key of representations; default eol"
	@echo "  WEIGHTS=KIND  export: merged, all weights in float32 (default), or adapter, for a model on the hub"
	@echo "  PRESET=NAME   plan, export, mteb: the run of workflow/presets/NAME.yaml; default the one of config.yaml, mteb: sts"
	@echo "  PROFILE=NAME  plan: folder of workflow/profiles; default local"
	@echo "  GPUS=N        plan: GPUs to count with; default 8"
	@echo "  THREADS=N     bench: CPU threads of every contender; plan: cores of this machine; default all"
	@echo "  CORES=N       cores that jobs may use; default all"
	@echo "  PYTHON=PATH   Python 3.11 or newer that makes .venv; default python3"

PRESETS := $(basename $(notdir $(wildcard workflow/presets/*.yaml)))
PROFILES := $(notdir $(wildcard workflow/profiles/*))
# A name that is not there ends in one line, not in a traceback of Snakemake.
known = $(if $(filter-out $(2),$($(1))),$(error $(1) is $($(1)); known: $(2)))

.PHONY: demo
demo: $(ENV) ## Run the workflow, print its tables, write results/index.html and results/report.html
	@echo "$(ABOUT)"
	@$(RUN) $(QUIET) $(CHOICE)
	@$(RUN) --quiet all $(CHOICE) --report results/report.html
	@echo
	@for suite in $(SUITES); do cat results/tables/$$suite.md; echo; done
	@echo "Tables and figures: results/tables, results/figures. The page: $(CURDIR)/results/index.html. Snakemake's report: $(CURDIR)/results/report.html"

PLACES := $(if $(filter local,$(PROFILE)),--here $(THREADS) --elsewhere 0,--here 2 --elsewhere 256)
.PHONY: plan
plan: $(ENV) ## Tell what a run will cost, before it: jobs, GPU-hours, memory, time, disk; PRESET=, PROFILE=, GPUS=
	$(call known,PRESET,$(PRESETS))$(call known,PROFILE,$(PROFILES))
	@set -o pipefail; $(BIN)/snakemake --workflow-profile workflow/profiles/$(PROFILE) --dry-run --cores 1000 \
		$(if $(PRESET),--configfile workflow/presets/$(PRESET).yaml) \
		$(if $(DATA),--config 'data={mirror: "$(DATA)"}') 2>&1 | \
		$(BIN)/python workflow/plan/plan_run.py --machine workflow/profiles/$(PROFILE)/machine.yaml \
		--benchmarks results/benchmarks --gpus $(GPUS) $(PLACES)

.PHONY: verify-catalogue
verify-catalogue: $(ENV) ## Ask the hub whether every model and adapter is there, at its commit
	@$(BIN)/python workflow/catalogue/verify_catalogue.py --configs workflow/catalogue/models.yaml config.yaml \
		--missing workflow/catalogue/missing.tsv

EXPORTED = results/exports/$(MODEL)/$(ADAPTER)/$(REPRESENTATION)/$(WEIGHTS)
.PHONY: export
export: $(ENV) ## Write an encoder as a folder for sentence-transformers; MODEL=, ADAPTER=
	@[ -n "$(MODEL)" ] && [ -n "$(ADAPTER)" ] || \
		{ echo "make export needs MODEL=NAME and ADAPTER=NAME (none: the model as it comes)"; exit 1; }
	$(call known,PRESET,$(PRESETS))$(call known,WEIGHTS,merged adapter)
	@$(RUN) $(QUIET) $(if $(PRESET),--configfile workflow/presets/$(PRESET).yaml) \
		$(if $(DATA),--config 'data={mirror: "$(DATA)"}') -- $(EXPORTED)
	@echo "SentenceTransformer(\"$(CURDIR)/$(EXPORTED)\") loads it"

.PHONY: mteb
mteb: $(ENV) ## Score vectors as the mteb library does, in the files of its results; PRESET=
	$(call known,PRESET,$(PRESETS))
	@$(RUN) $(QUIET) --configfile workflow/presets/$(or $(PRESET),sts).yaml \
		$(if $(DATA),--config 'data={mirror: "$(DATA)"}') -- mteb
	@echo "Results: $(CURDIR)/results/mteb. docs/mteb.md says how mteb reads them"

.PHONY: bench
bench: $(ENV) ## Measure the engine against the original's way; PART=eol, icl, search, stream, transfer, train or growth
	@$(RUN) $(QUIET) $(CHOICE) -- $(BENCH_INPUTS)
	@PYTHONPATH=workflow/scripts:tests $(BIN)/python benchmarks/bench.py --part $(PART) --threads $(THREADS) \
		--model results/models/smollm2-135m/safetensors --datasets results/datasets \
		--candidates results/demonstrations/sample.tsv --triplets $(BENCH_TRIPLETS)

TRANSFER := results/scores/transfer/smollm2-135m/none/fp32/eol
TRANSFER_TASKS := MR CR SUBJ MPQA SST2 TREC MRPC
CROSSCHECK = PYTHONPATH=workflow/scripts $(BIN)/python crosscheck/crosscheck.py --senteval $(SENTEVAL) \
	--python $(SENTEVAL_PYTHON) --data "$(DATA)/senteval" --scores $(TRANSFER) \
	--sentences results/sentences/transfer.txt --tasks $(TRANSFER_TASKS) \
	--vectors results/embeddings/smollm2-135m/none/fp32/eol/transfer.npy \
	--out results/tables/crosscheck.csv
.PHONY: crosscheck
crosscheck: $(ENV) ## Put SentEval's own transfer scores beside ours; SENTEVAL=PATH, DATA=PATH
	@$(CROSSCHECK) --check
	@$(RUN) $(QUIET) --configfile workflow/presets/transfer.yaml --config 'data={mirror: "$(DATA)"}' \
		-- $(patsubst %,$(TRANSFER)/%.json,$(TRANSFER_TASKS))
	@$(CROSSCHECK)

.PHONY: test
test: $(ENV) ## Run the fast tests, a process for each core
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: test-all
test-all: test ## Run the slow tests too: the demo from start to end, real data where it is
	$(BIN)/python -m pytest -m "slow and not gpu" --durations=15

.PHONY: lint
lint: $(ENV) ## Check format and style of everything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

.PHONY: install
install: $(ENV) ## Make .venv from requirements.lock; the other targets do it by themselves

# Written last, so a half-finished or outdated installation has none or an older one and is made
# anew: an interrupted pip can leave packages that look installed and are not.
$(ENV): requirements.lock
	@[ ! -L .venv ] || { echo ".venv is a link to $$(readlink .venv), which other folders may use and which has not the" \
		"packages of requirements.lock: it was left as it is. Remove the link, and make installs them here"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11 or newer: make PYTHON=path/to/python"; exit 1; }
	@echo "Installing the packages of requirements.lock into .venv: some minutes, once"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@cp requirements.lock $@

.PHONY: lock
lock: ## Make requirements.lock anew from the dependencies in pyproject.toml
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
		> .venv-lock/wanted.txt
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check --requirement .venv-lock/wanted.txt
	@{ echo "# Every package with its version, without hashes: torch's wheel differs from platform to"; \
		echo "# platform. Made by make lock from pyproject.toml."; \
		.venv-lock/bin/python -m pip freeze --all | sed -e 's/+cpu$$//' -e '/^pip==/d'; } > requirements.lock
	@rm -rf .venv-lock

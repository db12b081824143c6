# One command for each habit. Every target sets up what it needs in .venv; see scripts/setup.sh for its variables.
export PYTHON TORCH_INDEX
BASE := .venv/.base-installed
DEV := .venv/.dev-installed
# A .venv that was moved with its folder cannot run, whatever its stamps say: `moved` sets it up again.
SETUP := pyproject.toml scripts/setup.sh $(shell grep -qsF '$(CURDIR)/.venv/bin/' .venv/bin/pip || echo moved)

.PHONY: help demo test test-tensorrt tensorrt lint types format clean moved reproduce-small shared

# Photographs, cut-out occluders and a hair segmenter, which are not part of the project.
SHARED ?= ../shared

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

demo: $(BASE)    ## mask a sample clip: out/demo.mp4, out/demo_cutout.mp4, out/demo_sheet.png
	@.venv/bin/unveil demo --output out

# Several processes share the cores. With threads of their own, too, they would wait for each other.
test: $(DEV)     ## run the tests
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

test-tensorrt: tensorrt ## build every network for TensorRT, without a GPU: its own environment of 6 GB
	@[ ! -e .venv-tensorrt/.installed ] || \
		UNVEIL_TENSORRT=required OMP_NUM_THREADS=1 .venv-tensorrt/bin/python -m pytest --numprocesses=auto --maxprocesses=4 \
			tests/engines/backends/test_tensorrt.py

tensorrt: $(DEV) ## set up the environment of test-tensorrt; a line says why where it can't be
	@scripts/setup_tensorrt.sh || [ $$? = 75 ]

lint: $(DEV)     ## ruff: rules and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: $(DEV)    ## mypy
	@.venv/bin/mypy

format: $(DEV)   ## let ruff repair what it can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

reproduce-small: shared $(DEV)  ## both papers' claims, small: out/reproduce-small/results_consensus.md, mutual/results_mutual.md
	@.venv/bin/unveil label $(SHARED)/data/faces/generated_portraits --output out/reproduce-small/labels \
		--hair-model $(SHARED)/models/hair_segmentation.tflite
	@.venv/bin/unveil reproduce --small --labels out/reproduce-small/labels --occluders $(SHARED)/data/occluders \
		--output out/reproduce-small
	@.venv/bin/unveil label $(SHARED)/data/faces/generated_portraits --parts --depth --output out/reproduce-small/parts \
		--hair-model $(SHARED)/models/hair_segmentation.tflite --head-model $(SHARED)/data/head_model
	@.venv/bin/unveil reproduce --paper mutual --small --labels out/reproduce-small/parts \
		--output out/reproduce-small/mutual

clean:           ## remove what the other targets made
	rm -rf .venv .venv-tensorrt out .mypy_cache .ruff_cache .pytest_cache build *.egg-info

shared:
	@for need in data/faces/generated_portraits data/occluders data/head_model models/hair_segmentation.tflite; do \
		[ -e "$(SHARED)/$$need" ] || { echo "$(SHARED)/$$need is missing: name its folder with make SHARED=..."; exit 1; }; \
	done

# The stamps make a second run instant; a changed pyproject.toml installs again.
$(BASE): $(SETUP)
	@scripts/setup.sh
	@touch $@

$(DEV): $(SETUP)
	@scripts/setup.sh train,dev
	@touch $(BASE) $@

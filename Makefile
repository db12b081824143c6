# One command for each habit. Every target sets up what it needs in .venv; see scripts/setup.sh for its variables.
export PYTHON TORCH_INDEX
BASE := .venv/.base-installed
DEV := .venv/.dev-installed
# A .venv that was moved with its folder cannot run, whatever its stamps say: `moved` sets it up again.
SETUP := pyproject.toml scripts/setup.sh $(shell grep -qsF '$(CURDIR)/.venv/bin/' .venv/bin/pip || echo moved)

.PHONY: help demo test lint types format clean moved

help:            ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: $(BASE)    ## mask a sample clip: out/demo.mp4, out/demo_cutout.mp4, out/demo_sheet.png
	@.venv/bin/unveil demo --output out

test: $(DEV)     ## run the tests
	@.venv/bin/python -m pytest

lint: $(DEV)     ## ruff: rules and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: $(DEV)    ## mypy
	@.venv/bin/mypy

format: $(DEV)   ## let ruff repair what it can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

clean:           ## remove what the other targets made
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache build *.egg-info

# The stamps make a second run instant; a changed pyproject.toml installs again.
$(BASE): $(SETUP)
	@scripts/setup.sh
	@touch $@

$(DEV): $(SETUP)
	@scripts/setup.sh train,dev
	@touch $(BASE) $@

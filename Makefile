# Everything runs in a virtual environment of its own; `make VENV=/some/venv ...` uses another.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
PROMPT ?= Once upon a time
TOKENS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo native test check format lit clean

help:  ## print this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */make \1\t/' | expand -t 16

demo: $(VENV)/.demo build/stories.lpu  ## compile the story model and let it tell a story
	@$(BIN)/lpuc inspect build/stories.lpu
	@echo
	@$(BIN)/lpuc generate build/stories.lpu --tokenizer samples/stories/tokenizer.json \
	  --prompt "$(PROMPT)" -n $(TOKENS)

build/stories.lpu: samples/stories/model.onnx $(VENV)/.demo $(shell find lpuc passes dialects runtime -name '*.py' -o -name '*.toml')
	@mkdir -p build
	$(BIN)/lpuc compile samples/stories/model.onnx --max-context 256 -o $@

native: | $(BIN)/python  ## build the library of products beside its sources, if there is a compiler
	$(BIN)/python setup.py -q build_ext --inplace

test: $(VENV)/.test  ## run all tests; with CI=true also through the real lit
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup
	@if [ "$$CI" = true ]; then $(MAKE) --no-print-directory lit; fi

lit: $(VENV)/.test  ## run the lit files through the real lit
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lit -q tests/filecheck

check: $(VENV)/.test  ## formatting, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(VENV)/.test  ## format the code and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what was built
	rm -rf build dist *.egg-info runtime/native/*.so

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

NATIVE := setup.py $(wildcard runtime/native/*.c runtime/native/*.h)

$(VENV)/.demo: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[text]'
	@touch $@

$(VENV)/.test: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $@ $(VENV)/.demo

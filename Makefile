# Everything a checkout needs. A machine with python3 (>= 3.11), its venv module and pip is enough: the first target
# you call makes the virtual environment. uv is used where it is installed.
#
#   make demo    the quick-start notebook, its export and a few edits, explained step by step
#   make test    the test suite
#   make lab     JupyterLab with the quick-start notebook
#   make front   the browser's part (labextension/) built and linked into the virtual environment; needs node 20 with npm
#   make check   everything that CI checks
#   make oldest  the notebook's and the browser's tests with the oldest JupyterLab and ipykernel that are supported; needs node
#   make corpus  hundreds of edits through notebook, pivot.yaml and pipeline.py, compared with plain Python
#   make bench   all that must be fast, beside other tools; writes docs/explanation/speed.md (about ten minutes)
#   make history    releases of real libraries: is a stage run again exactly where the code that it executes changed?
#   make precision  how much of real libraries a stage reaches that calls one of their functions
#
# TESTS="tests/core -x" hands words to pytest, BENCH="--rows noop" to the benchmarks, LAB="--no-browser --allow-root"
# to JupyterLab; PYTHON=/path/to/python picks another interpreter, VENV=folder another virtual environment,
# WITH="jupyterlab==4.4.*" versions for it, UV= installs by pip.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := jupyterlab==4.4.* ipykernel==6.31.*
EXTRAS ?= dev
WITH ?=
UV ?= uv
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

export UV_PYTHON_DOWNLOADS := never
export NO_MKDOCS_2_WARNING := 1
# as container images like to set it: each of the thousands of processes of the tests would compile all of Pivot
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv front demo test lab oldest check corpus static bench history precision clean

help:
	@sed -n 's/^#   //p' Makefile

venv: $(STAMP)

# python3 itself where it is new enough, else the newest that is; a shim that does not start is passed over
$(STAMP): pyproject.toml
	@set -eu; \
	if ! $(BIN)/python -c '' 2>/dev/null; then \
	  chosen=; \
	  for python in $(CANDIDATES); do \
    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
      chosen=$$("$$python" -c 'import sys; print(sys.executable)'); break; \
    fi; \
  done; \
  if [ -z "$$chosen" ]; then \
    echo "error: no Python 3.11 or newer among $(CANDIDATES); name one with make PYTHON=/path/to/python" >&2; \
    exit 1; \
  fi; \
  echo "making $(VENV) with $$chosen"; \
	  if command -v "$(UV)" >/dev/null 2>&1; then \
	    "$(UV)" venv --quiet --seed --python "$$chosen" $(VENV); \
	  else \
	    "$$chosen" -m venv --clear $(VENV) \
	      || { echo "error: $$chosen cannot make virtual environments; install its venv module" >&2; exit 1; }; \
	  fi; \
	fi; \
	echo "installing pivot[$(EXTRAS)] into $(VENV)"; \
	if command -v "$(UV)" >/dev/null 2>&1; then \
	  "$(UV)" pip install --quiet --compile-bytecode --python $(BIN)/python -e ".[$(EXTRAS)]" $(WITH); \
	else \
	  $(BIN)/python -m pip --disable-pip-version-check install -qq -e ".[$(EXTRAS)]" $(WITH); \
	fi; \
	touch $@

# what the install has copied would grow old with each build
front: $(STAMP)
	@set -eu; \
	[ -d labextension/node_modules ] || npm ci --prefix labextension --no-audit --no-fund; \
	npm run build --prefix labextension --silent; \
	rm -rf $(VENV)/share/jupyter/labextensions/pivot-labextension; \
	mkdir -p $(VENV)/share/jupyter/labextensions; \
	ln -s "$$PWD/pivot_jupyter/labextension" $(VENV)/share/jupyter/labextensions/pivot-labextension

demo: $(STAMP)
	@$(BIN)/python notebooks/demo.py

# one more at a time than there are cores: many of them wait for a kernel, a browser or a cluster
test: $(STAMP)
	more=$$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)'); \
	  $(BIN)/python -m pytest -n $$more --dist worksteal $(TESTS)

lab: $(STAMP)
	$(BIN)/python -m jupyter lab notebooks/quickstart.ipynb $(LAB)

oldest:
	$(MAKE) VENV=.venv-oldest WITH="$(OLDEST)" TESTS="tests/jupyter tests/notebooks tests/ui $(TESTS)" front test

check: static test

corpus: $(STAMP)
	PIVOT_CORPUS=whole $(BIN)/python -m pytest tests/corpus -n 2 -q

static: $(STAMP)
	@if [ -d labextension/node_modules ]; then \
	  npm run lint --prefix labextension --silent && npm test --prefix labextension --silent; \
	else \
	  echo "labextension/ is not checked: there is no node here; make front installs what it needs"; \
	fi
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet --site-dir site

bench: $(STAMP)
	$(BIN)/python -m compileall -q pivot pivot_jupyter
	$(BIN)/python tests/benchmarks/bench.py $(BENCH)

history: $(STAMP)
	$(BIN)/python tests/history/walk.py --cache .pytest_cache/d/history

precision: $(STAMP)
	$(BIN)/python tests/benchmarks/precision.py

clean:
	rm -rf $(VENV) .venv-* .bench site build dist labextension/node_modules labextension/lib \
	  pivot_jupyter/labextension pivot_jupyter/static .mypy_cache .ruff_cache .pytest_cache .hypothesis

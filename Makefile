# make demo    play with it: a cluster, a gateway, an agent at work and the screens, all on this machine
# make test    every check: ruff, mypy, the layers, the tests
# make help    the rest

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.jitui
COMPILED := build/compiled
JOBS ?= auto
# the first Python of at least 3.11 that can be found; PYTHON=... names another
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# the tests start jitui more than a thousand times; without its compiled files each start compiles it anew
unexport PYTHONDONTWRITEBYTECODE
GO ?= $(firstword $(shell command -v go) /usr/local/go/bin/go)
K8S := v1.34.4
# large packages of which little or nothing is imported: Python compiles that when it is; pip would compile all, on one core, for a minute
SELDOM := /site-packages/(antlr4|cfnlint|docker|graphql|kubernetes/aio|kubernetes_asyncio|sympy|mpmath|networkx|moto|mypy|mypyc|pip|pkg_resources|setuptools|pygments/lexers)/

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types layers tests compiled test-compiled cluster bench screenshots soak clean

help:
	@echo 'make demo         a cluster, a gateway, an agent and the screens, on this machine (without a terminal: the story as text)'
	@echo 'make test         ruff, mypy, the layers, the tests; those that need what is not here are named at the end'
	@echo 'make test-compiled  a wheel with its busiest modules compiled (needs a C compiler), and the tests of those modules on it'
	@echo 'make cluster      build the real one-node Kubernetes for tests (Go; about 5 minutes), see tests/cluster/README.md'
	@echo 'make bench        measure what recording costs'
	@echo 'make soak         run the long tests for as long as chance needs'
	@echo 'make screenshots  the pictures in screenshots/, from a real run'
	@echo 'make clean        remove $(VENV) and the caches'

setup: $(READY)

# pip uses one core: all packages in two halves side by side; then whatever is missing, with its errors
$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo 'jitui: needs Python 3.11 or newer and found none: install it (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.12' >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jitui: needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=/path/to/python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'jitui: $(PYTHON) can not make a virtual environment (Debian: apt-get install python3-venv)' >&2; exit 1; }
	@echo 'setting up $(VENV) (once; about a minute)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables
	@for half in 0 1; do awk "NR % 2 == $$half" constraints.txt | $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-warn-conflicts --no-compile -r /dev/stdin 2>/dev/null & done; wait
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-compile -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -q -j 0 -x '$(SELDOM)' $(VENV)/lib/python3.*/site-packages jitui tests/support
	@touch $@

demo: $(READY)
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/jitui demo; else exec $(BIN)/jitui demo --script; fi

test: lint types layers tests

lint: $(READY)
	$(BIN)/ruff check

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

tests: $(READY)
	@$(BIN)/python -m compileall -q -j 0 jitui tests/support
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# a wheel as JITUI_COMPILE=1 makes it, unpacked; not optimised, which takes a third of the time and does the same
compiled: $(COMPILED)/.made

$(COMPILED)/.made: $(READY) hatch_build.py $(shell find jitui -name '*.py')
	@rm -rf $(COMPILED)
	JITUI_COMPILE=1 JITUI_COMPILE_LEVEL=0 $(BIN)/python -m hatchling build -t wheel -d $(COMPILED)
	@cd $(COMPILED) && $(abspath $(BIN))/python -m zipfile -e *.whl . && touch .made

test-compiled: compiled
	@rm -rf $(COMPILED)/tests && cp -a tests pyproject.toml $(COMPILED)  # with their compiled files, which hold for these times alone
	cd $(COMPILED) && JITUI_COMPILED=1 HYPOTHESIS_STORAGE_DIRECTORY=$(abspath .hypothesis) PYTHONPATH=$(abspath $(COMPILED)) $(abspath $(BIN))/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m 'not interpreted' \
		$$($(abspath $(BIN))/python -m tests.support.compiled)

cluster: tests/cluster/kube

tests/cluster/kube: tests/cluster/src/main.go tests/cluster/src/go.mod tests/cluster/src/go.sum
	@test -x "$(GO)" || { echo 'jitui: the test cluster is built with Go 1.24 or newer, and there is no go in PATH' >&2; exit 1; }
	cd tests/cluster/src && CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w \
		-X k8s.io/component-base/version.gitVersion=$(K8S) -X k8s.io/component-base/version.gitMajor=1 \
		-X k8s.io/component-base/version.gitMinor=34 -X k8s.io/client-go/pkg/version.gitVersion=$(K8S)" -o ../kube .

soak: $(READY)
	JITUI_SOAK=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --timeout 1800 tests/journeys tests/store/test_kill_commits.py tests/store/test_tamper.py \
		tests/listeners/kube/test_malformed.py tests/clusters/eks/test_standin.py tests/tui/test_hostile.py tests/demo/test_play.py tests/api/service/test_report.py tests/demo/cluster/test_kubectl.py tests/demo/cluster/test_kubectl_streams.py

bench: $(READY)
	$(BIN)/python -m tests.bench

screenshots: $(READY)
	$(BIN)/python screenshots/make.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Two commands do everything on a machine that has Python 3.11 and the package registries:
#   make demo    a year of a simulated product in six minutes, on a live page; an outage and a viral day are caught
#   make test    the tests (those that need Java and Maven say so and skip where these are missing)

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test tools soak lint types layers docs panels bench bench-parts eval-detect clean help
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-11s %s\n", $$1, $$2 }'

$(VENV)/.demo: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## a broker, a simulated product and a worker with its page, in one process tree; Ctrl-C ends all
	$(BIN)/footfall demo || test $$? = 130

test: $(VENV)/.dev ## the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

tools: $(VENV)/.dev ## what the tests of docker-compose.yml and the Helm chart need (Go): once, a minute and a half
	$(BIN)/python -m tests.deploy.tools

soak: $(VENV)/.dev ## random faults on a running stream: MINUTES=30, SEED=… (Java and Maven)
	$(BIN)/python -m tests.chaos.soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.dev ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

layers: $(VENV)/.dev ## imports point inward only
	$(BIN)/lint-imports

docs: $(VENV)/.dev ## write the generated pages and schemas anew
	$(BIN)/python -m stream.settings.reference > docs/configuration.md
	$(BIN)/python -m stream.metrics docs/metrics.md
	$(BIN)/python -m stream.schemas schemas

panels: $(VENV)/.dev ## write the Grafana dashboards anew
	$(BIN)/python -m deploy.grafana.dashboards

bench: $(VENV)/.dev ## beside other stream processors: ROUNDS=3 EVENTS=2000000 PEERS=all (Java and Maven)
	$(BIN)/python -m bench.versus --rounds $(or $(ROUNDS),3) --events $(or $(EVENTS),2000000) \
		--peers "$(if $(filter undefined,$(origin PEERS)),all,$(PEERS))"
	$(BIN)/python -m bench.versus.plots

bench-parts: $(VENV)/.dev ## replay, profiles and the worker by themselves (Java and Maven, for the worker)
	$(BIN)/python bench/replay.py
	$(BIN)/python bench/profiles.py
	$(BIN)/python bench/worker.py

eval-detect: $(VENV)/.dev ## what anomalies are worth, on simulated products (SEEDS=1-20): half an hour of two cores
	$(BIN)/python -m bench.eval_detect $(if $(SEEDS),--seeds $(SEEDS))

clean: ## remove the environment and caches
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

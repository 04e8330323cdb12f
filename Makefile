# Observatudo. `make repro` sets everything up and runs the pipeline; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help repro push pull test lint lock bench drill cloud-demo cloud-test mlflow docs messages hooks clean

PYTHON ?= python3
HOOKS ?= 1
PORT ?= 5000
ARGS ?=
JOBS ?= 2
BIN := $(CURDIR)/.venv/bin
INSTALLED := .venv/.installed
LOCALE := observatudo/locale

OUTSIDE := $(PATH)

# The environment's own tools come first, and none of them reports home.
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

repro: $(INSTALLED) hooks ## environment, Git hooks (HOOKS=0: none), then the pipeline
	@.venv/bin/dvc repro
	@.venv/bin/python -m observatudo.summary

push: $(INSTALLED) ## send what the whole history needs to the place for the data (observatudo remote)
	@.venv/bin/observatudo remote --push

pull: $(INSTALLED) ## bring the work tree's data from there; old versions come when they are asked for
	@.venv/bin/observatudo remote --pull

test: $(INSTALLED) ## all tests (ARGS="-k words" for some)
	@.venv/bin/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

drill: $(INSTALLED) ## full-size drills: slow
	@.venv/bin/python -m pytest -m drill $(ARGS)

cloud-demo: $(INSTALLED) ## the way into Google Cloud and back, on emulators, in a clone that is thrown away
	@.venv/bin/python -m tests.cloud.demo

cloud-test: $(INSTALLED) ## the same tests against a project of yours: OBSERVATUDO_CLOUD_TEST, OBSERVATUDO_PROJECT, …
	@test -n "$$OBSERVATUDO_PROJECT" || { echo "set OBSERVATUDO_PROJECT, OBSERVATUDO_BUCKET: docs/gcp.md" >&2; exit 64; }
	@OBSERVATUDO_CLOUD_TEST=1 .venv/bin/python -m pytest tests/cloud $(ARGS)

lint: $(INSTALLED) ## style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy --strict observatudo stages tui tests

bench: $(INSTALLED) ## benchmarks, as tables
	@for bench in tests/bench/bench_*.py; do .venv/bin/python -m tests.bench.$$(basename $$bench .py) || exit 1; done

lock: $(INSTALLED) ## resolve requirements.lock anew (ARGS=--upgrade for the newest versions)
	@.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock $(ARGS)
	@git --no-pager diff --stat -- requirements.lock

mlflow: $(INSTALLED) ## MLflow's screens on this machine alone (PORT=5000)
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false .venv/bin/mlflow ui --workers 1 --host 127.0.0.1 --port $(PORT) \
		--backend-store-uri sqlite:///mlruns/mlflow.db --artifacts-destination mlruns/artifacts

docs: ## where the pages of the data models are, opened where there is a screen
	@test -f dbt/target/static_index.html || { echo "no pages yet: make repro" >&2; exit 1; }
	@echo "file://$(CURDIR)/dbt/target/static_index.html"
	@test -z "$$DISPLAY$$WAYLAND_DISPLAY" || python3 -m webbrowser "file://$(CURDIR)/dbt/target/static_index.html"

messages: $(INSTALLED) ## collect the messages, merge and compile the Portuguese ones
	@mkdir -p build $(LOCALE)
	@.venv/bin/pybabel -q extract --sort-by-file --add-location file --no-wrap --project observatudo -o build/observatudo.pot observatudo stages tui
	@.venv/bin/pybabel -q update --ignore-obsolete --no-fuzzy-matching --no-wrap --ignore-pot-creation-date \
		--init-missing -D observatudo -l pt_BR -i build/observatudo.pot -d $(LOCALE)
	@.venv/bin/pybabel compile --statistics -D observatudo -d $(LOCALE)

hooks: $(INSTALLED)
	@test "$(HOOKS)" = 0 || sh scripts/hooks

$(INSTALLED): requirements.lock pyproject.toml scripts/environment
	@PATH="$(OUTSIDE)" PYTHON="$(PYTHON)" sh scripts/environment
	@touch $@

clean: ## remove tools' caches; never data, runs or the environment
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

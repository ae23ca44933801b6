# What a person types daily. `make help` lists it.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed
PEERS := $(VENV)-peers/installed
NAM := $(VENV)-nam/installed
RAY := $(VENV)-ray/installed
SERVICES := $(VENV)-services/installed
PORT ?= 5000
BIN := $(CURDIR)/$(VENV)/bin
# Stages call `python`.
export PATH := $(BIN):$(PATH)
# DVC and MLflow keep quiet about this project.
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true
# The commands are found from the project's folder.
unexport PYTHONSAFEPATH
# A user without an entry on the system, as in a container, has no name to be asked for.
export LOGNAME := $(or $(LOGNAME),$(USER),$(shell id -u))

.DEFAULT_GOAL := help
.PHONY: help run compare test test-all test-faults test-scale lint format audit example ui
.PHONY: services services-stop peers nam ray lock dist clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-13s %s\n", $$1, $$2 }'

run: $(INSTALLED) ## the whole pipeline, from composition to the benchmark's report (only what changed)
	$(IN_GIT)
	@"$(BIN)"/dvc repro

# DVC needs a repository, and git says what is not the project's; a downloaded archive has none.
IN_GIT = @git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "error: expected a repository of git, got a folder \
without one; make one: git init && git add . && git commit -m start" >&2; exit 1; }

# What changes with every edit of the code, is told twice, or follows from another column is left out, so that 80 columns
# are enough.
COMPARED := --only-changed --hide-workspace --precision 4 \
	--drop 'Created|(groups|values|src|conf|data|models|benchmarks|pipelines|requirements|train_|validation_).*|.*(loss|perplexity|gap)'

compare: $(INSTALLED) ## experiments of `dvc exp run`: what differs, accuracy, and times
	$(IN_GIT)
	@"$(BIN)"/dvc exp show --no-pager $(COMPARED)

# Four processes, because XLA maps memory for each program that it compiles and never gives it back: the tests compile
# so many that one process, or two, would meet the system's limit (vm.max_map_count) and crash.
# They are dealt out one at a time, but for files of which the tests share what is computed once: no process gets most of
# the programs, and the slowest do not wait for each other.
PYTEST := "$(BIN)"/python -m pytest -n 4 --dist loadgroup

test: $(INSTALLED) ## the quick tests
	@$(PYTEST) -m "not slow and not scale"

test-all: $(INSTALLED) ## all tests, with the full crosses, whole pipelines, and faults that take their time
	@$(PYTEST) -m "not scale"
	@XLA_FLAGS= $(PYTEST) -n 2 -m "not slow" -k xla tests/core/unroll/test_laws.py  # once more, compiled as users do

test-scale: $(INSTALLED) $(SERVICES) $(RAY) ## clusters and servers: what cannot run here is skipped, and says why
	@$(WITH_SERVICES) "$(BIN)"/python -m pytest -m scale tests/scale

test-faults: $(INSTALLED) ## every change of files that a command makes is a point: killed there, failing there; SAMPLE=100 tries so many
	@"$(BIN)"/python -m tests.faults $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED) ## style and types
	@"$(BIN)"/ruff check
	@"$(BIN)"/ruff format --check
	@"$(BIN)"/mypy

format: $(INSTALLED) ## rewrites the code in the project's style
	@"$(BIN)"/ruff check --fix
	@"$(BIN)"/ruff format

ui: $(INSTALLED) ## MLflow's pages with all runs, on this machine only (PORT=5000)
	@"$(BIN)"/python -m pipelines.ui $(PORT)

example: $(INSTALLED) ## a diode clipper learnt by a small LSTM, in a few minutes: scores beside baselines, pictures, sound, exports
	@"$(BIN)"/python -m pipelines.train experiment=clipper hydra.run.dir=outputs/clipper
	@"$(BIN)"/python docs/exports.py outputs/clipper

services: $(INSTALLED) $(SERVICES) ## MLflow's server, PostgreSQL and an S3 store on this machine, for trying out; data in services/
	@$(WITH_SERVICES) "$(BIN)"/python -m pipelines.services

services-stop: $(INSTALLED) ## ends them; what they store stays
	@"$(BIN)"/python -m pipelines.services --stop

WITH_SERVICES := PATH="$(CURDIR)/$(VENV)-services/bin:$$PATH"

peers: $(INSTALLED) $(PEERS) ## the same training steps in other libraries and in C, beside ours; needs a C compiler
	@"$(BIN)"/python -m pipelines.peers sweep=peers
	@"$(BIN)"/python -m pipelines.peers sweep=peers_large benchmark.minimum_milliseconds=500

nam: $(INSTALLED) $(NAM) ## exported .nam files in Neural Amp Modeler's own package; several GB with its libraries
	@$(BIN)/python -m pytest tests/inference/exports/test_nam.py

ray: $(INSTALLED) $(RAY) ## .venv-ray, for sweeps with hydra/launcher=ray: the project's environment, and Ray beside it

lock: $(INSTALLED) ## pins what pyproject.toml asks for anew; UPGRADE=1 takes the newest versions
	@"$(BIN)"/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --extra pipeline --extra audio --extra slurm --extra server --extra s3 \
		--extra search --group test --group lint --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml

dist: $(INSTALLED) ## wheel and source archive in dist/
	@"$(BIN)"/python -m build --no-isolation --outdir dist

audit: $(INSTALLED) ## known advisories about the locked libraries; needs the internet
	@.ci/audit "$(BIN)"

clean: ## removes what the project made: environment, data, models, runs; nothing that git tracks
	$(IN_GIT)
	@git clean -ffdxq -- $(MADE) dvc.lock 'mlflow.db*' outbox.lock .owner .owner.lock 'src/*.egg-info' '**/__pycache__'
	@find $(MADE) -depth -type d -empty -delete 2>/dev/null || true  # git leaves folders that are empty

MADE := $(VENV) $(VENV)-peers $(VENV)-nam $(VENV)-ray $(VENV)-services build data models reports benchmarks checkpoints \
	profile outputs multirun searches dist dvc_plots \
	mlartifacts outbox pending .scratch .dvc/cache .dvc/tmp .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Hashes are checked, and bytecode is compiled, on all cores: TensorFlow then imports three times faster, in every stage.
# A library may bring a file for another Python, which cannot be compiled.
$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
		"error: expected Python 3.11 to 3.13, got %d.%d; name another one: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	"$(BIN)"/python -m pip install --quiet --no-compile --require-hashes --requirement requirements.lock
	@"$(BIN)"/python -m compileall -qq -j 0 $(VENV)/lib || echo "note: not all bytecode was compiled" >&2
	"$(BIN)"/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# An environment of its own: what other libraries ask for is none of the project's business.
$(PEERS): peers/requirements.txt
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --requirement peers/requirements.txt
	@touch $@

$(SERVICES): tests/scale/services_requirements.txt
	$(PYTHON) -m venv $(VENV)-services
	$(VENV)-services/bin/python -m pip install --quiet --requirement tests/scale/services_requirements.txt
	@touch $@

$(NAM): tests/inference/exports/nam_requirements.txt
	$(PYTHON) -m venv $(VENV)-nam
	$(VENV)-nam/bin/python -m pip install --quiet --requirement tests/inference/exports/nam_requirements.txt
	@touch $@

# The same libraries compute: it sees those of the project's environment. Hydra's launcher asks for a cloudpickle that
# joblib excludes, and runs with the newer one, so what it asks for is not looked at.
$(RAY): requirements-ray.txt $(INSTALLED)
	"$(BIN)"/python -m venv $(VENV)-ray
	@echo 'import site, sys; site.addsitedir("$(CURDIR)/$(VENV)/lib/python%d.%d/site-packages" % sys.version_info[:2])' \
		> "$$($(VENV)-ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	$(VENV)-ray/bin/python -m pip install --quiet --requirement requirements-ray.txt
	$(VENV)-ray/bin/python -m pip install --quiet --no-deps hydra-ray-launcher==1.2.2
	@touch $@

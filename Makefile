# What this house can do. `make help` lists the targets that have a text after `##`.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
export PYTHON

CORE := domain wire pki ca services
# Tests of what is written: rules of the house, texts and their translations, words of every page.
TEXTS := tests/house tests/i18n tests/eservice/test_golden_pages.py tests/eservice/test_pages.py
MEASURE = scripts/pytest $(CORE:%=tests/%) -m "not long and not rare" -n 3 --dist loadscope --cov --cov-report=term-missing
COVERED := $(if $(filter-out 0,$(COVERAGE)),$(CORE:%=tests/%))

.PHONY: help demo test judges docs acceptance peers accessibility bench chaos simulate fuzz mutants check format golden texts coverage floors lock release deb image clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## a certificate lives its whole life before your eyes; KEEP=1 leaves the test bench running
	@scripts/environment authority
	@.venv/bin/python -u -m sinetti.testbench.demo $(if $(filter-out 0,$(KEEP)),--keep)

test: ## all tests but judges, long ones and those of texts (make check); ARGS="tests/pki -k keys" for some of them, CHANGED=1 for those of what changed since main, COVERAGE=1 to measure the core too
	@scripts/environment authority,test
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
ifneq ($(filter-out 0,$(CHANGED)),)
	@changed=$$(.venv/bin/python scripts/changed.py) || exit; if [ -z "$$changed" ]; then echo "nothing has changed since main"; \
	else scripts/pytest $$changed -m "not long and not rare" -n 3; fi
else
	@echo "left to make check: $(TEXTS); to make judges: the judges, and tests marked long (tests/conftest.py)"
	$(if $(COVERED),@$(MEASURE))
	@scripts/pytest $(or $(ARGS),tests $(patsubst %,--ignore=%,tests/judges $(TEXTS) $(COVERED)) -m "not long and not rare" -n 3 --dist loadscope)
endif

judges: ## long tests, then other people's programs judge what we make
	@scripts/environment authority,test,docs
	@scripts/packages judges
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python scripts/docs.py build
	@scripts/interop
	@scripts/peers node oidc html
	@scripts/machine
	@scripts/pytest tests --ignore=tests/judges -m "long and not rare" -n 3 --dist worksteal
	@scripts/pytest tests/judges -n 2

docs: ## build the documentation site in three languages into build/docs; warnings are errors
	@scripts/environment authority,docs
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python scripts/docs.py build
	@echo "build/docs/index.html"

acceptance: ## by hand: the rarest tests, every page and every task of every role in Chromium in each width, language and mode, the Debian packages and deploy/README.md on bare machines, recovery to a moment, a rolling upgrade and back, a failover of PostgreSQL, the images by compose, then `make floors`
	@scripts/environment authority,test
	@scripts/packages judges
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@scripts/pytest tests --ignore=tests/judges -m rare -n 2 -v
	@scripts/pytest tests/judges/test_walk.py tests/judges/test_drafts.py --last-run -n 2
	@scripts/pytest tests/judges/test_roles.py --all-walks -n 2 -v
	@scripts/pytest tests/acceptance/test_recovery.py tests/acceptance/test_rolling_upgrade.py -v
	@$(MAKE) deb
	@.venv/bin/python scripts/deb.py --release 0.1.0 --into build/deb-0.1.0
	@scripts/machine packages
	@scripts/machine authority
	@scripts/pytest tests/acceptance/test_packages.py tests/acceptance/test_eight_commands.py -v
	@scripts/packages acceptance
	@scripts/pytest tests/acceptance/test_patroni.py -v -s
	@scripts/packages image
	@.venv/bin/python scripts/image.py
	@scripts/pytest tests/acceptance/test_containers.py -v
	@$(MAKE) floors

floors: ## by hand: the tests on the lowest versions that pyproject.toml allows; FLOORS="--python python3.13" for another Python
	@scripts/environment authority,test,release
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python scripts/floors.py -n 2 $(FLOORS)

lock: ## resolve requirements.lock anew after a change of pyproject.toml; UPGRADE=1 takes the newest versions
	@scripts/environment release
	@.venv/bin/python scripts/lock.py update $(if $(filter-out 0,$(UPGRADE)),--upgrade)
	@scripts/environment authority,test,check,docs,release
	@.venv/bin/python scripts/licences.py

release: ## source distribution, wheel, components, lock and checksums of the last commit in build/release: docs/contributors/release.md
	@scripts/environment release
	@.venv/bin/python scripts/release.py

deb: ## Debian packages sinetti, sinetti-authority and sinetti-gateway into build/deb, checked by lintian; needs Debian 13
	@scripts/environment base
	@scripts/packages deb
	@.venv/bin/python scripts/deb.py

image: deb ## container images of service and rehearsal into build/image, from Debian's packages and ours: docs/operators/containers.md
	@scripts/packages image
	@.venv/bin/python scripts/image.py

peers: ## install what the peers in other languages need; PEER=java (jaxws, mono, node, php, requests or zeep) for one
	@scripts/environment authority,test
	@scripts/peers $(or $(PEER),java jaxws mono node php)

accessibility: ## walk all pages as `make judges` does, and write what was found into the accessibility statement
	@scripts/environment authority,test
	@scripts/packages judges
	@scripts/peers oidc html
	@.venv/bin/python scripts/texts.py compile
	@scripts/pytest tests/judges/test_walk.py tests/judges/test_drafts.py --last-run -n 2

bench: ## how fast certificates are renewed, revoked, checked, reported, looked after by the agent and listed on pages; BENCH="--burst 0" for the rates alone (python -m bench --help)
	@scripts/environment authority,fast
	@scripts/packages bench
	@.venv/bin/python -m bench --signer --json bench.json $(BENCH)
	@[ ! -x /usr/bin/python3 ] || [ "$$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')" = /usr ] || { echo; \
	ENVIRONMENT=.venv-debian PYTHON=/usr/bin/python3 scripts/environment authority,fast \
		|| { echo "make bench: not measured on Debian's Python, which has no environment here"; exit 0; }; \
	.venv-debian/bin/python -m bench --signer --no-peers --burst 0 --json bench-debian.json $(BENCH); }
	@for one in parts lists ocsp status_files gateway gateway_serve store agent pages waits signer; do echo; .venv/bin/python -m bench.$$one || exit 1; done

chaos: ## kill servers, clients, databases and disks, a thousand and more; SEED= and ONLY= play some again
	@scripts/environment authority,test
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@seed=$(or $(SEED),$$RANDOM); echo "make chaos SEED=$$seed"; \
	scripts/pytest tests/kills --kills every --seed $$seed --timeout 0 -n 2 \
		$(if $(ONLY),-k "$(ONLY)",--chaos-command "make chaos SEED=$$seed")

simulate: ## two years of messages about 100,000 certificates, beside a model that knows which there have to be: docs/contributors/simulation.md; SEED=
	@scripts/environment authority
	@scripts/packages bench
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python -m simulate --write $(if $(SEED),--seed $(SEED))

fuzz: ## random octets: SECONDS=60, shared out over the targets and the protocol, which begin one after the other; TARGET= plays one
	@scripts/environment authority,test
	@.venv/bin/python -c 'import atheris' 2>/dev/null \
		|| .venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary atheris --editable '.[fuzz]' 2>/dev/null \
		|| { echo "make fuzz: atheris has no wheel for $$(.venv/bin/python --version) here; CPython 3.11 on Linux has one" >&2; exit 2; }
	@.venv/bin/python -m fuzz --seconds $(or $(SECONDS),60) $(TARGET:%=--target %) $(if $(filter-out 0,$(KEEP)),--keep)

mutants: ## by hand: 200 changes of the source, one at a time, and which of them no test detects: docs/contributors/mutants.md; SEED=
	@scripts/environment authority,test
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python -u scripts/mutants.py $(if $(SEED),--seed $(SEED)) $(MUTANTS)

check: ## lint, format, types, who may import whom, documents, rules of the house, texts and words of pages
	@scripts/environment authority,test,check
	@.venv/bin/python scripts/texts.py compile
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	scripts/pytest $(TEXTS) -n 2

format: ## let ruff lay out the code, and renew the map and the integrators' guide
	@scripts/environment authority,test,check
	.venv/bin/ruff format
	.venv/bin/ruff check --fix-only
	.venv/bin/python scripts/map.py
	.venv/bin/python scripts/guide.py

golden: ## write the golden files, which tests compare byte for byte: tests/golden, manual pages, samples of messages and outputs; FOLDER="outputs manuals" for some
	@scripts/environment authority,test
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@.venv/bin/python scripts/golden.py $(FOLDER)

texts: ## add new messages to the catalogues, compile them, and add new texts of the documents to theirs
	@scripts/environment authority,test,docs
	.venv/bin/python scripts/texts.py update
	.venv/bin/python scripts/texts.py compile
	.venv/bin/python scripts/docs.py update

coverage: ## the core's tests alone, every branch of it
	@scripts/environment authority,test
	@scripts/packages test
	@.venv/bin/python scripts/texts.py compile
	@$(MEASURE)

clean: ## take away what the targets made
	rm -rf .venv .venv-debian .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist bench/.django-ca bench.json bench-debian.json
	find src -name '*.mo' -delete

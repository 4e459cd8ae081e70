# Every verb sets up .venv by itself; `make` alone lists them. Variables: PY (python3), HOST, PORT.
PY ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Where it can be opened: what listens everywhere is found at 127.0.0.1, and IPv6 stands in brackets.
NAME = $(or $(filter-out 0.0.0.0 ::,$(HOST)),127.0.0.1)
ADDRESS = http://$(if $(findstring :,$(NAME)),[$(NAME)],$(NAME)):$(PORT)
RUN = .venv/bin/python
BABEL = $(RUN) -m babel.messages.frontend --quiet
SET_UP = @$(PY) scripts/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help serve test test-full check hooks publish papers translations service lock clean bench-page bench-build html regenerate devserver

help: # list the verbs
	@sed -n 's/^\([a-z -]*\):.*# \(.*\)/\1\t\2/p' Makefile | expand -t 24

# What the environment says wins over these.
serve: export LEADAPI_ENV ?= development
serve: export LEADAPI_SITE_DIR ?= var/site
serve: export LEADAPI_BUILD_COMMAND ?= $(RUN) scripts/build_site.py --resident
serve: export LEADAPI_BUILD_WATCH ?= content,theme,plugins,pelicanconf.py
serve: export LIVE_RELOAD ?= 1
serve: export SITE_URL ?= $(ADDRESS)
serve: export LEADAPI_SITE_URL ?= $(SITE_URL)
serve: # the blog, its service and its mailbox on http://127.0.0.1:8000; saves show at once (PORT=, HOST=)
	$(SET_UP) site api
	@exec $(RUN) -m leadapi serve --host "$(HOST)" --port "$(PORT)"

# What Python compiles is kept for the next run: twenty thousand lines of tests, in each of three processes.
test test-full: export PYTHONDONTWRITEBYTECODE =
test: check # everything, with small counts: linters, types, unit, API, built site, journeys in a real browser
	@$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-full: check # the same tests with the counts that the promises name
	@TEST_COUNTS=full $(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: # linters, types, the house's arrows and the content, without the tests
	$(SET_UP) dev
	@$(RUN) -m plugins.authors_check --pages
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m mypy --no-error-summary
	@$(RUN) -m mypy --no-error-summary --strict scripts/bootstrap.py scripts/virtual_environment.py scripts/build_site.py scripts/check_staged.py bench/build.py
	@$(RUN) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo

hooks: # let git run `make check` on what is staged before each commit
	@mkdir -p "$$(git rev-parse --git-path hooks)"
	@printf '#!/bin/sh\nexec $(PY) scripts/check_staged.py\n' > "$$(git rev-parse --git-path hooks)/pre-commit"
	@chmod +x "$$(git rev-parse --git-path hooks)/pre-commit"

publish: # build the production site into output/ (SITE_URL, API_URL, COMMENTS_URL)
	$(SET_UP) site
	@$(RUN) scripts/build_site.py --publish

translations: # enter what the service says anew into leadapi/translations/*/LC_MESSAGES/messages.po
	$(SET_UP) dev
	@mkdir -p .cache
	@$(BABEL) extract -F pyproject.toml --add-location=file --omit-header -o .cache/messages.pot leadapi
	@$(BABEL) update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap \
	  -i .cache/messages.pot -d leadapi/translations

papers: # make the whitepapers' PDFs alone, into var/whitepapers (LEADAPI_WHITEPAPER_DIR)
	$(SET_UP) site
	@$(RUN) -m plugins.whitepaper_pdf

service: # set up what the service needs; then .venv/bin/python -m leadapi runs it (docs/operators.md)
	$(SET_UP) api

lock: # write requirements/*.txt anew from pyproject.toml, and bench/build/rivals.txt (needs uv)
	@for set in dev site api; do \
	  extras="--extra $$set"; [ $$set = dev ] && extras="--extra dev --extra site --extra api"; \
	  constraint=""; [ $$set = dev ] || constraint="--constraint requirements/dev.txt"; \
	  uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $$extras \
	    $$constraint --output-file requirements/$$set.txt pyproject.toml || exit 1; \
	done
	@uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --constraint requirements/site.txt --output-file bench/build/rivals.txt bench/build/rivals.in

bench-page: # measure what a reader gets from one post page (bench/page.py)
	$(SET_UP) dev
	@$(RUN) bench/page.py

bench-build: # measure what building takes, beside stock Pelican and Hugo (bench/build.py, about 25 minutes)
	$(SET_UP) dev
	@$(RUN) bench/build.py

clean: # remove what can be made again: output/, the built site, caches; letters, database and keys stay
	@rm -rf output .output.versions var/site var/.site.versions .cache .mypy_cache .ruff_cache .pytest_cache

html: publish # Pelican's own name for publish
regenerate devserver: serve # Pelican's own names for serve

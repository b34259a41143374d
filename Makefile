.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
PORT ?= 8000
PYTHON = .venv/bin/python
MANAGE = DEBUG=1 $(PYTHON) manage.py
PRODUCTION = DEBUG=0 DATABASE_URL=sqlite://:memory: ALLOWED_HOSTS=example.com SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))')
LOCK = requirements-dev.txt
export PYTHONUNBUFFERED = 1
# Without bytecode each process would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

-include template/template.mk

.PHONY: help setup run test check fmt shell messages lock add upgrade changes audit ci

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## Create .venv with the locked dependencies
	@:

.venv/ready: requirements.txt $(LOCK) bin/setup
	@bin/setup $(LOCK)

run: setup ## Run server and task worker with demo data on http://localhost:8000 (PORT=); both reload
	@exec env $(MANAGE) dev --demo $(PORT)

test: setup ## Run all tests; missing servers and browsers are installed first if possible
	@bin/test-servers
	@$(PYTHON) -m pytest $(ARGS)

check: setup ## Check lint, types, migrations and deployment settings
	@echo "Lint ..." && $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check .
	@echo "Types ..." && $(PYTHON) -m mypy
	@echo "Migrations ..." && $(MANAGE) makemigrations --check --dry-run
	@echo "Deployment ..." && $(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING

fmt: setup ## Format the code
	@$(PYTHON) -m ruff check --fix . && $(PYTHON) -m ruff format .

shell: setup ## Open a Django shell
	@$(MANAGE) shell

messages: setup ## Collect the texts to translate in locale/, and compile translations (LANGUAGE=de adds a language)
	@command -v msgfmt xgettext >/dev/null || { echo "This needs gettext: apt-get install gettext" >&2; exit 1; }
	@$(MANAGE) makemessages $(if $(LANGUAGE),--locale $(LANGUAGE),--exclude en)
	@$(MANAGE) compilemessages --ignore .venv

lock:: setup ## Lock the dependencies of pyproject.toml again (UPGRADE=1: in their newest versions)
	@bin/lock $(if $(UPGRADE),--upgrade)

add: setup ## Add a dependency, lock it, install it: make add PACKAGE=name
	@bin/lock --add "$(PACKAGE)"
	@$(MAKE) setup

upgrade: setup ## Take the template's fixes: make upgrade FROM=<folder, zip or git address>[@version]
	@$(PYTHON) bin/upgrade "FROM=$(FROM)" "BASE=$(BASE)" "CHECK=$(CHECK)"

changes: setup ## List what you have changed, added and deleted since the template
	@$(PYTHON) bin/upgrade changes

audit: setup ## Check the locked dependencies for known vulnerabilities; needs the network
	@bin/audit

ci: ## Write the workflow that tests each push and audits every week (FOR=github or gitlab)
	@FORCE=$(FORCE) bin/ci $(FOR)

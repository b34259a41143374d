.PHONY: template manifest bench figures pictures soak client servers check-client check-client-sources check-manifest remove-template

ONLY_HERE := $(shell sed -n 's|^/\(.*\) export-ignore$$|\1|p' .gitattributes)
# `startproject` copies no folder whose name begins with a dot.
ifeq ($(wildcard .ci)$(filter remove-template,$(MAKECMDGOALS)),)
$(info This project also contains files that only the template's own repository needs: $(wildcard $(ONLY_HERE)))
$(info Remove it: make remove-template)
endif

remove-template: ## Remove what only the template's own repository needs
	@rm -rf $(ONLY_HERE)
	@sed -i.old '/export-ignore$$/d' .gitattributes && rm .gitattributes.old

# The packages of the tests of the library and of the template, in addition to the project's.
LOCK = template/requirements.txt

lock::
	@template/lock $(if $(UPGRADE),--upgrade)

# The tests of the project, the library and the template.
ARGS ?= apps tests template

test: servers

servers: setup
	@template/servers

soak: setup ## Run the long tests
	@template/servers soak
	@$(PYTHON) -m pytest -m soak $(ARGS)

template: setup ## Build dist/project_template.zip for startproject --template
	@$(PYTHON) -m template.build

manifest: setup ## Write template.lock, the manifest of a project's files
	@$(PYTHON) -m template.manifest

bench: setup ## Measure streams beside nchan and others, by scenario (options: bench/README.md)
	@$(PYTHON) -m bench

figures: setup ## Write the figures of `make bench` into the documents
	@$(PYTHON) -m bench.figures

pictures: setup ## Take the README's pictures again, from a running server
	@PICTURES=docs $(PYTHON) -m pytest -m soak template/tests/browser/test_picture.py -n0

CLIENT = apps/sse/client
NPM = npm --prefix $(CLIENT)

client: $(CLIENT)/node_modules ## Format, check and build the browser client from its sources (needs Node)
	@$(NPM) run build

$(CLIENT)/node_modules: $(CLIENT)/package-lock.json
	@$(NPM) ci --no-audit --no-fund --loglevel error
	@touch $@

check: check-client check-manifest

check-manifest: setup
	@echo "Manifest ..." && $(PYTHON) -m template.manifest --check

# Node is required in CI; elsewhere only a change of the client needs it.
check-client: setup $(if $(CI),servers)
	@echo "Browser client ..." && $(PYTHON) -m apps.sse.client.check
	@if command -v npm >/dev/null || [ -n "$(CI)" ]; then $(MAKE) --no-print-directory check-client-sources; \
	else echo "Node is not installed: lint, format and types of the client were not checked, and it was not built again."; fi

check-client-sources: $(CLIENT)/node_modules
	@$(NPM) run --silent check

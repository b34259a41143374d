.PHONY: template bench

template: setup ## Build dist/project_template.zip for startproject --template
	@$(PYTHON) .template/build.py

bench: setup ## Measure what open streams cost, beside nchan and others (options: bench/README.md)
	@$(PYTHON) -m bench

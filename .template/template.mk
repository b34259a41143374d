.PHONY: template bench

template: setup ## Build dist/project_template.zip for startproject --template
	@$(PYTHON) .template/build.py

bench: setup ## Compare what open streams cost with nchan and others (bench/README.md has its options)
	@$(PYTHON) -m bench

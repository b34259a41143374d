.PHONY: template

template: setup ## Build dist/project_template.zip for startproject --template
	@$(PYTHON) .template/build.py

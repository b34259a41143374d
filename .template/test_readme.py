"""Each command of the README is one that a test runs, and its Python is what runs."""

import re

from tests.servers import ROOT

README = (ROOT / "README.md").read_text()
RUN_BY_TESTS = {
    "make template": "test_template.built_zip",
    "django-admin startproject --template dist/project_template.zip mysite": "test_template.start_project",
    "make run": "test_template.serve_and_listen",
    "make test": "test_template.test_a_generated_project_is_checked_served_and_tested",
}


def test_each_shell_command_is_run_by_a_test():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert {line for block in blocks for line in block.splitlines()} == set(RUN_BY_TESTS)


def test_each_make_target_of_the_readme_is_there():
    makefile = (ROOT / "Makefile").read_text() + (ROOT / ".template" / "template.mk").read_text()
    for target in re.findall(r"`make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_each_folder_of_the_readme_is_there():
    tree = README.split("## What is where\n\n```")[1].split("```")[0]
    for line in tree.strip().splitlines():
        for name in re.findall(r"^\S+|(?<=  )\S+/(?=  )", line):
            assert (ROOT / name).exists(), name

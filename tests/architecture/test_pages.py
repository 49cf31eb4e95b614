"""Documentation that a program can check: generated pages, links, and commands that pages tell to run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from docs.generate import REFERENCE, pages
from wherry.cli.main import build_app
from wherry.settings import Settings, declarations

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = typer.main.get_command(build_app())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_does_not_lag(name: str):
    assert (REFERENCE / name).read_text() == pages()[name], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_settings_that_a_page_names_exist(page: Path):
    known = {declared.environment for declared in declarations(Settings)}
    known |= {f"{declared.environment}_FILE" for declared in declarations(Settings) if declared.secret}
    known |= {"WHERRY_CONFIG", "WHERRY_USER", "WHERRY_PASSWORD"}  # of the command line
    known |= {"WHERRY_REQUIRE_ENGINES", "WHERRY_WRITE_DOCS"}
    for name in re.findall(r"\bWHERRY_[A-Z_]*[A-Z]\b", page.read_text()):
        assert name in known or name.startswith(("WHERRY_TEST", "WHERRY_BENCH", "WHERRY_ENGINE")), name


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_commands_that_a_page_tells_to_run_exist(page: Path):
    for line in re.findall(
        r"(?:^|`|\$ |\s)((?:[\w./-]*/)?wherry [a-z][^`\n|]*)", page.read_text(), re.MULTILINE
    ):
        if line.split()[0].endswith("wherry") and " is " not in line:
            check_command(line)


def check_command(line: str) -> None:
    try:
        words = shlex.split(line, comments=True)[1:]
    except ValueError:
        return
    command: Any = COMMANDS
    while words and getattr(command, "commands", None):
        if words[0] not in command.commands:
            assert words[0].startswith("-") or command is not COMMANDS, line
            return
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    for word in words:
        if word in ("<", "|", ">", "&&"):
            return
        if word.startswith("--"):
            assert word.partition("=")[0] in options | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_make_targets_that_a_page_names_exist(page: Path):
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text()):
        assert target in targets, target


def test_every_make_target_says_what_it_does():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    assert set(re.findall(r"^([a-z]+):.* ## \S", text, re.MULTILINE)) == set(phony[1].split())


def test_the_first_screen_of_the_readme_shows_run_push_and_pull():
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    for wanted in ("make run", "make test", "login", "push", "pull"):
        assert wanted in first

"""requirements.txt, constraints.txt and what is installed say the same."""

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.import_closure import ROOT


def pinned(name):
    found = {}
    for line in (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()):
        if line.startswith("-r "):
            found |= pinned(line.removeprefix("-r "))
        elif line:
            pin = re.fullmatch(r"([\w.-]+)==([\w.!]+)", line)
            assert pin, f"{name}: expected name==version, found {line}"
            assert canonicalize_name(pin[1]) not in found, f"{pin[1]} is pinned in two places"
            found[canonicalize_name(pin[1])] = pin[2]
    return found


def installed_with(requirements):
    """All packages that come with these, by name, and their versions as they are installed."""
    found, waiting = {}, [Requirement(name) for name in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found:
            package = distribution(name)
            found[name] = package.version.partition("+")[0]
            needed = [Requirement(text) for text in package.requires or ()]
            waiting += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def test_constraints_pin_all_that_requirements_bring():
    requirements, constraints = pinned("requirements.txt"), pinned("constraints.txt")
    assert requirements.items() <= constraints.items()
    assert installed_with(requirements).items() <= constraints.items()


def test_a_server_needs_no_torch():
    assert installed_with(pinned("requirements-serve.txt")).keys() & {"torch", "transformers", "pandas"} == set()


def test_the_audit_is_no_part_of_the_environment():
    """Its own pins are all that is installed for it; a user gets none of it."""
    assert "pip-audit" in pinned("requirements-audit.txt")
    assert "pip-audit" not in pinned("constraints.txt")

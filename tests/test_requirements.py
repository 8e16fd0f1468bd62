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


def test_constraints_pin_all_that_requirements_bring():
    requirements, constraints = pinned("requirements.txt"), pinned("constraints.txt")
    installed, waiting = {}, [Requirement(name) for name in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in installed:
            package = distribution(name)
            installed[name] = package.version.partition("+")[0]
            needed = [Requirement(text) for text in package.requires or ()]
            waiting += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    assert requirements.items() <= constraints.items()
    assert installed.items() <= constraints.items()

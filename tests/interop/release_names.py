"""Release names: what Heirloom reads out of them, beside what the cases of guessit expect.

    release_names.py PROGRAM [--show PROPERTY] [--at-least SHARE]

PROGRAM reads one name a line and answers each with one line of `property=value` fields between tabs
(`cargo build -p heirloom-core --example release_names` makes it). The cases are read from the installed package guessit
(LGPL) and are not copied. Printed is, per property, on how many names both agree, of those whose case names the property:
what a case leaves out it does not judge. How often we read something there stands beside it. Cases that hang on options of
guessit's own are left out, as are those marked as not matching.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import guessit
import yaml

FILES = ("movies.yml", "episodes.yml", "various.yml")

# Ours by theirs.
PROPERTIES = {
    "title": "title",
    "year": "year",
    "season": "season",
    "episode": "episode",
    "resolution": "screen_size",
    "date": "date",
    "source": "source",
    "video_codec": "video_codec",
    "audio_codec": "audio_codec",
    "group": "release_group",
    "container": "container",
}

# The five that a listing cannot do without.
HELD = ("title", "year", "season", "episode", "resolution")


class Loader(yaml.SafeLoader):
    """Keys in their order, and words such as `No` or 0x as they stand."""


def pairs(loader, node):
    loader.flatten_mapping(node)
    return [(loader.construct_object(key, True), loader.construct_object(value, True)) for key, value in node.value]


def cases(path):
    """(name, expected) of a file: several names may share what follows the last of them."""
    with path.open(encoding="utf-8") as file:
        root = yaml.compose(file, Loader)
    loader = Loader("")
    entries = []
    for key, value in root.value:
        expected = None
        if isinstance(value, yaml.MappingNode):
            expected = dict(pairs(loader, value))
        entries.append((key.value, expected))
    default, last = {}, None
    for at in range(len(entries) - 1, -1, -1):
        name, expected = entries[at]
        last = expected if expected is not None else last
        entries[at] = (name, last or {})
        if name == "__default__":
            default = expected
    for name, expected in entries:
        is_plain = not expected.get("options") and not name.lstrip(" ").startswith(("-", "+"))
        if name != "__default__" and is_plain:
            yield name, {**default, **expected}


def values(value):
    """A value or a list of them as a set of text."""
    if value is None:
        return frozenset()
    return frozenset(str(one) for one in (value if isinstance(value, list) else [value]))


def read(program, names):
    """What the program answers, one dictionary a name."""
    lines = "".join(name.replace("\n", " ") + "\n" for name in names)
    done = subprocess.run([program], input=lines.encode(), capture_output=True, check=True, timeout=300)
    answers = done.stdout.decode().split("\n")[:-1]
    if len(answers) != len(names):
        sys.exit(f"{len(names)} names, but {len(answers)} answers")
    found = []
    for answer in answers:
        fields = {}
        for field in filter(None, answer.split("\t")):
            name, _, value = field.partition("=")
            fields.setdefault(name, set()).add(value)
        found.append(fields)
    return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--show", help="print the names on which this property differs")
    options.add_argument("--at-least", type=float, default=0.0, help="fail when one of the five is below this share")
    options = options.parse_args()
    folder = Path(guessit.__file__).parent / "test"
    all_cases = [(file, *case) for file in FILES for case in cases(folder / file)]
    found = read(options.program, [name for _, name, _ in all_cases])
    low = []
    print(f"{len(all_cases)} names of guessit {guessit.__version__}")
    print(f"{'property':<12} {'agree':>6} {'of':>6} {'share':>7} {'read where the case is silent':>31}")
    for ours, theirs in PROPERTIES.items():
        agree = named = silent = 0
        for (file, name, expected), fields in zip(all_cases, found):
            want, have = values(expected.get(theirs)), frozenset(fields.get(ours, ()))
            if not want:
                silent += bool(have)
                continue
            named += 1
            agree += want == have
            if want != have and options.show == ours:
                print(f"  {file}: {name}\n      expected {sorted(want)}, read {sorted(have)}")
        share = agree / named if named else 1.0
        print(f"{ours:<12} {agree:>6} {named:>6} {share:>7.1%} {silent:>31}")
        if ours in HELD and share < options.at_least:
            low.append(ours)
    if low:
        sys.exit(f"below {options.at_least:.0%}: {', '.join(low)}")


if __name__ == "__main__":
    main()

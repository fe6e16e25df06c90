# SPDX-License-Identifier: Apache-2.0
"""What the pages of the documents have in them, for the scripts that type it."""
import re

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)


def blocks(path):
    """The blocks of a page: (language, text), in order."""
    return [block.groups() for block in matches(path)]


def programs(path):
    """Each program of a page with what it prints: a Swift block that begins with an import, and the text block behind."""
    found = matches(path)
    return [
        (program[2], printed[2]) for program, printed in zip(found, found[1:])
        if program[1] == "swift" and program[2].startswith("import ") and printed[1] == "text"
        and program.string[program.end():printed.start()].isspace()
    ]


def matches(path):
    with open(path) as file:
        return list(BLOCK.finditer(file.read()))

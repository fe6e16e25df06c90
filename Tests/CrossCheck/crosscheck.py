# SPDX-License-Identifier: Apache-2.0
"""The other side of CrossCheckTests: CBOR as cbor2 reads and writes it.

crosscheck.py exchange OURS BACK THEIRS SEED COUNT   reads ours, writes each again; writes values of its own
crosscheck.py verify   THEIRS_BACK SEED COUNT        the same values must have come back

Files are documents behind one another, each after its length in four bytes.
"""
import datetime
import math
import random
import struct
import sys

import cbor2


def read(path):
    data = open(path, "rb").read()
    position = 0
    while position < len(data):
        (size,) = struct.unpack_from(">I", data, position)
        yield data[position + 4 : position + 4 + size]
        position += 4 + size


def write(path, documents):
    with open(path, "wb") as file:
        for document in documents:
            file.write(struct.pack(">I", len(document)) + document)


def text(source):
    ranges = [(0x20, 0x7E), (0x20, 0x7E), (0, 0x1F), (0x80, 0x7FF), (0x800, 0xD7FF), (0x10000, 0x10FFFF)]
    low, high = source.choice(ranges)
    # A dollar in front would make a pair of some arrays, which is ours to interpret.
    return "t" + "".join(chr(source.randint(low, high)) for _ in range(source.randint(0, 30)))


def integer(source):
    power = source.choice([4, 5, 8, 16, 31, 32, 53, 63, 64, 100, 126])
    return source.choice([1, -1]) * (2 ** source.randint(0, power) + source.randint(-2, 2))


def value(source, depth=0):
    kind = source.randint(0, 13 if depth < 6 else 8)
    if kind == 0:
        return source.choice([None, True, False])
    if kind in (1, 2):
        return integer(source)
    if kind == 3:
        return source.choice([0.5, 0.1, -0.0, 1e300, 5e-324, math.inf, -math.inf, math.nan, float(source.randint(-9, 9))])
    if kind == 4:
        return struct.unpack(">d", source.randbytes(8))[0]
    if kind in (5, 6):
        return text(source)
    if kind == 7:
        return source.randbytes(source.randint(0, 40))
    if kind == 8:
        moment = datetime.datetime.fromtimestamp(source.randint(-(2**33), 2**33), datetime.timezone.utc)
        return moment.replace(microsecond=source.randint(0, 999_999))
    if kind in (9, 10):
        return [value(source, depth + 1) for _ in range(source.randint(0, 5))]
    if kind == 11:
        return cbor2.CBORTag(source.choice([6, 9, 1000, 65536, 2**40]), value(source, depth + 1))
    keys = [source.choice([text, integer])(source) for _ in range(source.randint(0, 5))]
    return {key: value(source, depth + 1) for key in keys}


def document(source):
    """A value and one of the ways in which cbor2 writes it."""
    made = value(source)
    canonical = source.random() < 0.3
    return made, cbor2.dumps(made, canonical=canonical)


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isnan(a) and math.isnan(b) or struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, cbor2.CBORTag) and isinstance(b, cbor2.CBORTag):
        return a.tag == b.tag and same(a.value, b.value)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "items") and hasattr(b, "items"):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def exchange(ours, back, theirs, seed, count):
    write(back, (cbor2.dumps(cbor2.loads(document)) for document in read(ours)))
    source = random.Random(seed)
    write(theirs, (document(source)[1] for _ in range(count)))


def verify(theirs_back, seed, count):
    source = random.Random(seed)
    compared = 0
    for number, back in enumerate(read(theirs_back)):
        made, _ = document(source)
        if not same(made, cbor2.loads(back)):
            sys.exit(f"value {number} of seed {seed} changed")
        compared += 1
    if compared != count:
        sys.exit(f"{compared} values came back, not {count}")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "exchange":
        exchange(*arguments[:3], int(arguments[3]), int(arguments[4]))
    else:
        verify(arguments[0], int(arguments[1]), int(arguments[2]))

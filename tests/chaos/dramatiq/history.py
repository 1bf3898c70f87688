"""What happened to a message, from the append-only file of a Redis that was started with KEEP: every write, in order, with its time."""

import json
import pathlib

KEEP = ["--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0",
        "--aof-timestamp-enabled", "yes"]


def commands(folder):
    """(second, [words]) of every command in the file, also of those that scripts called."""
    for path in sorted(pathlib.Path(folder).glob("appendonlydir/*.incr.aof")):
        second, file = 0, path.open("rb")
        while line := file.readline():
            if line.startswith(b"#TS:"):
                second = int(line[4:])
            elif line.startswith(b"*"):
                words = []
                for _ in range(int(line[1:])):
                    size = int(file.readline()[1:])
                    words.append(file.read(size).decode(errors="replace"))
                    file.readline()
                yield second, words


def of_task(folder, number):
    """Every write about the messages whose argument is `number`."""
    found, ids = [], set()
    mark = f'"args":[{number}],'
    for second, words in commands(folder):
        if any(mark in word for word in words) and words[0].upper() == "HSET":
            ids.update(words[at] for at in range(2, len(words) - 1, 2) if mark in words[at + 1])
        about = ids.intersection(words)
        if about or any(word.startswith(f"[{number}] ") for word in words):
            few = [word if word in about or len(word) < 100 else word[:60] + "..." for word in words if word in about or len(words) < 8]
            found.append(f"  {second} {words[0]} {words[1] if len(words) > 1 else ''} {' '.join(few[2:])}")
    return found


def recovered(folder):
    """The numbers of the tasks one of whose messages was put back while somebody still held it: in flight when he was hurt."""
    numbers, held, found = {}, set(), set()
    for _, (name, *words) in commands(folder):
        name, key = name.upper(), words[0] if words else ""
        if name == "HSET" and key.startswith("dramatiq:") and key.endswith(".msgs"):
            numbers |= {words[at]: json.loads(words[at + 1])["args"][0] for at in range(1, len(words), 2)}
        elif name == "SADD" and ":__acks__." in key:
            held.update(words[1:])
        elif name == "SREM" and ":__acks__." in key:
            held.difference_update(words[1:])
        elif name in ("RPUSH", "LPUSH"):
            found.update(numbers[word] for word in words[1:] if word in held and word in numbers)
    return found

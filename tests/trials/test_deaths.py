"""What killed workers: what counts as a death, and what is not tried again. The worker that dies is the real one, with a model whose
file kills whoever maps it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess

import pytest
from conftest import COMPILER, MODELS, Server, wait_until

# Whoever maps the file, as only a load does, dies while the switch is there.
KILLER = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) {
  static void *(*real)(void *, size_t, int, int, int, off_t);
  if (!real) real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (file >= 0 && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "killer.gguf") && access(getenv("KILLER_SWITCH"), F_OK) == 0)
    kill(getpid(), SIGKILL);
  return real(at, size, protection, flags, file, offset);
}
void *mmap64(void *at, size_t size, int protection, int flags, int file, off_t offset) {
  return mmap(at, size, protection, flags, file, offset);
}
"""


class Deadly:
    """A server whose language model kills workers while `switch` exists."""

    def __init__(self, make_server, folder: pathlib.Path):
        models = folder / "models"
        models.mkdir()
        self.file, self.switch = models / "killer.gguf", folder / "switch"
        shutil.copy(MODELS / "smollm2-135m-instruct-q4_1.gguf", self.file)
        (models / "models.toml").write_text('[models.biomedlm]\nfile = "killer.gguf"\nkind = "language"\n')
        (folder / "killer.c").write_text(KILLER)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", folder / "killer.so", folder / "killer.c", "-ldl"], check=True)
        self.switch.touch()
        self.server: Server = make_server(MEDSYNTH_MODELS_DIR=str(models), LD_PRELOAD=str(folder / "killer.so"), KILLER_SWITCH=str(self.switch)).start()

    def deaths(self) -> int:
        return sum('"worker died"' in line for line in self.server.log.read_text().splitlines())

    def doctor(self) -> dict:
        checks = json.loads(self.server.cli("doctor", "--json").stdout)
        return next(check for check in checks if check["id"] == "models.deaths")


def test_s8_a_model_that_killed_workers_is_not_loaded_by_the_next_task(make_server, models, tmp_path):
    deadly = Deadly(make_server, tmp_path)
    server = deadly.server
    assert deadly.doctor()["status"] == "ok"
    first = server.detect()
    task = server.wait_task(first)
    assert task["status"] == "failed" and "died 3 times" in task["error"]
    assert deadly.deaths() == 3

    task = server.wait_task(server.detect())
    assert task["status"] == "failed"
    assert all(words in task["error"] for words in ("biomedlm", "3 workers died", first, f"touch {deadly.file}")), task["error"]
    assert server.result(server.detect(use_all_methods=False)), "what needs no model goes on"
    assert deadly.deaths() == 3
    check = deadly.doctor()
    assert check["status"] == "failed" and "biomedlm" in check["what"] and str(deadly.file) in check["next"]

    deadly.switch.unlink()  # the file that lies there is still the one that killed
    assert server.wait_task(server.detect())["status"] == "failed"
    deadly.file.touch()
    assert server.result(server.detect())["model"]["id"] == "biomedlm"
    assert deadly.deaths() == 3


def test_r6_a_model_that_cannot_be_looked_up_is_tried_as_often_as_its_actor_says(make_server, tmp_path):
    """The catalogue cannot be read (a socket lies in its place): of three retries two are used up, so one more comes, and no other."""
    folder = tmp_path / "models"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as catalogue:
        catalogue.bind(str(folder / "models.toml"))
        server = make_server(MEDSYNTH_MODELS_DIR=str(folder)).start()
        for retries, status in ((2, "retrying"), (3, "failed")):
            sent = server.post("/v1/queues/medsynth/messages", json={
                "actor": "detect_contradiction", "kwargs": {"claim1": "a b", "claim2": "a c", "task_id": f"t{retries}"}, "options": {"retries": retries}})
            assert sent.status_code == 202, sent.text
            task = wait_until(lambda: (now := server.task(f"t{retries}"))["status"] in ("retrying", "failed") and now, what="the attempt")
            assert task["status"] == status and "cannot read" in task["error"], task

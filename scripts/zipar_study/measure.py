"""Runs zipar, several processes at a time, and keeps what it writes. What a data folder has already from the same command and the
same files is not measured again."""

import json
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OUTPUTS = ("--details", "--out", "--codes")  # flags whose files are written; %03d stands for a picture's number


class Failed(Exception):
    """A command did not end well."""


class Runner:
    def __init__(self, zipar, data, workers):
        self.zipar, self.data, self.workers = str(zipar), Path(data), workers

    def state(self, args):
        """What the outcome of a command depends on: its words, and size and time of the files that it reads."""
        files = [self.zipar] + [a for flag, a in zip(args, args[1:], strict=False) if flag not in OUTPUTS and os.path.isfile(a)]
        return {"args": args, "files": {f: [os.stat(f).st_size, os.stat(f).st_mtime_ns] for f in files}}

    def run(self, name, args):
        """Runs zipar with these words and returns what it prints."""
        note, state = self.data / (name + ".run.json"), self.state(args)
        written = [a.replace("%03d", "001") for flag, a in zip(args, args[1:], strict=False) if flag in OUTPUTS]
        if note.exists() and all(map(os.path.exists, written)) and (old := json.loads(note.read_text()))["state"] == state:
            return old["output"]
        p = subprocess.run([self.zipar, *args], capture_output=True, text=True)
        if p.returncode != 0:
            raise Failed(f"{shlex.join(['zipar', *args])}\nended with code {p.returncode}: {p.stderr.strip()}")
        note.write_text(json.dumps({"state": state, "output": p.stdout}))
        return p.stdout

    def run_all(self, title, jobs):
        """Runs jobs, {name: words}, as many at a time as there are workers, and tells how far it is."""
        began, done = time.time(), 0
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(self.run, name, args) for name, args in jobs.items()]
            try:
                for f in futures:
                    f.result()
                    done += 1
                    if sys.stderr.isatty():
                        print(f"\r{title}: {done} of {len(jobs)} ", end="", file=sys.stderr, flush=True)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        end = "\r" if sys.stderr.isatty() else ""
        print(f"{end}{title}: {len(jobs)} runs in {time.time() - began:.0f} s", file=sys.stderr)

    def details(self, name):
        """The file of a job's --details."""
        return str(self.data / (name + ".jsonl"))


def shown(words):
    """A command as the page has it: files by their names alone."""
    return shlex.join(["zipar", *(os.path.basename(w) if os.sep in w else w for w in words)])


def read_details(file):
    with open(file) as f:
        return [json.loads(line) for line in f]

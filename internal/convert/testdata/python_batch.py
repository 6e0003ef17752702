"""Runs scripts/convert_llamagen.py many times in one process, for python_test.go: python python_batch.py SCRIPTS < JSON > JSON

In: a list of lists of arguments. Out: for each of them {"code": exit code, "stderr": text}.
"""

import contextlib
import io
import json
import sys

sys.path.insert(0, sys.argv[1])
import convert_llamagen  # noqa: E402


def run(arguments):
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        try:
            code = convert_llamagen.main(arguments)
        except SystemExit as e:  # of argparse
            code = e.code
    return {"code": code, "stderr": stderr.getvalue()}


json.dump([run(arguments) for arguments in json.load(sys.stdin)], sys.stdout)

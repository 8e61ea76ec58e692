#!/usr/bin/python3
"""The server against a client that was written from proto/README.md alone."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

import client  # noqa: E402
import nasty  # noqa: E402
from otk_test import Deployment, check, eventually, run  # noqa: E402


def every_rule_of_the_protocol_holds():
    # Neither command line nor installation: a certificate and the schema must be enough.
    with Deployment(start=False, installation=None) as otk:
        server = otk.servers[0].start()
        schema = client.Schema()

        def greets():
            if not server.running():
                raise AssertionError(f"the server ended: {server.log_text()[-2000:]}")
            try:
                with client.Connection(schema, "localhost", otk.ports[0], otk.pki):
                    return True
            except (OSError, client.Closed):
                return False

        eventually(greets, "the server greets", 15)
        passed, failures = nasty.run(schema, "localhost", otk.ports[0], otk.pki)
        for number in range(passed):
            check(True, f"rule {number}")
        check(not failures, "every rule holds", "\n".join(failures))


run()

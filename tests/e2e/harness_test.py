#!/usr/bin/python3
"""The test tools themselves: nothing is left behind, nothing passes without having run."""
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import ROOT, Cluster, check, check_equal, free_port, instant, micros, run, span  # noqa: E402
from runner import checks_in  # noqa: E402

HERE = Path(os.environ.get("OTKLIK_TEST_DIR", "."))


def _supervise(script, limit="20"):
    folder = tempfile.mkdtemp(dir=HERE)
    log = HERE / f"{time.monotonic_ns()}.out"
    done = subprocess.run([ROOT / "tests/lib/supervise.py", limit, folder, log, "bash", "-c", script],
                          env={**os.environ, "FOLDER": folder}, check=False)
    return done.returncode, folder, log.read_text()


def a_daemon_that_left_its_session_ends_with_its_test():
    code, folder, output = _supervise("setsid -f bash -c 'echo $$; exec sleep 617'; sleep 0.2; exit 0")
    check_equal(code, 0, "exit")
    check(not Path(folder).exists(), "its folder is removed")
    pid = output.split()[-1]
    check(not Path(f"/proc/{pid}").exists(), "the daemon is gone", pid)


def an_endless_test_is_ended():
    code, _, output = _supervise("sleep 600", "0.2")
    check_equal(code, 124, "exit")
    check("time limit" in output, "it says why")


def a_sanitizer_report_of_any_process_fails_the_test():
    code, _, output = _supervise('echo "heap-use-after-free" >"$FOLDER/sanitizer.7"; exit 0')
    check_equal(code, 1, "exit")
    check("heap-use-after-free" in output, "the report is shown")


def output_without_evidence_counts_as_not_run():
    for kind, output, expected in (
            ("unit", "", 0),
            ("unit", "[==========] 2 test(s) run.\n[  PASSED  ] 2 test(s).", 2),
            ("e2e", "all fine", 0),
            ("e2e", "12 checks passed", 12),
            ("conformance", "Ran 3 tests in 0.1s\n\nOK", 3),
            ("db", "1..2\nok 1 - a\nok 2 - b", 2),
            ("db", "1..2\nok 1 - a", 0),
            ("db", "1..2\nok 1 - a\nnot ok 2 - b", 0),
            ("acceptance", "141712 rows", 1),
            ("acceptance", "fine", 0)):
        check_equal(checks_in(kind, output), expected, f"{kind}: {output!r}")


def a_killed_cluster_recovers_and_keeps_what_it_acknowledged():
    cluster = Cluster(HERE / "pg")
    cluster.psql("CREATE TABLE t (a integer, b text)")
    cluster.psql("INSERT INTO t VALUES (1, E'Ю\\n'), (2, NULL)")
    cluster.kill()
    cluster.start()
    check_equal(cluster.rows("SELECT * FROM t ORDER BY a"), [["1", "Ю\n"], ["2", None]], "rows")
    check_equal(cluster.rows("SELECT 1 WHERE false"), [], "no rows")
    check_equal(cluster.value("SHOW listen_addresses"), "", "no network")
    check_equal(cluster.value("SHOW server_encoding"), "UTF8", "encoding")
    cluster.destroy()


def a_port_is_given_once():
    ports = [free_port() for _ in range(20)]
    check_equal(len(set(ports)), 20, "distinct")


def instants_and_spans_are_exact():
    check_equal(instant(micros("2026-03-02T09:00:00.000001Z")), "2026-03-02T09:00:00.000001Z", "instant")
    check_equal(micros("1970-01-01T03:00:00+03:00"), 0, "offset")
    check_equal(span("1h30m"), 5400 * 10**6, "span")


run()

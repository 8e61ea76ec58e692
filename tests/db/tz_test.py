#!/usr/bin/python3
"""Our time zones equal PostgreSQL's AT TIME ZONE, for every zone it knows, around every
transition from 1970 to 2100, in gaps, in overlaps and at samples between.
time-limit: 240
"""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from cluster import PSQL  # noqa: E402
from otk_test import ROOT, Cluster, check, check_equal, run  # noqa: E402

HERE = Path(os.environ.get("OTKLIK_TEST_DIR", "/tmp"))
PROBE = Path(os.environ.get("OTKLIK_BIN", ROOT / "build/dev/bin")).parent / "tests/tz_probe"

DIFFERENT = """
    WITH answer AS (
        SELECT probe.zone, is_local, question, ours,
               CASE WHEN is_local
                    THEN round(extract(epoch FROM (timestamp '1970-01-01'
                               + question * interval '1 microsecond') AT TIME ZONE name) * 1000000)
                    ELSE round(extract(epoch FROM (timestamptz '1970-01-01 00:00:00+00'
                               + question * interval '1 microsecond') AT TIME ZONE name) * 1000000)
               END::bigint AS theirs
          FROM probe JOIN names USING (zone)
    )
    SELECT zone, is_local, timestamp '1970-01-01' + question * interval '1 microsecond',
           (theirs - ours) / 1000000
      FROM answer WHERE ours <> theirs ORDER BY zone, question LIMIT 20
"""


def every_zone_of_postgresql_gives_the_same_times():
    cluster = Cluster(HERE / "pg")
    # posix/ repeats the same files; the two others are no zones but copies under other names.
    zones = cluster.psql("SELECT name FROM pg_timezone_names WHERE name NOT LIKE 'posix/%' "
                         "AND name NOT IN ('localtime', 'posixrules') ORDER BY name")
    check(len(zones.splitlines()) > 500, "PostgreSQL knows hundreds of zones")
    probes = HERE / "probes"
    with open(probes, "w") as out:
        subprocess.run([PROBE], input=zones, text=True, stdout=out, check=True)
    cluster.psql("CREATE UNLOGGED TABLE probe "
                 "(zone text, is_local boolean, question bigint, ours bigint)")
    with open(probes) as lines:
        subprocess.run([PSQL, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", "COPY probe FROM STDIN"],
                       env=cluster.environment(), stdin=lines, check=True)
    # CET, EST and others are abbreviations to PostgreSQL before they are zones, with a fixed
    # offset; by their second name they are the zone.
    cluster.psql("CREATE TABLE names AS SELECT DISTINCT zone, CASE WHEN upper(zone) IN "
                 "(SELECT abbrev FROM pg_timezone_abbrevs) THEN 'posix/' || zone ELSE zone END "
                 "AS name FROM probe")
    count = int(cluster.psql("SELECT count(*) FROM probe"))
    check(count > 500_000, "there are probes around every transition", count)
    check_equal(cluster.psql(DIFFERENT), "", "times that differ from PostgreSQL's")
    print(f"{len(zones.splitlines())} zones, {count} times equal to PostgreSQL's")


run()

#!/usr/bin/python3
"""desk_save between sessions: equal keys, one ticket, and batches that cross."""
import os
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from cluster import Cluster  # noqa: E402

SETUP = """
INSERT INTO customer (customer_id, code, name, zone) VALUES (1, 'acme', 'Acme', 'UTC');
-- n tickets in a call, by number and key; the same arrays for all that does not matter here.
CREATE FUNCTION save(tickets bigint[], loaded bigint, keys integer[]) RETURNS text
LANGUAGE sql AS $$
	SELECT string_agg(d.outcome::text, ' ')
	FROM (SELECT cardinality(tickets) AS n) c, installation i, desk_save(
		item_customer => array_fill(1, ARRAY[n]), item_ticket => tickets,
		item_loaded => array_fill(loaded, ARRAY[n]), item_epoch => array_fill(i.epoch, ARRAY[n]),
		item_principal => ARRAY(SELECT NULL::integer FROM unnest(tickets)),
		item_key => ARRAY(SELECT lpad(k::text, 32, '0')::uuid FROM unnest(keys) k),
		item_hash => array_fill('\\x01'::bytea, ARRAY[n]),
		ticket_version => array_fill(loaded + 1, ARRAY[n]),
		ticket_type => array_fill(1::smallint, ARRAY[n]),
		ticket_state => array_fill(1::smallint, ARRAY[n]),
		ticket_impact => array_fill(1::smallint, ARRAY[n]),
		ticket_urgency => array_fill(1::smallint, ARRAY[n]),
		ticket_priority => array_fill(1::smallint, ARRAY[n]),
		ticket_flags => array_fill(0::smallint, ARRAY[n]),
		ticket_title => array_fill('x'::text, ARRAY[n]),
		ticket_zone => array_fill('UTC'::text, ARRAY[n]),
		ticket_created => array_fill(now(), ARRAY[n]), ticket_updated => array_fill(now(), ARRAY[n]),
		event_item => ARRAY(SELECT g::integer FROM generate_series(1, n) g),
		event_seq => array_fill(loaded + 1, ARRAY[n]),
		event_kind => array_fill(1::smallint, ARRAY[n]),
		event_side => array_fill(1::smallint, ARRAY[n]), event_public => array_fill(true, ARRAY[n]),
		event_occurred => array_fill(now(), ARRAY[n]), event_recorded => array_fill(now(), ARRAY[n])) d
$$;
"""


def at_once(cluster, statements):
    """Runs each in a session of its own; what they printed, in order."""
    found = [None] * len(statements)

    def one(place, text):
        found[place] = cluster.psql(text).strip().split("\n")[-1]

    threads = [threading.Thread(target=one, args=item) for item in enumerate(statements)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main(folder):
    passed = 0

    def check(found, expected, what):
        nonlocal passed
        if found != expected:
            sys.exit(f"{what}: found {found}, expected {expected}")
        print(f"ok {what}")
        passed += 1

    cluster = Cluster(Path(folder) / "pg")
    cluster.migrate()
    cluster.psql("SET check_function_bodies = off;" + SETUP.replace(
        "item_principal => ARRAY(SELECT NULL::integer FROM unnest(tickets))",
        "item_principal => array_fill(1, ARRAY[n])"))
    cluster.psql("INSERT INTO principal (principal_id, kind, customer_id, code, name) "
                 "VALUES (1, 1, 0, 'eva', 'Eva') ON CONFLICT (principal_id) DO NOTHING; "
                 "INSERT INTO principal_grant VALUES (1, 2, 0) ON CONFLICT DO NOTHING")

    slow = "BEGIN; SELECT save('{%s}', %d, '{%s}'); SELECT pg_sleep(1); COMMIT"
    cluster.psql("SELECT save('{100}', 0, '{100}')")
    found = at_once(cluster, [slow % ("1", 0, "7"),
                              "SELECT pg_sleep(0.4); SELECT save('{2}', 0, '{7}')"])
    check(found[1], "1", "the second with a key waits for the first and is its duplicate")
    found = at_once(cluster, ["BEGIN; SELECT save('{3}', 0, '{8}'); SELECT pg_sleep(1); ROLLBACK",
                              "SELECT pg_sleep(0.4); SELECT save('{4}', 0, '{8}')"])
    check(found[1], "0", "when the first is rolled back the second does it")
    found = at_once(cluster, [slow % ("100", 1, "9"),
                              "SELECT pg_sleep(0.4); SELECT save('{100}', 1, '{9}')"])
    check(found[1], "1", "the same command twice at once: done once, the other is a duplicate")
    found = at_once(cluster, [slow % ("100", 2, "10"),
                              "SELECT pg_sleep(0.4); SELECT save('{100}', 2, '{11}')"])
    check(found[1], "3", "two commands on one version: the second is a conflict")

    # Tickets and keys of many batches cross in every order: waiting, never a deadlock.
    cluster.psql("SELECT save(ARRAY(SELECT generate_series(200, 231)), 0, "
                 "ARRAY(SELECT generate_series(200, 231)))")
    forth = "SELECT save(ARRAY(SELECT generate_series(200, 231)), {0}, ARRAY(SELECT generate_series({1}, {2})))"
    back = ("SELECT save(ARRAY(SELECT generate_series(231, 200, -1)), {0}, "
            "ARRAY(SELECT generate_series({2}, {1}, -1)))")
    for version in range(1, 6):
        low = 1000 * version
        found = at_once(cluster, [text.format(version, low, low + 31) for text in (forth, back) * 3])
        total = " ".join(found).split()
        check((total.count("0"), set(total) <= {"0", "1", "3"}), (32, True),
              f"six batches cross at version {version}: each ticket is changed once")
    check(cluster.value("SELECT count(*) FROM ticket t WHERE version <> (SELECT count(*) FROM event e "
                        "WHERE e.ticket_id = t.ticket_id)"), "0", "every version has its entry")
    cluster.destroy()
    print(f"{passed} checks passed")


if "OTKLIK_TEST_DIR" in os.environ:
    main(os.environ["OTKLIK_TEST_DIR"])
else:
    with tempfile.TemporaryDirectory(prefix="otk-", dir="/tmp") as made:
        os.chmod(made, 0o711)
        main(made)

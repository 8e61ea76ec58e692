"""Many tickets fast: copies of one that the server made, moved in time.

A copy is the template row for row (ticket, journal, clocks, timer) under another number and with
every instant shifted, so it is what the server would have stored had it been filed then."""

TABLES = ("ticket", "event", "sla_clock", "timer")


def _columns(otk, table):
    """(names, expressions) of a copy: instants (also in arrays) shifted, the number replaced."""
    names, values = [], []
    for name, kind in otk.rows(f"""SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
            WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""):
        if name == "xid":
            continue  # of the transaction that copies
        names.append(name)
        if name == "ticket_id":
            values.append("n.id")
        elif kind == "timestamp with time zone":
            values.append(f"x.{name} + n.shift")
        elif kind == "timestamp with time zone[]":
            values.append(f"(SELECT coalesce(array_agg(u.v + n.shift ORDER BY u.o), '{{}}') "
                          f"FROM unnest(x.{name}) WITH ORDINALITY AS u(v, o))")
        else:
            values.append(f"x.{name}")
    return ", ".join(names), ", ".join(values)


def copies(otk, template, first, count, shift="interval '0'"):
    """Makes tickets first … first + count − 1 as copies of `template`. `shift` is an SQL
    expression of the copy's place i from 0: by how much it lies later."""
    for table in TABLES:
        names, values = _columns(otk, table)
        otk.psql(f"""SET synchronous_commit = off; SET row_security = off;
            INSERT INTO {table} ({names}) SELECT {values} FROM {table} x,
                (SELECT {first} + i AS id, {shift} AS shift FROM generate_series(0, {count} - 1) i) n
            WHERE x.ticket_id = {template}""")


def caught_up(otk):
    """Whether the feed, the rollups and the notices have taken all of the journal."""
    return otk.value("""SELECT NOT EXISTS (SELECT FROM event e WHERE e.xid >= pg_snapshot_xmax(s.snapshot)
            OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(s.snapshot))))
        AND (SELECT rev FROM kpi_fold) = s.rev AND (SELECT rev FROM dispatch) = s.rev
        FROM feed_state s""") == "t"

-- Time zones as they were: a change of the IANA database is an edit of every calendar in that zone.

SET LOCAL ROLE otklik_owner;

CREATE TABLE zone_edition (
	zone text NOT NULL CHECK (length(zone) <= 64),
	edition integer NOT NULL CHECK (edition >= 1),
	from_at timestamptz NOT NULL, -- when it was first seen
	version text NOT NULL, -- of the IANA database, such as 2026a; '': not told
	data bytea NOT NULL CHECK (length(data) BETWEEN 1 AND 262144), -- its TZif file (RFC 8536)
	PRIMARY KEY (zone, edition)
);
COMMENT ON TABLE zone_edition IS
	'class: reference. The time zones that calendars are in, as they were; only added to.';
GRANT SELECT, INSERT ON zone_edition TO otklik_app;
GRANT SELECT ON zone_edition TO otklik_batch;

ALTER TABLE calendar_edition ADD COLUMN zone_edition integer;
COMMENT ON COLUMN calendar_edition.zone_edition IS
	'The zone as it was; NULL: the first that is known of it.';

RESET ROLE;

-- Names of holidays and special working days; who was on call in the past, and duties swapped.

SET LOCAL ROLE otklik_owner;

ALTER TABLE calendar_edition ADD COLUMN names text NOT NULL DEFAULT '';
COMMENT ON COLUMN calendar_edition.names IS
	'Names of its days and rules, an entry a line: server/core/calendar_plan.h';

CREATE TABLE oncall_rota_edition (
	rota_id integer NOT NULL REFERENCES oncall_rota,
	edition integer NOT NULL,
	from_at timestamptz NOT NULL, -- acts from here on, up to the next one
	retired boolean NOT NULL,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	zone text NOT NULL,
	people integer[] NOT NULL,
	period text NOT NULL,
	hand_over text NOT NULL,
	start text NOT NULL,
	coverage text NOT NULL,
	PRIMARY KEY (rota_id, edition)
);
COMMENT ON TABLE oncall_rota_edition IS
	'class: reference. What each rota said from when on; never changed, only added to.';
GRANT SELECT, INSERT ON oncall_rota_edition TO otklik_app;
GRANT SELECT ON oncall_rota_edition TO otklik_batch;

-- Nobody knows any more what they said before.
INSERT INTO oncall_rota_edition
	SELECT rota_id, 1, '-infinity', retired, team_id, layer, zone, people, period, hand_over, start,
		coverage FROM oncall_rota;

-- A swap makes several under one key.
ALTER TABLE oncall_override
	ADD COLUMN part smallint NOT NULL DEFAULT 1,
	ADD COLUMN in_place_of integer REFERENCES principal, -- whose duty it was in a swap
	ADD COLUMN over boolean NOT NULL DEFAULT false, -- servers know it no more
	DROP CONSTRAINT oncall_override_made_by_key_key,
	ADD UNIQUE (made_by, key, part);
COMMENT ON COLUMN oncall_override.over IS
	'It ended before another was made, so that what servers hold does not grow for ever.';
UPDATE oncall_override SET over = true WHERE least(to_at, withdrawn_at) < now() - interval '1 day';
CREATE INDEX oncall_override_ahead ON oncall_override (override_id) WHERE NOT over;
CREATE INDEX oncall_override_by_time ON oncall_override (to_at);

RESET ROLE;

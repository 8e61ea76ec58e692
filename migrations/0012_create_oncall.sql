-- On-call: rotas as declared, and who takes whose duty over.

SET LOCAL ROLE otklik_owner;

-- Texts as they are declared; core/rota reads them.
CREATE TABLE oncall_rota (
	rota_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	code text NOT NULL UNIQUE,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	zone text NOT NULL,
	people integer[] NOT NULL, -- principals, in order
	period text NOT NULL,
	hand_over text NOT NULL,
	start text NOT NULL,
	coverage text NOT NULL,
	retired boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE oncall_rota IS 'class: reference. Who is on call for a team, in turns.';

CREATE TABLE oncall_override (
	override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	person_id integer NOT NULL REFERENCES principal,
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL CHECK (to_at > from_at),
	reason text NOT NULL,
	made_by integer NOT NULL REFERENCES principal,
	made_at timestamptz NOT NULL,
	key uuid NOT NULL,
	hash bytea NOT NULL,
	withdrawn_by integer REFERENCES principal,
	withdrawn_at timestamptz, -- it held until then, or not at all
	UNIQUE (made_by, key)
);
COMMENT ON TABLE oncall_override IS
	'class: reference. Duties that somebody else takes over for a while.';

GRANT SELECT, INSERT, UPDATE ON oncall_rota, oncall_override TO otklik_app;
GRANT SELECT ON oncall_rota, oncall_override TO otklik_batch;

RESET ROLE;

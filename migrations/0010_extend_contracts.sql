-- What a contract says beyond its targets: until when it holds, whose acknowledgement stops the
-- ladder, what it costs and what is given back, the teams that operational targets bind.

SET LOCAL ROLE otklik_owner;

-- Kept by a file of its own: a declaration of the installation that does not name it leaves it.
ALTER TABLE contract ADD COLUMN separate boolean NOT NULL DEFAULT false;

ALTER TABLE contract_version
	ADD COLUMN valid_until timestamptz, -- takes no new tickets from here on; NULL: no end
	ADD COLUMN ack_stops smallint NOT NULL DEFAULT 0, -- bits 1 << clock
	ADD COLUMN fee bigint NOT NULL DEFAULT 0, -- in the currency's smallest unit, a period
	ADD COLUMN currency text NOT NULL DEFAULT '', -- ISO 4217; '': no fee is written
	ADD COLUMN period smallint NOT NULL DEFAULT 0 CHECK (period IN (0, 1, 3, 12)), -- months
	ADD COLUMN credit_cap smallint NOT NULL DEFAULT 10000 -- of the fee, in 1/10000
		CHECK (credit_cap BETWEEN 1 AND 10000),
	ADD COLUMN applied_by integer REFERENCES principal, -- NULL: before this was kept
	ADD COLUMN epoch bigint; -- of the change that made it; NULL likewise

ALTER TABLE contract_target ADD COLUMN team_id integer REFERENCES team; -- NULL: any

CREATE TABLE contract_credit (
	contract_version_id integer NOT NULL REFERENCES contract_version,
	position smallint NOT NULL,
	type smallint NOT NULL, -- 0: any
	priority smallint NOT NULL, -- 0: any
	service_id integer REFERENCES service, -- NULL: any
	clock smallint NOT NULL CHECK (clock IN (1, 2, 3)),
	below smallint NOT NULL CHECK (below BETWEEN 1 AND 10000), -- compliance, in 1/10000
	credit smallint NOT NULL CHECK (credit BETWEEN 1 AND 10000), -- of the fee, in 1/10000
	PRIMARY KEY (contract_version_id, position)
);
COMMENT ON TABLE contract_credit IS
	'class: reference. What a contract version gives back for months below a compliance.';
GRANT SELECT ON contract_credit TO otklik_app, otklik_batch;
GRANT INSERT ON contract_credit TO otklik_app;

-- Open tickets by what they are pinned to: for their count, and for applying another version.
CREATE INDEX ticket_open_by_contract ON ticket (contract_version_id, ticket_id) WHERE state < 5;

RESET ROLE;

-- Mail intake: how the installation takes mail, which messages were taken, and the files that
-- hang on tickets, stored once a customer by the hash of their content.

SET LOCAL ROLE otklik_owner;

ALTER TABLE principal_grant DROP CONSTRAINT principal_grant_role_check,
	ADD CONSTRAINT principal_grant_role_check CHECK (role BETWEEN 1 AND 7);
CREATE INDEX principal_by_email ON principal (lower(email)) WHERE email <> '';

CREATE TABLE mail_policy (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	address text NOT NULL, -- to which people write
	unknown text NOT NULL, -- refuse, queue, "customer CODE"
	unknown_reply text NOT NULL, -- note, refuse
	authserv_id text NOT NULL, -- whose Authentication-Results are believed; '': nobody's
	unverified text NOT NULL -- accept, refuse
);
COMMENT ON TABLE mail_policy IS 'class: reference. How mail becomes tickets; no row: it does not.';
GRANT SELECT, INSERT, UPDATE, DELETE ON mail_policy TO otklik_app;

CREATE SEQUENCE mail_number AS bigint;
COMMENT ON SEQUENCE mail_number IS 'Numbers of messages taken.';

CREATE TABLE mail_message (
	customer_id integer NOT NULL, -- 0: whose it is was not known
	hash bytea NOT NULL, -- SHA-256 of its Message-ID and content: a repetition is known by it
	mail_id bigint NOT NULL DEFAULT nextval('mail_number'),
	id_hash bytea, -- SHA-256 of its Message-ID: an answer to it joins its ticket
	outcome smallint NOT NULL, -- enum MailOutcome
	ticket_id bigint,
	received_at timestamptz NOT NULL,
	-- Of what is on no ticket; erasable.
	sender text,
	subject text,
	why text,
	PRIMARY KEY (customer_id, hash)
);
COMMENT ON TABLE mail_message IS 'class: tenant. Messages taken, each once.';
CREATE INDEX mail_message_by_id ON mail_message (customer_id, id_hash);
CREATE INDEX mail_message_by_number ON mail_message (mail_id) WHERE outcome = 4;

CREATE TABLE attachment_content (
	customer_id integer NOT NULL,
	hash bytea NOT NULL, -- SHA-256 of the whole
	size bigint NOT NULL,
	complete boolean NOT NULL DEFAULT false, -- all pieces are there and the hash is right
	linked boolean NOT NULL DEFAULT false, -- hangs on a ticket; else it goes after a while
	touched_at timestamptz NOT NULL,
	PRIMARY KEY (customer_id, hash)
);
COMMENT ON TABLE attachment_content IS 'class: tenant. Files, once a customer by their content.';
CREATE INDEX attachment_content_loose ON attachment_content (touched_at) WHERE NOT linked;

CREATE TABLE attachment_piece (
	customer_id integer NOT NULL,
	hash bytea NOT NULL,
	nr integer NOT NULL,
	data bytea NOT NULL, -- 262144 bytes, the last one fewer
	PRIMARY KEY (customer_id, hash, nr)
);
COMMENT ON TABLE attachment_piece IS 'class: tenant. The bytes of files, in pieces.';

CREATE TABLE attachment (
	customer_id integer NOT NULL,
	ticket_id bigint NOT NULL,
	seq bigint NOT NULL, -- its journal entry
	hash bytea NOT NULL,
	kind smallint NOT NULL,
	name text NOT NULL,
	media_type text NOT NULL,
	size bigint NOT NULL,
	is_public boolean NOT NULL,
	actor_id integer,
	attached_at timestamptz NOT NULL,
	PRIMARY KEY (customer_id, ticket_id, seq)
);
COMMENT ON TABLE attachment IS 'class: tenant. Which file hangs on which ticket, under which name.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['mail_message', 'attachment_content', 'attachment_piece', 'attachment']
	LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY scope ON %I TO otklik_app USING ((SELECT otklik_scope_all())'
			' OR customer_id = ANY ((SELECT otklik_scope())::integer[]))', t);
	END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON mail_message TO otklik_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON attachment_content, attachment_piece TO otklik_app;
GRANT SELECT, INSERT ON attachment TO otklik_app;
GRANT USAGE ON SEQUENCE mail_number TO otklik_app;

-- Stores a piece of a file. 0: stored, more are missing; 1: the file is whole; 2: the pieces do
-- not give the hash, all are dropped; 3: too much is loose already.
CREATE FUNCTION attachment_put(customer integer, whole bytea, total bigint, piece_nr integer,
	piece bytea, now_at timestamptz, loose_most bigint) RETURNS smallint
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	stored attachment_content;
	have bigint;
	good boolean;
BEGIN
	IF piece_nr = 0 AND total + coalesce((SELECT sum(c.size) FROM attachment_content c
			WHERE c.customer_id = customer AND NOT c.linked AND c.hash <> whole), 0) > loose_most
	THEN
		RETURN 3;
	END IF;
	INSERT INTO attachment_content AS c (customer_id, hash, size, touched_at)
		VALUES (customer, whole, total, now_at)
		ON CONFLICT (customer_id, hash) DO UPDATE SET touched_at = excluded.touched_at
		RETURNING c.* INTO stored;
	IF stored.complete THEN
		RETURN 1;
	END IF;
	INSERT INTO attachment_piece AS p (customer_id, hash, nr, data)
		VALUES (customer, whole, piece_nr, piece)
		ON CONFLICT (customer_id, hash, nr) DO UPDATE SET data = excluded.data;
	SELECT sum(octet_length(p.data)) INTO have FROM attachment_piece p
		WHERE p.customer_id = customer AND p.hash = whole;
	IF have < stored.size THEN
		RETURN 0;
	END IF;
	SELECT have = stored.size AND sha256(string_agg(p.data, '' ORDER BY p.nr)) = whole INTO good
		FROM attachment_piece p WHERE p.customer_id = customer AND p.hash = whole;
	IF good THEN
		UPDATE attachment_content c SET complete = true
			WHERE c.customer_id = customer AND c.hash = whole;
		RETURN 1;
	END IF;
	DELETE FROM attachment_piece p WHERE p.customer_id = customer AND p.hash = whole;
	DELETE FROM attachment_content c WHERE c.customer_id = customer AND c.hash = whole;
	RETURN 2;
END
$$;
COMMENT ON FUNCTION attachment_put IS 'Stores a piece of a file; the last one judges its hash.';

-- Hangs files on a ticket, in the transaction that journals them. Fails where the content of one
-- is not there any more.
CREATE FUNCTION attachment_link(customer integer, ticket bigint, actor integer,
	now_at timestamptz, a_seq bigint[], a_hash bytea[], a_kind smallint[], a_name text[],
	a_type text[], a_public boolean[]) RETURNS void
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	linked_count integer;
BEGIN
	PERFORM FROM attachment_content c
		WHERE c.customer_id = customer AND c.hash = ANY (a_hash) ORDER BY c.hash FOR UPDATE;
	UPDATE attachment_content c SET linked = true
		WHERE c.customer_id = customer AND c.hash = ANY (a_hash) AND c.complete AND NOT c.linked;
	INSERT INTO attachment (customer_id, ticket_id, seq, hash, kind, name, media_type, size,
			is_public, actor_id, attached_at)
		SELECT customer, ticket, x.seq, x.hash, x.kind, x.name, x.type, c.size, x.public, actor,
				now_at
			FROM unnest(a_seq, a_hash, a_kind, a_name, a_type, a_public)
				AS x(seq, hash, kind, name, type, public)
			JOIN attachment_content c ON c.customer_id = customer AND c.hash = x.hash
				AND c.complete;
	GET DIAGNOSTICS linked_count = ROW_COUNT;
	IF linked_count <> cardinality(a_seq) THEN
		RAISE EXCEPTION 'the content of an attachment is not there any more; put it again'
			USING ERRCODE = 'OT010', DETAIL = 'CONTENT_GONE';
	END IF;
END
$$;
COMMENT ON FUNCTION attachment_link IS 'Hangs stored files on a ticket, or fails.';

-- Drops at most row_limit files that hang nowhere and were last touched before `before`.
CREATE FUNCTION attachment_expire(before timestamptz, row_limit integer) RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	old record;
	dropped integer := 0;
BEGIN
	FOR old IN SELECT c.customer_id, c.hash FROM attachment_content c
		WHERE NOT c.linked AND c.touched_at < before
		ORDER BY c.touched_at LIMIT row_limit FOR UPDATE SKIP LOCKED
	LOOP
		DELETE FROM attachment_piece p
			WHERE p.customer_id = old.customer_id AND p.hash = old.hash;
		DELETE FROM attachment_content c
			WHERE c.customer_id = old.customer_id AND c.hash = old.hash;
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION attachment_expire IS 'Drops content that was put and never attached.';

REVOKE ALL ON FUNCTION attachment_put, attachment_link, attachment_expire FROM PUBLIC;
GRANT EXECUTE ON FUNCTION attachment_put, attachment_link, attachment_expire TO otklik_app;

RESET ROLE;

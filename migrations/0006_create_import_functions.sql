-- Import of observed history: who and what its names mean, and which cases are taken.

SET LOCAL ROLE otklik_owner;

-- What the names of imported cases mean: an id for each, in their order. What does not exist is
-- made: teams and sites marked as imported, people as placeholders, who may not connect.
--
-- name_kind: 1 team, 2 site, 3 person of the customer, 4 person of the provider. A name is
-- found under its slug, be it a declared thing or one made of the very same name; where another
-- name had the slug first, under `hashed`. A person's own code means the person.
--
-- What is only added makes no earlier decision wrong: the epoch stays, `additions` grows.
CREATE FUNCTION import_names(customer integer, name_kind smallint[], given text[],
	slug text[], hashed text[]) RETURNS TABLE (id integer)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	ids integer[];
	missing integer;
	zone_of text;
BEGIN
	SELECT c.zone INTO STRICT zone_of FROM customer c WHERE c.customer_id = customer;
	FOR round IN 1..3 LOOP
		SELECT array_agg(CASE n.kind
				WHEN 1 THEN (SELECT t.team_id FROM team t WHERE t.code IN (n.slug, n.hashed)
					AND (t.code = n.hashed OR NOT t.imported OR t.name = n.given)
					ORDER BY t.code = n.hashed DESC LIMIT 1)
				WHEN 2 THEN (SELECT s.site_id FROM site s WHERE s.customer_id = customer
					AND s.code IN (n.slug, n.hashed)
					AND (s.code = n.hashed OR NOT s.imported OR s.name = n.given)
					ORDER BY s.code = n.hashed DESC LIMIT 1)
				ELSE (SELECT p.principal_id FROM principal p
					WHERE p.code IN (n.given, n.slug, n.hashed)
					AND (p.kind = 1 AND p.code = n.given AND p.customer_id IN (0, customer)
						OR p.kind = 3 AND p.code = n.hashed
						OR p.kind = 3 AND p.code = n.slug AND p.name = n.given
							AND p.customer_id = CASE n.kind WHEN 3 THEN customer ELSE 0 END)
					ORDER BY p.kind, p.code = n.hashed DESC LIMIT 1)
				END ORDER BY n.i)
			INTO ids
			FROM unnest(name_kind, given, slug, hashed) WITH ORDINALITY
				AS n(kind, given, slug, hashed, i);
		SELECT count(*) INTO missing FROM unnest(ids) x WHERE x IS NULL;
		EXIT WHEN missing = 0;
		-- First round: under the slug; second: under the code that nobody else can have.
		INSERT INTO team (code, name, imported)
			SELECT DISTINCT ON (code) CASE round WHEN 1 THEN n.slug ELSE n.hashed END AS code,
					n.given, true
				FROM unnest(name_kind, given, slug, hashed, ids) AS n(kind, given, slug, hashed, id)
				WHERE n.kind = 1 AND n.id IS NULL ORDER BY code, n.given
			ON CONFLICT DO NOTHING;
		INSERT INTO site (customer_id, code, name, zone, imported)
			SELECT DISTINCT ON (code) customer,
					CASE round WHEN 1 THEN n.slug ELSE n.hashed END AS code, n.given, zone_of, true
				FROM unnest(name_kind, given, slug, hashed, ids) AS n(kind, given, slug, hashed, id)
				WHERE n.kind = 2 AND n.id IS NULL ORDER BY code, n.given
			ON CONFLICT DO NOTHING;
		INSERT INTO principal (kind, customer_id, code, name)
			SELECT DISTINCT ON (code) 3, CASE n.kind WHEN 3 THEN customer ELSE 0 END,
					CASE round WHEN 1 THEN n.slug ELSE n.hashed END AS code, n.given
				FROM unnest(name_kind, given, slug, hashed, ids) AS n(kind, given, slug, hashed, id)
				WHERE n.kind > 2 AND n.id IS NULL ORDER BY code, n.given, n.kind
			ON CONFLICT DO NOTHING;
		IF round = 1 THEN
			UPDATE installation SET additions = additions + 1;
		END IF;
	END LOOP;
	RETURN QUERY SELECT coalesce(x, 0) FROM unnest(ids) WITH ORDINALITY AS u(x, i) ORDER BY i;
END
$$;

REVOKE ALL ON FUNCTION import_names FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_names TO otklik_app;

RESET ROLE;
SET LOCAL ROLE otklik_batch;

-- Takes cases in the transaction that saves their tickets: ABORTED, IMPORT_CONFLICT when one was
-- taken before, so that no case has two tickets.
CREATE FUNCTION import_claim(customer integer, source text, refs text[], tickets bigint[],
	hashes bytea[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
	taken bigint;
BEGIN
	IF NOT otklik_scope_all() AND NOT customer = ANY (otklik_scope()) THEN
		RAISE EXCEPTION 'cases of customer % are out of scope', customer
			USING ERRCODE = 'OT007', DETAIL = 'NOT_PERMITTED';
	END IF;
	-- In one order, or two imports of the same cases would wait for each other.
	INSERT INTO import_case (customer_id, source, ref, ticket_id, hash)
		SELECT customer, import_claim.source, c.ref, c.ticket, c.hash
			FROM unnest(refs, tickets, hashes) AS c(ref, ticket, hash) ORDER BY c.ref
		ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS taken = ROW_COUNT;
	IF taken <> cardinality(refs) THEN
		RAISE EXCEPTION 'a case was imported meanwhile; try again'
			USING ERRCODE = 'OT010', DETAIL = 'IMPORT_CONFLICT';
	END IF;
END
$$;

REVOKE ALL ON FUNCTION import_claim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_claim TO otklik_app;

RESET ROLE;

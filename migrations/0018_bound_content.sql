-- Content that hangs nowhere is bounded whichever piece of it comes first, and every piece says
-- the same size; a message, and the letter it answers, are found by an index.

SET LOCAL ROLE otklik_owner;

-- As before (0014), and: a file that is not known yet needs room whichever its first piece is,
-- a small one counts as 64 KiB, so that rows are bounded too, and a piece of a file of another
-- size is wrong: pieces would not lie where they are read.
CREATE OR REPLACE FUNCTION attachment_put(customer integer, whole bytea, total bigint,
	piece_nr integer, piece bytea, now_at timestamptz, loose_most bigint) RETURNS smallint
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	stored attachment_content;
	have bigint;
	good boolean;
BEGIN
	IF NOT EXISTS (SELECT FROM attachment_content c
			WHERE c.customer_id = customer AND c.hash = whole)
		AND total + coalesce((SELECT sum(greatest(c.size, 65536)) FROM attachment_content c
			WHERE c.customer_id = customer AND NOT c.linked), 0) > loose_most
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
	IF stored.size = total THEN
		INSERT INTO attachment_piece AS p (customer_id, hash, nr, data)
			VALUES (customer, whole, piece_nr, piece)
			ON CONFLICT (customer_id, hash, nr) DO UPDATE SET data = excluded.data;
		SELECT sum(octet_length(p.data)) INTO have FROM attachment_piece p
			WHERE p.customer_id = customer AND p.hash = whole;
		IF have < stored.size THEN
			RETURN 0;
		END IF;
		SELECT have = stored.size AND sha256(string_agg(p.data, '' ORDER BY p.nr)) = whole
			INTO good
			FROM attachment_piece p WHERE p.customer_id = customer AND p.hash = whole;
		IF good THEN
			UPDATE attachment_content c SET complete = true
				WHERE c.customer_id = customer AND c.hash = whole;
			RETURN 1;
		END IF;
	END IF;
	DELETE FROM attachment_piece p WHERE p.customer_id = customer AND p.hash = whole;
	DELETE FROM attachment_content c WHERE c.customer_id = customer AND c.hash = whole;
	RETURN 2;
END
$$;

-- Whose it is, is not known when a message is looked for.
CREATE INDEX mail_message_by_hash ON mail_message (hash);

-- Of sent letters too: an answer or a bounce names one.
DROP INDEX outbox_by_batch;
CREATE INDEX outbox_by_batch ON outbox (batch) WHERE batch IS NOT NULL;

RESET ROLE;

-- How often promises were kept for tickets like one: the newest of a type and priority, also of
-- one service or team, or of one customer for who may not see all. Partial: only tickets that were ever promised a date are in them.

SET LOCAL ROLE otklik_owner;

CREATE INDEX ticket_promised_by_customer ON ticket (customer_id, type, promise_given_at)
	WHERE promise_first_at IS NOT NULL;
CREATE INDEX ticket_promised ON ticket (type, priority, promise_given_at)
	WHERE promise_first_at IS NOT NULL;
CREATE INDEX ticket_promised_by_service ON ticket (type, priority, service_id, promise_given_at)
	WHERE promise_first_at IS NOT NULL;
CREATE INDEX ticket_promised_by_team ON ticket (type, priority, team_id, promise_given_at)
	WHERE promise_first_at IS NOT NULL;

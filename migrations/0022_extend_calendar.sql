-- Calendars: names of holidays and special working days.

SET LOCAL ROLE otklik_owner;

ALTER TABLE calendar_edition ADD COLUMN names text NOT NULL DEFAULT '';
COMMENT ON COLUMN calendar_edition.names IS
	'Names of its days and rules, an entry a line: server/core/calendar_plan.h';

RESET ROLE;

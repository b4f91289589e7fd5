-- A limit asks for the n-th youngest event of a key. Numbered events are found by that number in an index, however large n
-- is; `OFFSET` read all of the younger ones.

-- The events of a key are numbered in the order in which they were counted. Numbers of deleted events are not filled up.
ALTER TABLE limits ADD COLUMN sequence BIGINT;

UPDATE limits SET sequence = numbered.sequence
FROM (SELECT ctid AS event, row_number() OVER (PARTITION BY key ORDER BY at_ms) AS sequence FROM limits) AS numbered
WHERE limits.ctid = numbered.event;

ALTER TABLE limits ALTER COLUMN sequence SET NOT NULL;
CREATE UNIQUE INDEX limits_sequence ON limits (key, sequence);
DROP INDEX limits_key;

-- Numbers are given by the table: so also a copy numbers what it writes, and a process of an earlier version, which is
-- about to be replaced, counts on. Whoever inserts holds the lock of the key, or is alone.
CREATE FUNCTION number_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sequence := coalesce((SELECT max(sequence) FROM limits WHERE key = NEW.key), 0) + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER limits_number BEFORE INSERT ON limits FOR EACH ROW EXECUTE FUNCTION number_limit();

-- Counts one event under each of `keys`, unless that would break a rule. Answers how many milliseconds remain until it
-- would break none; 0 if the events were counted.
--
-- A window says that at most `room` events of its key may happen in a span of time. Waits say how long after the last event
-- of its key the next one may come: `wait_rules` holds `wait_rule_count` of them for each of `wait_keys`, one for each
-- number of events within its span; the last rule holds for all greater numbers.
--
-- It is one function so that the locks are held for as short as possible: for no round trip.
CREATE FUNCTION charge_limits(
    keys text[], forget_at bigint[], now bigint,
    window_keys text[], window_rooms bigint[], window_spans bigint[],
    wait_keys text[], wait_spans bigint[], wait_rules bigint[], wait_rule_count bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    remaining bigint;
BEGIN
    -- All take them in one order, so that no two wait for each other. Two keys with the same hash share a lock, which costs
    -- a wait and no more.
    PERFORM pg_advisory_xact_lock(hash)
    FROM (SELECT DISTINCT hashtextextended(key, 0) AS hash FROM unnest(keys) AS key ORDER BY hash) AS hashes;

    -- Each statement of a function has a snapshot of its own (READ COMMITTED): these see all that was counted under the
    -- locks before. A window has no room if the event that must have left it, the room-th youngest, is still in it. An
    -- event further in the future than the span is no longer counted: a clock that was set back must not lock anybody out
    -- for longer than that.
    SELECT max(least(event_at + span - now, span)) INTO remaining
    FROM (
        SELECT asked.span, (
            SELECT at_ms FROM limits WHERE key = asked.key
            AND sequence = (SELECT max(sequence) FROM limits WHERE key = asked.key) - asked.room + 1
        ) AS event_at
        FROM unnest(window_keys, window_rooms, window_spans) AS asked (key, room, span)
    ) AS windows
    WHERE event_at > now - span AND event_at <= now + span;

    SELECT greatest(remaining, max(rule - abs(now - last_at))) INTO remaining
    FROM (
        SELECT wait_rules[(asked.nth - 1) * wait_rule_count + recent.events] AS rule, recent.last_at
        FROM unnest(wait_keys, wait_spans) WITH ORDINALITY AS asked (key, span, nth)
        CROSS JOIN LATERAL (
            SELECT count(*) AS events, max(at_ms) AS last_at
            FROM (SELECT at_ms FROM limits WHERE key = asked.key ORDER BY sequence DESC LIMIT wait_rule_count) AS youngest
            WHERE at_ms > now - asked.span
        ) AS recent
        WHERE recent.events > 0
    ) AS waits;

    IF remaining > 0 THEN
        RETURN remaining;
    END IF;
    -- Up to 16 events that no rule looks back to any more, so that they never pile up.
    DELETE FROM limits WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM limits WHERE forget_at_ms <= now ORDER BY forget_at_ms LIMIT 16 FOR UPDATE SKIP LOCKED
    ));
    INSERT INTO limits (key, at_ms, forget_at_ms)
    SELECT asked.key, now, asked.forget_at FROM unnest(keys, forget_at) AS asked (key, forget_at);
    RETURN 0;
END $$;

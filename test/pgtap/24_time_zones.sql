-- A timestamptz is a feature as local time in the time zone of the training session, wherever it is scored later.
SELECT plan(8);
SET client_min_messages = warning;

-- both changes of daylight saving time, before 1970 and far in the future
CREATE TABLE public.calls AS SELECT id, at, random() AS noise FROM (
	SELECT row_number() OVER () AS id, at FROM (
		SELECT generate_series(timestamptz '2024-03-30 00:00+00', '2024-04-02', '17 min') AS at
		UNION ALL SELECT generate_series(timestamptz '2024-10-25 00:00+00', '2024-10-29', '17 min')
		UNION ALL SELECT generate_series(timestamptz '1950-06-01 00:00+00', '1950-06-03', '13 min')
		UNION ALL SELECT generate_series(timestamptz '2150-06-01 00:00+00', '2150-06-03', '13 min')) t) s;

CREATE FUNCTION pg_temp.hours(zone text) RETURNS TABLE (worst float8, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
	local text := format('SELECT id, at AT TIME ZONE %L AS at, noise, (extract(hour FROM at AT TIME ZONE %L)::int * 7 %% 24)::float8 + noise / 100 AS y FROM calls', zone, zone);
	zoned text := format('SELECT id, at, noise, (extract(hour FROM at AT TIME ZONE %L)::int * 7 %% 24)::float8 + noise / 100 AS y FROM calls', zone);
BEGIN
	PERFORM set_config('TimeZone', zone, true);
	PERFORM mlops.train('local', local, target => 'y', key => 'id', algorithm => 'linear', split => '"none"', transform => '{"at": {"parts": ["hour"]}}');
	PERFORM mlops.train('zoned', zoned, target => 'y', key => 'id', algorithm => 'linear', split => '"none"', transform => '{"at": {"parts": ["hour"]}}');
	-- scored from a session of another time zone
	PERFORM set_config('TimeZone', 'Pacific/Auckland', true);
	RETURN QUERY EXECUTE format('SELECT max(abs(mlops.predict(''zoned/latest'', z) - mlops.predict(''local/latest'', l))), count(*) FROM (%s) z JOIN (%s) l USING (id)', zoned, local);
END $$;
SELECT ok(worst < 1e-9 AND rows > 1000, 'hours of local time: ' || zone) FROM unnest(ARRAY['Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'UTC', '<+0130>-01:30']) AS zone, LATERAL pg_temp.hours(zone);
SET TimeZone = 'Europe/Berlin';
SELECT is((SELECT count(DISTINCT mlops.training_digest(source)) FROM (VALUES ('SELECT id, noise FROM calls'), ('SELECT id, noise FROM calls ORDER BY at DESC')) s (source)), 1::bigint, 'the zone does not matter without times');
SELECT mlops.training_digest('SELECT id, at::date AS d FROM calls') AS berlin \gset
SET TimeZone = 'Asia/Kathmandu';
SELECT isnt(mlops.training_digest('SELECT id, at::date AS d FROM calls'), :'berlin', 'dates of another zone are other dates');

-- the roles of rows do not depend on the zone: an instant is hashed
SET TimeZone = 'UTC';
SELECT rows_test AS held FROM mlops.train('zoned', 'SELECT at, noise FROM calls', target => 'noise', algorithm => 'linear', transform => '{"at": {"parts": ["hour"]}}') \gset
SET TimeZone = 'Asia/Kathmandu';
SELECT is((SELECT value::bigint FROM mlops.evaluate('zoned/latest') WHERE metric = 'rows'), :held::bigint, 'held-out rows are found in any zone');

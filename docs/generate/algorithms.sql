-- docs/ALGORITHMS.md: algorithms and their parameters, from the tables that training validates against.
\pset format unaligned
\pset tuples_only on
SELECT '# Algorithms

Written by `make docs` from the tables that `mlops.train` validates against; a test compares. In SQL: `mlops.algorithms` and
`mlops.algorithm_parameters()`. A default of – is chosen from the data.
';
SELECT format(E'## %s\n\n%s Tasks: %s.\n\n%s\n', algorithm, summary, array_to_string(tasks, ', '),
	CASE WHEN count(parameter) = 0 THEN 'No parameters.' ELSE
	E'| parameter | type | default | range | also known as | meaning |\n| --- | --- | --- | --- | --- | --- |\n'
	|| string_agg(format('| `%s` | %s | %s | %s | %s | %s |', parameter, type, coalesce(default_value, '–'),
		CASE WHEN choices IS NOT NULL THEN array_to_string(choices, ', ')
			WHEN minimum IS NOT NULL THEN minimum || ' to ' || maximum ELSE '' END,
		coalesce(array_to_string(synonyms, ', '), ''), description), E'\n') END)
FROM mlops.algorithm_parameters() GROUP BY algorithm, summary, tasks ORDER BY algorithm COLLATE "C";

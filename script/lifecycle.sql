-- Prints docs/lifecycle.md from the view status_transition. In a database that has the
-- extension: psql -X -q -f script/lifecycle.sql > docs/lifecycle.md
WITH status AS (
	SELECT r.noun AS resource,
		e.enumlabel::text AS label, replace(e.enumlabel, ' ', '_') AS state, e.enumsortorder AS place
	FROM usage_mgmt.resources() r
	JOIN pg_attribute a ON a.attrelid = ('usage_mgmt.' || r.noun)::regclass AND a.attname = 'status'
	JOIN pg_enum e ON e.enumtypid = a.atttypid
), line AS (
	SELECT resource, 1 AS part, place, 0 AS next, format('state "%s" as %s', label, state) AS text
	FROM status WHERE state <> label
	UNION ALL
	SELECT resource, 2, place, 0, '[*] --> ' || state FROM status WHERE place = 1
	UNION ALL
	SELECT resource, 3, f.place, t.place, f.state || ' --> ' || t.state
	FROM usage_mgmt.status_transition m
	JOIN status f USING (resource) JOIN status t USING (resource)
	WHERE m.from_status = f.label AND m.to_status = t.label
	UNION ALL
	SELECT resource, 3, place, 100, state || ' --> [*]' FROM status s
	WHERE NOT EXISTS (SELECT FROM usage_mgmt.status_transition m
		WHERE m.resource = s.resource AND m.from_status = s.label)
), diagram AS (
	SELECT resource, format(E'## %s\n\n```mermaid\nstateDiagram-v2\n%s\n```',
		initcap(replace(resource, '_', ' ')),
		string_agg('    ' || text, E'\n' ORDER BY part, place, next)) AS text
	FROM line GROUP BY resource
)
SELECT E'# The life cycles\n\n'
	'Made by script/lifecycle.sql from the view `usage_mgmt.status_transition`; not to be\n'
	'edited. Keeping a status is no move and is always accepted; a move without an arrow\n'
	'is refused with UM001. The first arrow leads to the status of a new resource that\n'
	'names none; one that comes from another system may arrive in any status, but for a\n'
	'job, which is not started whatever it says.\n\n'
	|| string_agg(text, E'\n\n' ORDER BY resource) AS document
FROM diagram
\gset
\echo :document

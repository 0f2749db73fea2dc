-- Statuses and their life cycles

-- Enums, because their operators live in pg_catalog: status = 'rated' works
-- with any search_path and uses an index.
CREATE TYPE usage_mgmt.usage_status AS ENUM
	('received', 'rejected', 'recycled', 'guided', 'rated', 'rerated', 'billed');
COMMENT ON TYPE usage_mgmt.usage_status IS
'Status of a usage (TMF635: status). The legal moves are in the view status_transition.';

CREATE TYPE usage_mgmt.usage_specification_status AS ENUM
	('in study', 'in design', 'in test', 'rejected', 'active', 'launched', 'retired', 'obsolete');
COMMENT ON TYPE usage_mgmt.usage_specification_status IS
'Status of a usage specification (TMF635 R14.5: status, v4: lifecycleStatus) and of a service usage specification (TMF727: lifecycleStatus).';

CREATE TYPE usage_mgmt.service_usage_status AS ENUM ('generated', 'archived');
COMMENT ON TYPE usage_mgmt.service_usage_status IS
'Status of a service usage (TMF727: status).';

CREATE TYPE usage_mgmt.job_status AS ENUM ('not started', 'running', 'succeeded', 'failed');
COMMENT ON TYPE usage_mgmt.job_status IS
'Status of an import job and of an export job (TMF635: status; v4 writes Not Started and so on).';

CREATE FUNCTION usage_mgmt.status_transitions(
	OUT resource text, OUT from_status text, OUT to_status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_status_transitions'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.status_transitions() IS
'Every legal move of every life cycle; keeping a status is no move. The view status_transition reads it.';

CREATE VIEW usage_mgmt.status_transition AS
	SELECT resource, from_status, to_status FROM usage_mgmt.status_transitions();
COMMENT ON VIEW usage_mgmt.status_transition IS
'Every legal move of a status: resource is the noun of a resource. Any other move is refused with UM001.';
GRANT SELECT ON usage_mgmt.status_transition TO PUBLIC;

\echo Use "ALTER EXTENSION usage_mgmt UPDATE TO '0.2'" to load this file. \quit

COMMENT ON FUNCTION usage_mgmt.to_tmf(anyelement, text) IS
'A row of usage, of a partition of it, or of usage_specification as TMF JSON: SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u. Any other row type is 42804.';

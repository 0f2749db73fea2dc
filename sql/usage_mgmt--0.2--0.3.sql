\echo Use "ALTER EXTENSION usage_mgmt UPDATE TO '0.3'" to load this file. \quit

-- No SQL changes.

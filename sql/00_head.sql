\echo Use "CREATE EXTENSION usage_mgmt" to load this file. \quit

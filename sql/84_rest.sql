-- The schema that PostgREST exposes

CREATE SCHEMA usage_api;
COMMENT ON SCHEMA usage_api IS
'What is open to HTTP, by way of PostgREST: read() and write() for the URIs of TM Forum, views for clients of its own.';

CREATE DOMAIN usage_api."*/*" AS bytea;
COMMENT ON DOMAIN usage_api."*/*" IS
'The body of an answer, whose media type the answer itself tells. PostgREST goes by the name.';

CREATE FUNCTION usage_api.read() RETURNS usage_api."*/*"
AS 'MODULE_PATHNAME', 'um_gateway_read' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION usage_api.read() IS
'Answers GET, HEAD and OPTIONS of the URIs of TMF635 and TMF727. The request is the setting request.headers: x-um-method, x-um-uri and so on, as nginx sends them; status and headers of the answer are the settings response.status and response.headers. Raises nothing: an error is an answer.';
REVOKE EXECUTE ON FUNCTION usage_api.read() FROM PUBLIC;

CREATE FUNCTION usage_api.write(bytea) RETURNS usage_api."*/*"
AS 'MODULE_PATHNAME', 'um_gateway_write' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION usage_api.write(bytea) IS
'Answers POST, PUT, PATCH and DELETE, with the body as it came; else as read(). What fails leaves nothing.';
REVOKE EXECUTE ON FUNCTION usage_api.write(bytea) FROM PUBLIC;

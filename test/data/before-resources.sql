--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: usage_mgmt; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA usage_mgmt;


ALTER SCHEMA usage_mgmt OWNER TO postgres;

--
-- Name: usage_mgmt; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS usage_mgmt WITH SCHEMA usage_mgmt;


--
-- Name: EXTENSION usage_mgmt; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION usage_mgmt IS 'usage management after TM Forum TMF635: usages, specifications, life cycles, JSON';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: said; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.said (
    resource text,
    id text,
    r14_5 text,
    v4 text,
    content_hash uuid
);


ALTER TABLE public.said OWNER TO postgres;

--
-- Name: TABLE said; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.said IS 'md5 of each document in each version, as the version of the dump wrote it';


--
-- Name: import_load; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.import_load (
    id bigint NOT NULL,
    source text,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    read bigint DEFAULT 0 NOT NULL,
    stored bigint DEFAULT 0 NOT NULL,
    repeated bigint DEFAULT 0 NOT NULL,
    conflicting bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    first_date timestamp with time zone,
    last_date timestamp with time zone,
    amounts jsonb,
    "position" bigint DEFAULT 0 NOT NULL,
    declared jsonb,
    filled bigint DEFAULT 0 NOT NULL,
    loaded_by text DEFAULT CURRENT_USER NOT NULL,
    CONSTRAINT import_load_balance CHECK ((read = (((stored + repeated) + conflicting) + rejected)))
);


ALTER TABLE usage_mgmt.import_load OWNER TO usage_owner;

--
-- Name: TABLE import_load; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.import_load IS 'A load, and what became of its records: read = stored + repeated + conflicting + rejected.';


--
-- Name: COLUMN import_load.source; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load.source IS 'Where it came from: COPY, or the name of a file.';


--
-- Name: COLUMN import_load.amounts; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load.amounts IS 'Sums of the tax-included amounts of what was stored, by currency: {"EUR": 12.00}.';


--
-- Name: COLUMN import_load."position"; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load."position" IS 'Bytes of the source that are done.';


--
-- Name: COLUMN import_load.declared; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load.declared IS 'What the sender said it would be: {"read": 1000, "amounts": {"EUR": 12.00}}.';


--
-- Name: COLUMN import_load.filled; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load.filled IS 'How many of the stored ones lacked what v4 does not ask for, so that it was filled in.';


--
-- Name: COLUMN import_load.loaded_by; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_load.loaded_by IS 'The role that opened it; only its members may go on with it.';


--
-- Name: import_load_id_seq; Type: SEQUENCE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE SEQUENCE usage_mgmt.import_load_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE usage_mgmt.import_load_id_seq OWNER TO usage_owner;

--
-- Name: import_load_id_seq; Type: SEQUENCE OWNED BY; Schema: usage_mgmt; Owner: usage_owner
--

ALTER SEQUENCE usage_mgmt.import_load_id_seq OWNED BY usage_mgmt.import_load.id;


--
-- Name: import_reject; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.import_reject (
    id bigint NOT NULL,
    load_id bigint NOT NULL,
    record_number bigint NOT NULL,
    resource text DEFAULT 'usage'::text NOT NULL,
    document text,
    document_raw bytea,
    document_length bigint,
    errors jsonb NOT NULL,
    rejected_at timestamp with time zone DEFAULT now() NOT NULL,
    recycled_at timestamp with time zone
);


ALTER TABLE usage_mgmt.import_reject OWNER TO usage_owner;

--
-- Name: TABLE import_reject; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.import_reject IS 'Records that could not be stored, whole, with all their faults. recycle_reject() takes a corrected one in.';


--
-- Name: COLUMN import_reject.record_number; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.record_number IS 'Its place in the load, from 1.';


--
-- Name: COLUMN import_reject.resource; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.resource IS 'usage, or usage_specification.';


--
-- Name: COLUMN import_reject.document; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.document IS 'As received; of one above 64 MB the first megabyte.';


--
-- Name: COLUMN import_reject.document_raw; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.document_raw IS 'What is no text in the server''s encoding.';


--
-- Name: COLUMN import_reject.document_length; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.document_length IS 'Bytes of the whole record.';


--
-- Name: COLUMN import_reject.errors; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.import_reject.errors IS 'A JSON array of {path, code, message}.';


--
-- Name: import_reject_id_seq; Type: SEQUENCE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE SEQUENCE usage_mgmt.import_reject_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE usage_mgmt.import_reject_id_seq OWNER TO usage_owner;

--
-- Name: import_reject_id_seq; Type: SEQUENCE OWNED BY; Schema: usage_mgmt; Owner: usage_owner
--

ALTER SEQUENCE usage_mgmt.import_reject_id_seq OWNED BY usage_mgmt.import_reject.id;


--
-- Name: setting; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.setting (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL
);


ALTER TABLE usage_mgmt.setting OWNER TO usage_owner;

--
-- Name: TABLE setting; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.setting IS 'What the owner of the tables orders for every session. A row that is missing means its default.';


--
-- Name: usage; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage (
    id text NOT NULL COLLATE pg_catalog."C",
    usage_date timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    description text,
    status usage_mgmt.usage_status DEFAULT 'received'::usage_mgmt.usage_status NOT NULL,
    usage_specification_id text,
    usage_specification_href text,
    usage_specification_name text,
    usage_characteristic usage_mgmt.characteristics,
    related_party usage_mgmt.related_party[],
    rated_product_usage usage_mgmt.rated_product_usage[],
    rejection jsonb,
    extra jsonb,
    received_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now(),
    load_id bigint,
    type text,
    base_type text,
    schema_location text,
    cost_centre text DEFAULT 'none'::text
)
PARTITION BY RANGE (usage_date);


ALTER TABLE usage_mgmt.usage OWNER TO usage_owner;

--
-- Name: TABLE usage; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.usage IS 'Events that can be charged (TMF635: Usage). One usage is one row; partitions are months in UTC.';


--
-- Name: COLUMN usage.usage_date; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.usage_date IS 'When it happened (R14.5: date, v4: usageDate).';


--
-- Name: COLUMN usage.usage_specification_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.usage_specification_id IS 'The specification it follows; a soft reference, the specification may be another server''s.';


--
-- Name: COLUMN usage.rejection; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.rejection IS 'Why it was rejected; a usage that the specification check marked has its faults and delivered_status here.';


--
-- Name: COLUMN usage.extra; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.extra IS 'Attributes that the model does not know, a JSON object.';


--
-- Name: COLUMN usage.received_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.received_at IS 'When it was stored.';


--
-- Name: COLUMN usage.changed_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.changed_at IS 'When it was changed last.';


--
-- Name: COLUMN usage.load_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.load_id IS 'The import_load that brought it.';


--
-- Name: COLUMN usage.type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.type IS '@type (v4); what R14.5 calls type is usage_type.';


--
-- Name: COLUMN usage.base_type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.base_type IS '@baseType (v4).';


--
-- Name: COLUMN usage.schema_location; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage.schema_location IS '@schemaLocation (v4).';


--
-- Name: usage_conflict; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_conflict (
    id bigint NOT NULL,
    load_id bigint NOT NULL,
    record_number bigint NOT NULL,
    usage_id text NOT NULL COLLATE pg_catalog."C",
    document text,
    document_length bigint,
    stored json,
    found_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE usage_mgmt.usage_conflict OWNER TO usage_owner;

--
-- Name: TABLE usage_conflict; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.usage_conflict IS 'Records whose id the store has with other content: what came, and what was there.';


--
-- Name: COLUMN usage_conflict.document; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_conflict.document IS 'As received; of one above 64 MB the first megabyte.';


--
-- Name: COLUMN usage_conflict.stored; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_conflict.stored IS 'The usage as it was stored then; null where only its id was kept.';


--
-- Name: usage_conflict_id_seq; Type: SEQUENCE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE SEQUENCE usage_mgmt.usage_conflict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE usage_mgmt.usage_conflict_id_seq OWNER TO usage_owner;

--
-- Name: usage_conflict_id_seq; Type: SEQUENCE OWNED BY; Schema: usage_mgmt; Owner: usage_owner
--

ALTER SEQUENCE usage_mgmt.usage_conflict_id_seq OWNED BY usage_mgmt.usage_conflict.id;


--
-- Name: usage_default; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_default (
    id text NOT NULL COLLATE pg_catalog."C",
    usage_date timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    description text,
    status usage_mgmt.usage_status DEFAULT 'received'::usage_mgmt.usage_status NOT NULL,
    usage_specification_id text,
    usage_specification_href text,
    usage_specification_name text,
    usage_characteristic usage_mgmt.characteristics,
    related_party usage_mgmt.related_party[],
    rated_product_usage usage_mgmt.rated_product_usage[],
    rejection jsonb,
    extra jsonb,
    received_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now(),
    load_id bigint,
    type text,
    base_type text,
    schema_location text,
    cost_centre text DEFAULT 'none'::text
);


ALTER TABLE usage_mgmt.usage_default OWNER TO usage_owner;

--
-- Name: TABLE usage_default; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.usage_default IS 'Usages of months without a partition; ensure_partitions() moves them out.';


--
-- Name: usage_document; Type: VIEW; Schema: usage_mgmt; Owner: usage_owner
--

CREATE VIEW usage_mgmt.usage_document WITH (security_invoker='true') AS
 SELECT (usage_mgmt.to_tmf(u.*))::text AS document
   FROM usage_mgmt.usage u;


ALTER TABLE usage_mgmt.usage_document OWNER TO usage_owner;

--
-- Name: VIEW usage_document; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON VIEW usage_mgmt.usage_document IS 'Usages as TMF JSON. COPY into it loads newline-delimited JSON: WITH (FORMAT csv, QUOTE E''\x01'', DELIMITER E''\x02'').';


--
-- Name: usage_key; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_key (
    usage_date timestamp with time zone NOT NULL,
    content_hash uuid NOT NULL,
    hash_version smallint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C"
);


ALTER TABLE usage_mgmt.usage_key OWNER TO usage_owner;

--
-- Name: TABLE usage_key; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.usage_key IS 'The ledger: every id once, whatever the partition. Written by the triggers of usage alone.';


--
-- Name: COLUMN usage_key.usage_date; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_key.usage_date IS 'The date of the usage, which names its partition.';


--
-- Name: COLUMN usage_key.content_hash; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_key.content_hash IS 'Hash of the usage as it was first stored.';


--
-- Name: COLUMN usage_key.hash_version; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_key.hash_version IS 'The algorithm of the hash.';


--
-- Name: usage_p202601; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_p202601 (
    id text NOT NULL COLLATE pg_catalog."C",
    usage_date timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    description text,
    status usage_mgmt.usage_status DEFAULT 'received'::usage_mgmt.usage_status NOT NULL,
    usage_specification_id text,
    usage_specification_href text,
    usage_specification_name text,
    usage_characteristic usage_mgmt.characteristics,
    related_party usage_mgmt.related_party[],
    rated_product_usage usage_mgmt.rated_product_usage[],
    rejection jsonb,
    extra jsonb,
    received_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now(),
    load_id bigint,
    type text,
    base_type text,
    schema_location text,
    cost_centre text DEFAULT 'none'::text
);


ALTER TABLE usage_mgmt.usage_p202601 OWNER TO usage_owner;

--
-- Name: COLUMN usage_p202601.usage_date; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.usage_date IS 'When it happened (R14.5: date, v4: usageDate).';


--
-- Name: COLUMN usage_p202601.usage_specification_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.usage_specification_id IS 'The specification it follows; a soft reference, the specification may be another server''s.';


--
-- Name: COLUMN usage_p202601.rejection; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.rejection IS 'Why it was rejected; a usage that the specification check marked has its faults and delivered_status here.';


--
-- Name: COLUMN usage_p202601.extra; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.extra IS 'Attributes that the model does not know, a JSON object.';


--
-- Name: COLUMN usage_p202601.received_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.received_at IS 'When it was stored.';


--
-- Name: COLUMN usage_p202601.changed_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.changed_at IS 'When it was changed last.';


--
-- Name: COLUMN usage_p202601.load_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.load_id IS 'The import_load that brought it.';


--
-- Name: COLUMN usage_p202601.type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.type IS '@type (v4); what R14.5 calls type is usage_type.';


--
-- Name: COLUMN usage_p202601.base_type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.base_type IS '@baseType (v4).';


--
-- Name: COLUMN usage_p202601.schema_location; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202601.schema_location IS '@schemaLocation (v4).';


--
-- Name: usage_p202602; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_p202602 (
    id text NOT NULL COLLATE pg_catalog."C",
    usage_date timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    description text,
    status usage_mgmt.usage_status DEFAULT 'received'::usage_mgmt.usage_status NOT NULL,
    usage_specification_id text,
    usage_specification_href text,
    usage_specification_name text,
    usage_characteristic usage_mgmt.characteristics,
    related_party usage_mgmt.related_party[],
    rated_product_usage usage_mgmt.rated_product_usage[],
    rejection jsonb,
    extra jsonb,
    received_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now(),
    load_id bigint,
    type text,
    base_type text,
    schema_location text,
    cost_centre text DEFAULT 'none'::text
);


ALTER TABLE usage_mgmt.usage_p202602 OWNER TO usage_owner;

--
-- Name: COLUMN usage_p202602.usage_date; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.usage_date IS 'When it happened (R14.5: date, v4: usageDate).';


--
-- Name: COLUMN usage_p202602.usage_specification_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.usage_specification_id IS 'The specification it follows; a soft reference, the specification may be another server''s.';


--
-- Name: COLUMN usage_p202602.rejection; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.rejection IS 'Why it was rejected; a usage that the specification check marked has its faults and delivered_status here.';


--
-- Name: COLUMN usage_p202602.extra; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.extra IS 'Attributes that the model does not know, a JSON object.';


--
-- Name: COLUMN usage_p202602.received_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.received_at IS 'When it was stored.';


--
-- Name: COLUMN usage_p202602.changed_at; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.changed_at IS 'When it was changed last.';


--
-- Name: COLUMN usage_p202602.load_id; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.load_id IS 'The import_load that brought it.';


--
-- Name: COLUMN usage_p202602.type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.type IS '@type (v4); what R14.5 calls type is usage_type.';


--
-- Name: COLUMN usage_p202602.base_type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.base_type IS '@baseType (v4).';


--
-- Name: COLUMN usage_p202602.schema_location; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_p202602.schema_location IS '@schemaLocation (v4).';


--
-- Name: usage_party; Type: VIEW; Schema: usage_mgmt; Owner: usage_owner
--

CREATE VIEW usage_mgmt.usage_party WITH (security_invoker='true') AS
 SELECT u.id AS usage_id,
    u.usage_date,
    p.ordinality AS ordinal,
    p.role,
    p.id,
    p.href,
    p.name,
    p.status,
    p.alias,
    p.valid_from,
    p.valid_to,
    p.referred_type,
    p.type,
    p.base_type,
    p.schema_location,
    p.extra
   FROM usage_mgmt.usage u,
    LATERAL unnest(u.related_party) WITH ORDINALITY p(role, id, href, name, status, alias, valid_from, valid_to, referred_type, type, base_type, schema_location, extra, ordinality);


ALTER TABLE usage_mgmt.usage_party OWNER TO usage_owner;

--
-- Name: VIEW usage_party; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON VIEW usage_mgmt.usage_party IS 'Each related party as a row, with the columns of the type; ordinal counts from 1.';


--
-- Name: usage_rating; Type: VIEW; Schema: usage_mgmt; Owner: usage_owner
--

CREATE VIEW usage_mgmt.usage_rating WITH (security_invoker='true') AS
 SELECT u.id AS usage_id,
    u.usage_date,
    r.ordinality AS ordinal,
    r.rating_date,
    r.usage_rating_tag,
    r.is_billed,
    r.rating_amount_type,
    r.tax_included_rating_amount,
    r.tax_excluded_rating_amount,
    r.tax_rate,
    r.is_tax_exempt,
    r.offer_tariff_type,
    r.bucket_value_converted_in_amount,
    r.bucket_currency_code,
    r.currency_code,
    r.product_ref,
    r.product_ref_id,
    r.product_ref_name,
    r.product_ref_referred_type,
    r.product_ref_type,
    r.product_ref_base_type,
    r.product_ref_schema_location,
    r.type,
    r.base_type,
    r.schema_location,
    r.extra
   FROM usage_mgmt.usage u,
    LATERAL unnest(u.rated_product_usage) WITH ORDINALITY r(rating_date, usage_rating_tag, is_billed, rating_amount_type, tax_included_rating_amount, tax_excluded_rating_amount, tax_rate, is_tax_exempt, offer_tariff_type, bucket_value_converted_in_amount, bucket_currency_code, currency_code, product_ref, product_ref_id, product_ref_name, product_ref_referred_type, product_ref_type, product_ref_base_type, product_ref_schema_location, type, base_type, schema_location, extra, ordinality);


ALTER TABLE usage_mgmt.usage_rating OWNER TO usage_owner;

--
-- Name: VIEW usage_rating; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON VIEW usage_mgmt.usage_rating IS 'Each rated product usage as a row, with the columns of the type; ordinal counts from 1.';


--
-- Name: usage_specification; Type: TABLE; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TABLE usage_mgmt.usage_specification (
    id text NOT NULL COLLATE pg_catalog."C",
    name text,
    description text,
    version text,
    is_bundle boolean,
    last_update timestamp with time zone,
    status usage_mgmt.usage_specification_status DEFAULT 'in study'::usage_mgmt.usage_specification_status NOT NULL,
    valid_from timestamp with time zone,
    valid_to timestamp with time zone,
    usage_spec_characteristic jsonb,
    related_party usage_mgmt.related_party[],
    attachment jsonb,
    constraint_ref jsonb,
    entity_spec_relationship jsonb,
    target_entity_schema jsonb,
    extra jsonb,
    received_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now(),
    type text,
    base_type text,
    schema_location text
);


ALTER TABLE usage_mgmt.usage_specification OWNER TO usage_owner;

--
-- Name: TABLE usage_specification; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON TABLE usage_mgmt.usage_specification IS 'What usages of a type look like (TMF635: UsageSpecification).';


--
-- Name: COLUMN usage_specification.usage_spec_characteristic; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_specification.usage_spec_characteristic IS 'The characteristics and their allowed values, a JSON array under the names of R14.5.';


--
-- Name: COLUMN usage_specification.extra; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_specification.extra IS 'Attributes that the model does not know, a JSON object.';


--
-- Name: COLUMN usage_specification.type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_specification.type IS '@type (v4).';


--
-- Name: COLUMN usage_specification.base_type; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_specification.base_type IS '@baseType (v4).';


--
-- Name: COLUMN usage_specification.schema_location; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON COLUMN usage_mgmt.usage_specification.schema_location IS '@schemaLocation (v4).';


--
-- Name: usage_specification_document; Type: VIEW; Schema: usage_mgmt; Owner: usage_owner
--

CREATE VIEW usage_mgmt.usage_specification_document WITH (security_invoker='true') AS
 SELECT (usage_mgmt.to_tmf(s.*))::text AS document
   FROM usage_mgmt.usage_specification s;


ALTER TABLE usage_mgmt.usage_specification_document OWNER TO usage_owner;

--
-- Name: VIEW usage_specification_document; Type: COMMENT; Schema: usage_mgmt; Owner: usage_owner
--

COMMENT ON VIEW usage_mgmt.usage_specification_document IS 'Usage specifications as TMF JSON; COPY into it loads them as into usage_document.';


--
-- Name: usage_default; Type: TABLE ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_default DEFAULT;


--
-- Name: usage_p202601; Type: TABLE ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p202601 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');


--
-- Name: usage_p202602; Type: TABLE ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage ATTACH PARTITION usage_mgmt.usage_p202602 FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');


--
-- Name: import_load id; Type: DEFAULT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.import_load ALTER COLUMN id SET DEFAULT nextval('usage_mgmt.import_load_id_seq'::regclass);


--
-- Name: import_reject id; Type: DEFAULT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.import_reject ALTER COLUMN id SET DEFAULT nextval('usage_mgmt.import_reject_id_seq'::regclass);


--
-- Name: usage_conflict id; Type: DEFAULT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_conflict ALTER COLUMN id SET DEFAULT nextval('usage_mgmt.usage_conflict_id_seq'::regclass);


--
-- Data for Name: said; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.said (resource, id, r14_5, v4, content_hash) FROM stdin;
usage	recycled 1	4f7e97884916b67447ee75bab74cd7bb	1022d9ddbb4e89657f7afdd65e0f11f7	4e96d8b8-415e-147a-3391-88079380b38e
usage	rated 1	d3281150681e7347833489525c3978f3	010a2b5016218f32221074d4e2fc974d	789bda4a-7e64-801f-b577-07b78a448a51
usage	rerated 1	ea36d1b45ebb421e7762557218e6b2b4	dd77fa6a32dc46a3be0d970db7612738	166a0259-77a2-96bc-9884-66dfea8f0541
usage	billed 1	1ffe1a14af623af6ac68d0642a44e1cc	2d24356efd5dac2aa8339d2c82280adb	ae16f753-731e-f355-348b-6ea5483c04aa
usage	rejected 2	b6249ba7a1b66977eb820370ba290a28	22b965e60d183e347ba4921a36d2687b	26c775c2-4d67-2c40-7347-f51a95af5a96
usage	recycled 2	b07a9f448f2b8b5f80ef168d555395d3	97e6ddb9b9ef058dab752571a974853e	0ef75bcd-8d82-41c2-b54d-3c9cdca8ea0c
usage	guided 2	86e48551d926aad26e9dc309f6288f11	0d8820028a955a140fdcfd5738f8cd97	9a4bbd9c-a6d9-33ec-9e24-e429abd2ccc7
usage	received 1	9fd808100b07a54f1464e42f374ba2fe	db5b5958b98ebfbd0d1a7b0e262ef5e8	38cc8ae9-9907-7204-c502-9d96bf3b1893
usage	rated 2	cbb5bdb2eb27caee3435014d652c98b5	10d0fc0bedf301cb5760b12078017b8e	fe480a37-a1ad-6e95-54bf-155a0146e29a
usage	rejected 1	311153bd9b234e19204a872e857c9963	bb3206139535cde89f6db16e011a2f48	4e7287fc-c294-239d-e73e-f35b301cff1c
usage	rerated 2	26c760624de2e3dbbdad35a1520a216a	2fe7b15bfbd863bf225d61eadd14d77e	fe480a37-a1ad-6e95-54bf-155a0146e29a
usage	billed 2	37daf11616ad82138c8c9fb380718b51	d21850de21197dec354bec2f87518bda	4711acba-6a35-ad23-5b85-646e7682b259
usage	guided 1	5aa961b539b60c597df18f1ef90b9b85	bb5271d7c737d628b26f1fb440fbde29	06bbf205-a0a1-b175-7884-76bfc0ca7ec2
usage	bulk 1	5c17879e9d6e7ddc4c9035e7b0097d2d	a7916e2b1f528fd7d4981c4d06ee5370	91d548a6-3b95-2fd7-89ae-090d8773e237
usage	bulk 2	48afa0ac5ce39b393869cb1c401fc94a	c3b8ec2a8bc62cdce811c2c099909239	2002fb45-3f83-587c-b2f2-d0f307384dc7
usage	bulk 3	5316d6c30552a891ac5962de91673223	5b4a0afb1095fa25eb4b407838cf6b5a	45454c8c-d0cc-c09a-3e94-239daffba200
usage	bulk 4	6a066e585d603484433fb02be1c11e06	6882d9556c926ff36ccb326bb048421d	695219b5-ba66-5bcb-f69c-ebfe32e55819
usage	bulk 5	accd0232aa8d474000569369d14cf11b	01c961760c9f5d4b2a3003fbab75e0d3	5b8a169c-2b7c-9102-ead1-7f674e88b350
usage	bulk 6	e385f413dea43f9b5d5ba873ef7b578b	bfd2ac71413a7fb3434b2fc9a25b6c83	52cd939f-dbfb-6f87-6299-2fdb5ad5f231
usage	bulk 7	3bd013b64a0b5a6553c090d9a8f108a2	757414556a493350e55a82f0a9b995b6	0c4f214a-8f04-eb3d-f702-5b90880ba8a3
usage	bulk 8	26c3705b62e1c4b71a87408bdbc63ac4	a223f8c84faf4e54b9388bcc6a6e073a	8451eff1-c02f-80dd-f371-7e81f86a5b89
usage	bulk 9	426058b0d15605e7e12ed182b7636bb2	dc7264b068a188fa6bfe98b58fe3f727	159d6017-9bad-ed2a-0a6e-3d7bdaf2cf9e
usage	bulk 10	b4b166564f4188fe808dad9c529c9c8f	4468c145a5310e8a5d1715ccb330a07c	72024de2-10cd-2da3-4b77-2c55b77159f0
usage	bulk 11	f454a75c1d9d50f3452af84e48fab34d	70599cbe2c5556d12bb0b804423c3ce5	69a69128-4951-5d00-3070-d4b00f32f516
usage	bulk 12	6d205e82e1f0570cd24dd816ae66bd9a	1d71cc30351e83b0ba3bae040c7633ea	f1c1a3ec-8dc5-7972-6d8b-10962c5d6e17
usage	bulk 13	dbef9318b7a92df5d1384315f10efe21	a8313903ce7b9e538443401fc9c9567f	49f5f471-4ca7-1b55-48f8-9d51d6d3d750
usage	bulk 14	6522f12c450fc2ee07ef3ebc368aeaa1	5946c78c0a85519a8f73b914a8262b7d	540f8df4-1dd7-443d-7f04-2d7490379b43
usage	bulk 15	3174f637d2fa97987332b554da319bf5	bcfb2ddfea8e170a42a9b3a030455b0c	cc2461a7-d26e-6a03-2fcd-af0a592e93f6
usage	bulk 16	3f8089f77dfc15e06a1e29911a68655a	52477c9e0b30f05763b7109e6bc54a60	f28d0300-c437-25bf-ad70-8d308c8e0fe4
usage	bulk 17	d9eebeeb45ed9aba455203a2e21021f2	36ec9e36be84aa3acc2f431c9e735951	5a27e8cc-6e93-c12e-791f-7116fdc909cf
usage	bulk 18	3ee3e70dc8e03172b81b93148950fc85	eb7213511b1566f1a89b5549508c97f1	70667f71-9d0b-07ba-4093-dbc489e0b325
usage	bulk 19	e088f2911e4223a8681ed8742625f2a2	d784ccca0f592c5ada661660e968b203	27159901-1fe5-19d0-4cbf-b258d85cb3dd
usage	bulk 20	6ef635966d6d8afd67e7990dcb59357b	b80d4fb4bb754fe7c5fb67f09a046709	b791bebc-c24c-ec14-95d4-a0af13e9682c
usage	v4 only	5c64e826f8ef98332a1c107ba41b2eb4	ef92ffae8c17153715f3f4ea545cdf61	11ff5a08-9c39-229d-50d1-6f56413ba2e0
usage	marked	b4951af7d9c477b5e2ea108e36ffe88e	24f280ba0f8134c718542f4da5bbbc55	47b2d06a-3002-dd85-59e1-ba4faba09c36
usage	bulk 21	f033eb81019cfd7055cb6828a2cf6ce8	627ed116c7b310da106d0b013ae45c9d	e01ac743-21c1-b055-d16d-ea472b3f8ff8
usage	bulk 22	030031c1e542a5368795339781f9ba0f	aa67171b4d4bb34ccc854159ac762f7e	a7945499-0c73-8806-c770-a805bdf345bf
usage	bulk 23	aa5c32b6341d34830087ecdc5356fd15	ec83f0db368520c1f8c18c858410d607	afcbb3e9-86e7-3428-8185-69739574bf8a
usage	bulk 24	26956e3f8a1b4a5e12f8f50d17aee705	886bf52c0d655f6bcc879fb020128346	cfce96fa-f213-f88d-6e59-6046e1ad9e31
usage	bulk 25	c6d83e28ba0aa3b331aafe3f07d5f4b9	16bb7379ea3ae8d12a0b906de1fc0ffe	bfc8cba6-3525-f63d-ff3f-fbf2fcbdfe16
usage	bulk 26	5f941e070b7ee58b05931204b2da1374	b96575bfabc40d22c1a447ce29a836ef	9d723e29-1b23-1b42-2b95-9f1f97e6ede4
usage	bulk 27	bc175eed82be7bf8ccd7d46137514f15	b4b8eb730f87f4330fbf65e2706c1962	d6e22965-e900-50e5-90b1-03bcab5e971e
usage	bulk 28	437a5e49ea190f57163e62479aa952bc	958d31ddfdee832643459a10819c8dab	f7cfebc3-a554-cc12-14ad-a2d47a27beaa
usage	bulk 29	196cdd2e9c1351001803b2c652577cf9	a97180a2df1bccd51258cd89288f29ce	a404c7ed-4ad3-c061-e826-659f8dfb99d1
usage	bulk 30	2a0ab5161488be16345f81d673e4d0b4	c301bb9f66670348e42469f85a63f0ff	d59bab03-02d9-2eb7-6117-aa6101767c26
usage	received 3	7e15ef127b704a66ca8abbb5e0eb137d	91bb26c22cf17075a7f275f2af2d057a	49604632-d12e-f4ea-b1b6-bb2ca66a2660
usage	rejected 3	6fd0cefc159ac54274542bd0ff128ae5	d75fe7c2c425f255a3bbdd2067b72cef	ce99d4b1-ae3b-a8f2-93bf-7b30d141ebb9
usage	recycled 3	1fd386db3bcfbc82d5e2c6ad9de58d07	201a7579f8176fd960c095822177244e	f3fde898-c9b2-cb2e-42a2-f9beace6aee1
usage	rated 3	6ffa9df6a22c1872a1d1796b0fc46fbc	d9a55a356a34eef1284778479d2ecb51	067543e9-aff7-02a5-2a94-b56574b689e4
usage	rerated 3	f0b4125a8aaaaecb1cd113e30d30fb2c	aec37e659fd10de8840ddceb5997e1f4	8c965280-d0e5-6fe0-ae3d-12f57bfd28cb
usage	billed 3	ecb06da5b636353a91bf7a044dd5ab67	d79a125d40d3eb49a68dea72602f7032	27ba38e1-0f11-1ebc-c2e7-23137aa98516
usage	received 2	d0fd81fd4998494b2748492e57536755	4b9aafb3e74960928b5b7f9d00c24c94	77ff8ef5-2417-279a-9f9e-a98a15d4b8a6
usage	guided 3	71f31f21fde861aad20bd51eed38407d	2e71288b52f975c378cb4eb1d2ba0aa7	78703e73-8180-5ba0-7c81-afcba9c6b6bd
usage	loaded 1	d771085b8a39ca57aa87c6f02327dea4	384b1f4d0780d0632564ebf9862b0afd	03f9899c-7bfe-60b6-590f-8f1a4cf60607
usage	loaded 2	ddc46a3f3ff42ad4b3a046f4e7e1d3b1	d82c699bf8429193b658dac1728f6d43	c4ee206e-de88-a0c5-58f1-964a65741254
usage	faulty	f131b0f72226fb028e8231307dee026e	b59fc05a8d9c2b4f6d08cb4b8253d56e	5e5da8d5-2ed2-db5b-5988-fa81e2b5494e
usage_specification	in study	d2bf5abe830855efcf913f009b2802ca	fa98a9de55b1bd6dd8b2b6c7632359bc	\N
usage_specification	in design	24bcd94c9bbbe2ec779887b8748d7122	5a85e56955884ec51c4dfc6b50bd2413	\N
usage_specification	in test	71c139a7b8dd4560dd74351faa783860	30692d8c977ac9bb7bd4e636e596b9ce	\N
usage_specification	rejected	3e2ec422f5016592c9ab17cae35982aa	a1c7d2e1e3df4351757e362070f743f9	\N
usage_specification	active	5181cb8ff2947a59baa82ff1a824f1de	71adf249d3dd4f4038d29d8aa7c2c325	\N
usage_specification	launched	32ef88459f1a41b765784126332a8240	9191f5d6f88f231764c61c3b8f07814c	\N
usage_specification	retired	ce9542ac6437a38138b1f11172361941	62bd34b4dd837aeab6c18e668c194603	\N
usage_specification	obsolete	e4b58e59c04659e4ec7450e21be87794	6f1daa9c5e8f798fe0fbe667dc5ea285	\N
usage_specification	loaded	07d71b52d90f7b6fd40949754202f0fc	fd1861085bf4d278a622752de22883c6	\N
\.


--
-- Data for Name: import_load; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.import_load (id, source, started_at, finished_at, read, stored, repeated, conflicting, rejected, first_date, last_date, amounts, "position", declared, filled, loaded_by) FROM stdin;
1	COPY	2026-11-26 16:21:20.571491+00	2026-11-26 16:21:20.572793+00	7	2	1	1	3	2026-03-01 00:00:00+00	2026-03-01 00:00:00+00	{"EUR": 1.20}	0	\N	0	usage_loader
2	COPY	2026-11-26 16:21:20.573444+00	2026-11-26 16:21:20.574021+00	3	1	0	0	2	\N	\N	{}	0	\N	0	usage_owner
\.


--
-- Data for Name: import_reject; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.import_reject (id, load_id, record_number, resource, document, document_raw, document_length, errors, rejected_at, recycled_at) FROM stdin;
2	1	6	usage	no JSON, caf\\u00e9	\N	18	[{"code": "22P02", "path": "", "message": "no JSON value at byte 1"}]	2026-11-26 16:21:20.571167+00	\N
3	1	7	usage	{"id":"no type","date":"2026-03-01T00:00:00Z"}	\N	46	[{"code": "23502", "path": "type", "message": "is mandatory"}]	2026-11-26 16:21:20.571167+00	\N
4	2	2	usage_specification	{"id":"obsolete","name":"another one"}	\N	38	[{"code": "23505", "path": "name", "message": "differs from what is stored under that id"}]	2026-11-26 16:21:20.573185+00	\N
5	2	3	usage_specification	{"id":"lost","status":"lost"}	\N	29	[{"code": "22P02", "path": "status", "message": "\\"lost\\" is none of in study, in design, in test, rejected, active, launched, retired, obsolete"}]	2026-11-26 16:21:20.573185+00	\N
1	1	5	usage	{"id":"faulty","date":"yesterday","type":"voice"}	\N	49	[{"code": "22007", "path": "date", "message": "\\"yesterday\\" is not a date and time of RFC 3339"}]	2026-11-26 16:21:20.571167+00	2026-11-26 16:21:20.574146+00
\.


--
-- Data for Name: setting; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.setting (name, value) FROM stdin;
check_specification	mark
\.


--
-- Data for Name: usage_conflict; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_conflict (id, load_id, record_number, usage_id, document, document_length, stored, found_at) FROM stdin;
1	1	4	bulk 2	{"id":"bulk 2","date":"2026-01-01T10:00:00Z","type":"other"}	60	{"id":"bulk 2","href":"/usageManagement/usage/bulk%202","date":"2026-01-04T00:00:00Z","type":"data","status":"received","usageCharacteristic":[{"name":"volume","value":2}]}	2026-11-26 16:21:20.571167+00
\.


--
-- Data for Name: usage_default; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_default (id, usage_date, usage_type, description, status, usage_specification_id, usage_specification_href, usage_specification_name, usage_characteristic, related_party, rated_product_usage, rejection, extra, received_at, changed_at, load_id, type, base_type, schema_location, cost_centre) FROM stdin;
received 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	received	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rejected 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	rejected	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
recycled 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	recycled	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rated 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	rated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rerated 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	rerated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
billed 3	1969-07-20 20:17:40+00	voice	café € \\ "x"	billed	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",usage,t,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
received 2	2026-03-03 00:00:00+00	data	\N	received	\N	\N	\N	\N	\N	\N	\N	\N	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.568305+00	\N	\N	\N	\N	none
guided 3	1969-08-20 20:17:40+00	voice	café € \\ "x"	guided	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":3,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,3,http://host/individual/3,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"1969-07-20 20:17:40+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 3], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.569365+00	\N	\N	\N	\N	none
loaded 1	2026-03-01 00:00:00+00	voice	\N	rated	\N	\N	\N	\N	\N	{"(\\"2026-03-02 00:00:00+00\\",usage,f,total,1.20,1.00,20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,)"}	\N	\N	2026-11-26 16:21:20.571167+00	2026-11-26 16:21:20.571167+00	1	\N	\N	\N	none
loaded 2	2026-03-01 00:00:00+00	voice	\N	received	\N	\N	\N	\N	\N	\N	\N	{"own": {"a": [1.50], "b": 1}}	2026-11-26 16:21:20.571167+00	2026-11-26 16:21:20.571167+00	1	\N	\N	\N	none
faulty	2026-03-05 00:00:00+00	voice	\N	received	\N	\N	\N	\N	\N	\N	\N	\N	2026-11-26 16:21:20.574146+00	2026-11-26 16:21:20.574146+00	\N	\N	\N	\N	none
\.


--
-- Data for Name: usage_key; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_key (usage_date, content_hash, hash_version, id) FROM stdin;
2001-01-02 00:00:00+00	c30fd803-7503-4d67-0bee-75ac7f00ad21	2	dropped
2026-01-31 23:59:59.999999+00	127cba9a-b2f1-8c7e-2a23-bebca36bb58f	2	received 1
2026-01-31 23:59:59.999999+00	4e7287fc-c294-239d-e73e-f35b301cff1c	2	rejected 1
2026-01-31 23:59:59.999999+00	4e96d8b8-415e-147a-3391-88079380b38e	2	recycled 1
2026-01-31 23:59:59.999999+00	55eb5611-312f-2334-95fe-02a9fe8a7360	2	guided 1
2026-01-31 23:59:59.999999+00	789bda4a-7e64-801f-b577-07b78a448a51	2	rated 1
2026-01-31 23:59:59.999999+00	166a0259-77a2-96bc-9884-66dfea8f0541	2	rerated 1
2026-01-31 23:59:59.999999+00	ae16f753-731e-f355-348b-6ea5483c04aa	2	billed 1
2026-01-31 18:30:00+00	26c775c2-4d67-2c40-7347-f51a95af5a96	2	rejected 2
2026-01-31 18:30:00+00	0ef75bcd-8d82-41c2-b54d-3c9cdca8ea0c	2	recycled 2
2026-01-31 18:30:00+00	9a4bbd9c-a6d9-33ec-9e24-e429abd2ccc7	2	guided 2
2026-01-31 18:30:00+00	72594dc3-f824-30f6-4782-b145407422bd	2	rated 2
2026-01-31 18:30:00+00	fe480a37-a1ad-6e95-54bf-155a0146e29a	2	rerated 2
2026-01-31 18:30:00+00	4711acba-6a35-ad23-5b85-646e7682b259	2	billed 2
1969-07-20 20:17:40+00	49604632-d12e-f4ea-b1b6-bb2ca66a2660	2	received 3
1969-07-20 20:17:40+00	ce99d4b1-ae3b-a8f2-93bf-7b30d141ebb9	2	rejected 3
1969-07-20 20:17:40+00	f3fde898-c9b2-cb2e-42a2-f9beace6aee1	2	recycled 3
1969-07-20 20:17:40+00	067543e9-aff7-02a5-2a94-b56574b689e4	2	rated 3
1969-07-20 20:17:40+00	8c965280-d0e5-6fe0-ae3d-12f57bfd28cb	2	rerated 3
1969-07-20 20:17:40+00	27ba38e1-0f11-1ebc-c2e7-23137aa98516	2	billed 3
2026-02-03 04:05:06.7+00	11ff5a08-9c39-229d-50d1-6f56413ba2e0	2	v4 only
2026-03-03 00:00:00+00	65aeef43-5ec2-68b1-2f18-a1e7aa6233d6	2	received 2
1969-08-20 20:17:40+00	1db9655a-036c-08a3-7ef1-ccc6050753d4	2	guided 3
2026-02-01 00:00:00+00	47b2d06a-3002-dd85-59e1-ba4faba09c36	2	marked
2026-01-02 12:00:00+00	91d548a6-3b95-2fd7-89ae-090d8773e237	2	bulk 1
2026-01-16 00:00:00+00	72024de2-10cd-2da3-4b77-2c55b77159f0	2	bulk 10
2026-01-17 12:00:00+00	69a69128-4951-5d00-3070-d4b00f32f516	2	bulk 11
2026-01-19 00:00:00+00	f1c1a3ec-8dc5-7972-6d8b-10962c5d6e17	2	bulk 12
2026-01-20 12:00:00+00	49f5f471-4ca7-1b55-48f8-9d51d6d3d750	2	bulk 13
2026-01-22 00:00:00+00	540f8df4-1dd7-443d-7f04-2d7490379b43	2	bulk 14
2026-01-23 12:00:00+00	cc2461a7-d26e-6a03-2fcd-af0a592e93f6	2	bulk 15
2026-01-25 00:00:00+00	f28d0300-c437-25bf-ad70-8d308c8e0fe4	2	bulk 16
2026-01-26 12:00:00+00	5a27e8cc-6e93-c12e-791f-7116fdc909cf	2	bulk 17
2026-01-28 00:00:00+00	70667f71-9d0b-07ba-4093-dbc489e0b325	2	bulk 18
2026-01-29 12:00:00+00	27159901-1fe5-19d0-4cbf-b258d85cb3dd	2	bulk 19
2026-01-04 00:00:00+00	2002fb45-3f83-587c-b2f2-d0f307384dc7	2	bulk 2
2026-01-31 00:00:00+00	b791bebc-c24c-ec14-95d4-a0af13e9682c	2	bulk 20
2026-02-01 12:00:00+00	e01ac743-21c1-b055-d16d-ea472b3f8ff8	2	bulk 21
2026-02-03 00:00:00+00	a7945499-0c73-8806-c770-a805bdf345bf	2	bulk 22
2026-02-04 12:00:00+00	afcbb3e9-86e7-3428-8185-69739574bf8a	2	bulk 23
2026-02-06 00:00:00+00	cfce96fa-f213-f88d-6e59-6046e1ad9e31	2	bulk 24
2026-02-07 12:00:00+00	bfc8cba6-3525-f63d-ff3f-fbf2fcbdfe16	2	bulk 25
2026-02-09 00:00:00+00	9d723e29-1b23-1b42-2b95-9f1f97e6ede4	2	bulk 26
2026-02-10 12:00:00+00	d6e22965-e900-50e5-90b1-03bcab5e971e	2	bulk 27
2026-02-12 00:00:00+00	f7cfebc3-a554-cc12-14ad-a2d47a27beaa	2	bulk 28
2026-02-13 12:00:00+00	a404c7ed-4ad3-c061-e826-659f8dfb99d1	2	bulk 29
2026-01-05 12:00:00+00	45454c8c-d0cc-c09a-3e94-239daffba200	2	bulk 3
2026-02-15 00:00:00+00	d59bab03-02d9-2eb7-6117-aa6101767c26	2	bulk 30
2026-01-07 00:00:00+00	695219b5-ba66-5bcb-f69c-ebfe32e55819	2	bulk 4
2026-01-08 12:00:00+00	5b8a169c-2b7c-9102-ead1-7f674e88b350	2	bulk 5
2026-01-10 00:00:00+00	52cd939f-dbfb-6f87-6299-2fdb5ad5f231	2	bulk 6
2026-01-11 12:00:00+00	0c4f214a-8f04-eb3d-f702-5b90880ba8a3	2	bulk 7
2026-01-13 00:00:00+00	8451eff1-c02f-80dd-f371-7e81f86a5b89	2	bulk 8
2026-01-14 12:00:00+00	159d6017-9bad-ed2a-0a6e-3d7bdaf2cf9e	2	bulk 9
2026-03-01 00:00:00+00	03f9899c-7bfe-60b6-590f-8f1a4cf60607	2	loaded 1
2026-03-01 00:00:00+00	c4ee206e-de88-a0c5-58f1-964a65741254	2	loaded 2
2026-03-05 00:00:00+00	5e5da8d5-2ed2-db5b-5988-fa81e2b5494e	2	faulty
\.


--
-- Data for Name: usage_p202601; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_p202601 (id, usage_date, usage_type, description, status, usage_specification_id, usage_specification_href, usage_specification_name, usage_characteristic, related_party, rated_product_usage, rejection, extra, received_at, changed_at, load_id, type, base_type, schema_location, cost_centre) FROM stdin;
recycled 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	recycled	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rated 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	rated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rerated 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	rerated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
billed 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	billed	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",usage,t,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
rejected 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	rejected	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
recycled 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	recycled	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
guided 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	guided	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
received 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	received	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}},{"name":"late","value":true}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.567964+00	\N	\N	\N	\N	none
rated 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	rerated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.569071+00	\N	\N	\N	\N	moved
rejected 1	2026-01-31 23:59:59.999999+00	voice	café € \\ "x"	rejected	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	{"by": "hand", "reason": "no customer"}	{"unknown": {"deep": [1, 1], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.569657+00	\N	\N	\N	\N	none
rerated 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	rerated	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",usage,f,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
billed 2	2026-01-31 18:30:00+00	voice	café € \\ "x"	billed	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":2,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,2,http://host/individual/2,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 18:30:00+00\\",usage,t,total,12.00,123456789012345678.123456789,-20,f,normal,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 2], "digits": 12.00}}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.563707+00	\N	\N	\N	\N	none
guided 1	2026-01-31 23:59:59.999999+00	voice	patched	guided	launched	/usageSpecification/launched	Spec launched	[{"name":"duration","value":1,"unit":"s"},{"name":"own name","value":"0.10"},{"name":"own name","value":{"a":[true,false]}}]	{"(customer,1,http://host/individual/1,,,\\"[{\\"\\"type\\"\\": \\"\\"t\\"\\", \\"\\"value\\"\\": \\"\\"v\\"\\"}]\\",\\"2020-02-29 00:00:00+00\\",\\"2030-01-01 00:00:00+00\\",Individual,,,,)"}	{"(\\"2026-01-31 23:59:59.999999+00\\",,,,12.00,123456789012345678.123456789,-20,,,,,EUR,http://host/product/1,1,,,,,,,,,\\"{\\"\\"unknown\\"\\": 1}\\")"}	\N	{"unknown": {"deep": [1, 1], "digits": 12.00}, "priority": 3}	2026-11-26 16:21:20.563707+00	2026-11-26 16:21:20.567287+00	\N	\N	\N	\N	none
bulk 1	2026-01-02 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":1}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 2	2026-01-04 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":2}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 3	2026-01-05 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":3}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 4	2026-01-07 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":4}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 5	2026-01-08 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":5}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 6	2026-01-10 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":6}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 7	2026-01-11 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":7}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 8	2026-01-13 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":8}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 9	2026-01-14 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":9}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 10	2026-01-16 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":10}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 11	2026-01-17 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":11}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 12	2026-01-19 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":12}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 13	2026-01-20 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":13}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 14	2026-01-22 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":14}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 15	2026-01-23 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":15}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 16	2026-01-25 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":16}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 17	2026-01-26 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":17}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 18	2026-01-28 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":18}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 19	2026-01-29 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":19}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 20	2026-01-31 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":20}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
\.


--
-- Data for Name: usage_p202602; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_p202602 (id, usage_date, usage_type, description, status, usage_specification_id, usage_specification_href, usage_specification_name, usage_characteristic, related_party, rated_product_usage, rejection, extra, received_at, changed_at, load_id, type, base_type, schema_location, cost_centre) FROM stdin;
v4 only	2026-02-03 04:05:06.7+00	launched	\N	rated	launched	\N	\N	\N	{"(Organization,7,,,,,,,Organization,Partner,,,\\"{\\"\\"since\\"\\": 2001}\\")"}	{"(\\"2026-02-04 00:00:00+00\\",usage,f,total,12.00,10.0,20,f,normal,0.5,USD,EUR,http://host/p,p,product,Product,,,,,,,\\"{\\"\\"taxIncludedRatingAmount\\"\\": {\\"\\"digits\\"\\": 2}}\\")"}	\N	\N	2026-11-26 16:21:20.566905+00	2026-11-26 16:21:20.566905+00	\N	VoiceUsage	Usage	http://host/voice	none
marked	2026-02-01 00:00:00+00	voice	\N	rejected	launched	\N	\N	[{"name":"duration","value":-1}]	\N	\N	{"faults": [{"code": "23514", "path": "usageCharacteristic[0].value", "message": "\\"-1\\" is not in the list or range of \\"duration\\""}], "delivered_status": "guided"}	\N	2026-11-26 16:21:20.569981+00	2026-11-26 16:21:20.569981+00	\N	\N	\N	\N	none
bulk 21	2026-02-01 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":21}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 22	2026-02-03 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":22}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 23	2026-02-04 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":23}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 24	2026-02-06 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":24}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 25	2026-02-07 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":25}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 26	2026-02-09 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":26}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 27	2026-02-10 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":27}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 28	2026-02-12 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":28}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 29	2026-02-13 12:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":29}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
bulk 30	2026-02-15 00:00:00+00	data	\N	received	\N	\N	\N	[{"name":"volume","value":30}]	\N	\N	\N	\N	2026-11-26 16:21:20.570474+00	2026-11-26 16:21:20.570474+00	\N	\N	\N	\N	none
\.


--
-- Data for Name: usage_specification; Type: TABLE DATA; Schema: usage_mgmt; Owner: usage_owner
--

COPY usage_mgmt.usage_specification (id, name, description, version, is_bundle, last_update, status, valid_from, valid_to, usage_spec_characteristic, related_party, attachment, constraint_ref, entity_spec_relationship, target_entity_schema, extra, received_at, changed_at, type, base_type, schema_location) FROM stdin;
in study	Spec in study	what is in study	1.0	f	2026-01-01 00:00:00+00	in study	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
in design	Spec in design	what is in design	1.0	f	2026-01-01 00:00:00+00	in design	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
in test	Spec in test	what is in test	1.0	f	2026-01-01 00:00:00+00	in test	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
rejected	Spec rejected	what is rejected	1.0	f	2026-01-01 00:00:00+00	rejected	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
active	Spec active	what is active	1.0	f	2026-01-01 00:00:00+00	active	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
launched	Spec launched	what is launched	1.0	f	2026-01-01 00:00:00+00	launched	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
retired	Spec retired	what is retired	1.0	f	2026-01-01 00:00:00+00	retired	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
obsolete	Spec obsolete	what is obsolete	1.0	f	2026-01-01 00:00:00+00	obsolete	2013-04-19 00:00:00+00	\N	[{"name": "duration", "valueType": "number", "minCardinality": 0, "usageSpecCharacteristicValue": [{"valueFrom": "0", "valueType": "number", "unitOfMeasure": "s"}]}, {"name": "own name"}]	{"(owner,1,,,,,,,,,,,)"}	[{"id": "a", "url": "http://host/a"}]	[{"id": "c", "version": "2"}]	[{"id": "in study", "relationshipType": "extends"}]	{"@type": "t", "@schemaLocation": "http://host/t"}	{"unknown": ["kept"]}	2026-11-26 16:21:20.562004+00	2026-11-26 16:21:20.562004+00	UsageSpecification	\N	\N
loaded	loaded	\N	\N	\N	\N	in study	\N	\N	\N	\N	\N	\N	\N	\N	\N	2026-11-26 16:21:20.573185+00	2026-11-26 16:21:20.573185+00	\N	\N	\N
\.


--
-- Name: import_load_id_seq; Type: SEQUENCE SET; Schema: usage_mgmt; Owner: usage_owner
--

SELECT pg_catalog.setval('usage_mgmt.import_load_id_seq', 2, true);


--
-- Name: import_reject_id_seq; Type: SEQUENCE SET; Schema: usage_mgmt; Owner: usage_owner
--

SELECT pg_catalog.setval('usage_mgmt.import_reject_id_seq', 5, true);


--
-- Name: usage_conflict_id_seq; Type: SEQUENCE SET; Schema: usage_mgmt; Owner: usage_owner
--

SELECT pg_catalog.setval('usage_mgmt.usage_conflict_id_seq', 1, true);


--
-- Name: import_load import_load_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.import_load
    ADD CONSTRAINT import_load_pkey PRIMARY KEY (id);


--
-- Name: import_reject import_reject_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.import_reject
    ADD CONSTRAINT import_reject_pkey PRIMARY KEY (id);


--
-- Name: setting setting_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (name);


--
-- Name: usage_conflict usage_conflict_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_conflict
    ADD CONSTRAINT usage_conflict_pkey PRIMARY KEY (id);


--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (id, usage_date);


--
-- Name: usage_default usage_default_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_default
    ADD CONSTRAINT usage_default_pkey PRIMARY KEY (id, usage_date);


--
-- Name: usage_key usage_key_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_key
    ADD CONSTRAINT usage_key_pkey PRIMARY KEY (id);


--
-- Name: usage_p202601 usage_p202601_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_p202601
    ADD CONSTRAINT usage_p202601_pkey PRIMARY KEY (id, usage_date);


--
-- Name: usage_p202602 usage_p202602_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_p202602
    ADD CONSTRAINT usage_p202602_pkey PRIMARY KEY (id, usage_date);


--
-- Name: usage_specification usage_specification_pkey; Type: CONSTRAINT; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE ONLY usage_mgmt.usage_specification
    ADD CONSTRAINT usage_specification_pkey PRIMARY KEY (id);


--
-- Name: import_reject_load_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX import_reject_load_idx ON usage_mgmt.import_reject USING btree (load_id, record_number);


--
-- Name: usage_conflict_load_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_conflict_load_idx ON usage_mgmt.usage_conflict USING btree (load_id, record_number);


--
-- Name: usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_date_idx ON ONLY usage_mgmt.usage USING btree (usage_date);


--
-- Name: usage_open_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_open_idx ON ONLY usage_mgmt.usage USING btree (status, usage_date) WHERE (status = ANY (ARRAY['received'::usage_mgmt.usage_status, 'rejected'::usage_mgmt.usage_status, 'recycled'::usage_mgmt.usage_status, 'guided'::usage_mgmt.usage_status, 'rerated'::usage_mgmt.usage_status]));


--
-- Name: usage_default_status_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_default_status_usage_date_idx ON usage_mgmt.usage_default USING btree (status, usage_date) WHERE (status = ANY (ARRAY['received'::usage_mgmt.usage_status, 'rejected'::usage_mgmt.usage_status, 'recycled'::usage_mgmt.usage_status, 'guided'::usage_mgmt.usage_status, 'rerated'::usage_mgmt.usage_status]));


--
-- Name: usage_default_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_default_usage_date_idx ON usage_mgmt.usage_default USING btree (usage_date);


--
-- Name: usage_p202601_status_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_p202601_status_usage_date_idx ON usage_mgmt.usage_p202601 USING btree (status, usage_date) WHERE (status = ANY (ARRAY['received'::usage_mgmt.usage_status, 'rejected'::usage_mgmt.usage_status, 'recycled'::usage_mgmt.usage_status, 'guided'::usage_mgmt.usage_status, 'rerated'::usage_mgmt.usage_status]));


--
-- Name: usage_p202601_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_p202601_usage_date_idx ON usage_mgmt.usage_p202601 USING btree (usage_date);


--
-- Name: usage_p202602_status_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_p202602_status_usage_date_idx ON usage_mgmt.usage_p202602 USING btree (status, usage_date) WHERE (status = ANY (ARRAY['received'::usage_mgmt.usage_status, 'rejected'::usage_mgmt.usage_status, 'recycled'::usage_mgmt.usage_status, 'guided'::usage_mgmt.usage_status, 'rerated'::usage_mgmt.usage_status]));


--
-- Name: usage_p202602_usage_date_idx; Type: INDEX; Schema: usage_mgmt; Owner: usage_owner
--

CREATE INDEX usage_p202602_usage_date_idx ON usage_mgmt.usage_p202602 USING btree (usage_date);


--
-- Name: usage_default_pkey; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_pkey ATTACH PARTITION usage_mgmt.usage_default_pkey;


--
-- Name: usage_default_status_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_open_idx ATTACH PARTITION usage_mgmt.usage_default_status_usage_date_idx;


--
-- Name: usage_default_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_date_idx ATTACH PARTITION usage_mgmt.usage_default_usage_date_idx;


--
-- Name: usage_p202601_pkey; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_pkey ATTACH PARTITION usage_mgmt.usage_p202601_pkey;


--
-- Name: usage_p202601_status_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_open_idx ATTACH PARTITION usage_mgmt.usage_p202601_status_usage_date_idx;


--
-- Name: usage_p202601_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_date_idx ATTACH PARTITION usage_mgmt.usage_p202601_usage_date_idx;


--
-- Name: usage_p202602_pkey; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_pkey ATTACH PARTITION usage_mgmt.usage_p202602_pkey;


--
-- Name: usage_p202602_status_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_open_idx ATTACH PARTITION usage_mgmt.usage_p202602_status_usage_date_idx;


--
-- Name: usage_p202602_usage_date_idx; Type: INDEX ATTACH; Schema: usage_mgmt; Owner: usage_owner
--

ALTER INDEX usage_mgmt.usage_date_idx ATTACH PARTITION usage_mgmt.usage_p202602_usage_date_idx;


--
-- Name: usage_document document_begin; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_begin BEFORE INSERT ON usage_mgmt.usage_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_document_begin();


--
-- Name: usage_specification_document document_begin; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_begin BEFORE INSERT ON usage_mgmt.usage_specification_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_specification_document_begin();


--
-- Name: usage_document document_end; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_end AFTER INSERT ON usage_mgmt.usage_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_document_end();


--
-- Name: usage_specification_document document_end; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_end AFTER INSERT ON usage_mgmt.usage_specification_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_document_end();


--
-- Name: usage_document document_refuse; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_refuse BEFORE DELETE OR UPDATE ON usage_mgmt.usage_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_document_refuse();


--
-- Name: usage_specification_document document_refuse; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_refuse BEFORE DELETE OR UPDATE ON usage_mgmt.usage_specification_document FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_specification_document_refuse();


--
-- Name: usage_document document_refuse_row; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_refuse_row INSTEAD OF DELETE OR UPDATE ON usage_mgmt.usage_document FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_document_refuse();


--
-- Name: usage_specification_document document_refuse_row; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_refuse_row INSTEAD OF DELETE OR UPDATE ON usage_mgmt.usage_specification_document FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_specification_document_refuse();


--
-- Name: usage_document document_row; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_row INSTEAD OF INSERT ON usage_mgmt.usage_document FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_document_row();


--
-- Name: usage_specification_document document_row; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER document_row INSTEAD OF INSERT ON usage_mgmt.usage_specification_document FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_document_row();


--
-- Name: setting setting_changed; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER setting_changed AFTER INSERT OR DELETE OR UPDATE ON usage_mgmt.setting FOR EACH ROW EXECUTE FUNCTION usage_mgmt.setting_changed();

ALTER TABLE usage_mgmt.setting ENABLE ALWAYS TRIGGER setting_changed;


--
-- Name: setting setting_check; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER setting_check BEFORE INSERT OR UPDATE ON usage_mgmt.setting FOR EACH ROW EXECUTE FUNCTION usage_mgmt.setting_check();


--
-- Name: usage usage_keys_delete; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_delete AFTER DELETE ON usage_mgmt.usage REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_default usage_keys_delete; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_delete AFTER DELETE ON usage_mgmt.usage_default REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202601 usage_keys_delete; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_delete AFTER DELETE ON usage_mgmt.usage_p202601 REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202602 usage_keys_delete; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_delete AFTER DELETE ON usage_mgmt.usage_p202602 REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage usage_keys_insert; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_insert AFTER INSERT ON usage_mgmt.usage REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_default usage_keys_insert; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_insert AFTER INSERT ON usage_mgmt.usage_default REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202601 usage_keys_insert; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_insert AFTER INSERT ON usage_mgmt.usage_p202601 REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202602 usage_keys_insert; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_insert AFTER INSERT ON usage_mgmt.usage_p202602 REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_default usage_keys_truncate; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_truncate BEFORE TRUNCATE ON usage_mgmt.usage_default FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202601 usage_keys_truncate; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_truncate BEFORE TRUNCATE ON usage_mgmt.usage_p202601 FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202602 usage_keys_truncate; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_truncate BEFORE TRUNCATE ON usage_mgmt.usage_p202602 FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage usage_keys_update; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_update AFTER UPDATE ON usage_mgmt.usage REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_default usage_keys_update; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_update AFTER UPDATE ON usage_mgmt.usage_default REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202601 usage_keys_update; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_update AFTER UPDATE ON usage_mgmt.usage_p202601 REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_p202602 usage_keys_update; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_keys_update AFTER UPDATE ON usage_mgmt.usage_p202602 REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.usage_keys();


--
-- Name: usage_specification usage_specification_changed; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER usage_specification_changed AFTER INSERT OR DELETE OR UPDATE ON usage_mgmt.usage_specification FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_specification_changed();

ALTER TABLE usage_mgmt.usage_specification ENABLE ALWAYS TRIGGER usage_specification_changed;


--
-- Name: usage zz_usage_check; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER zz_usage_check BEFORE INSERT OR DELETE OR UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_check();


--
-- Name: usage_specification zz_usage_specification_check; Type: TRIGGER; Schema: usage_mgmt; Owner: usage_owner
--

CREATE TRIGGER zz_usage_specification_check BEFORE INSERT OR UPDATE ON usage_mgmt.usage_specification FOR EACH ROW EXECUTE FUNCTION usage_mgmt.usage_specification_check();


--
-- Name: import_load; Type: ROW SECURITY; Schema: usage_mgmt; Owner: usage_owner
--

ALTER TABLE usage_mgmt.import_load ENABLE ROW LEVEL SECURITY;

--
-- Name: import_load loads_are_seen; Type: POLICY; Schema: usage_mgmt; Owner: usage_owner
--

CREATE POLICY loads_are_seen ON usage_mgmt.import_load FOR SELECT USING (true);


--
-- Name: import_load loads_are_their_roles; Type: POLICY; Schema: usage_mgmt; Owner: usage_owner
--

CREATE POLICY loads_are_their_roles ON usage_mgmt.import_load USING ((has_table_privilege('usage_mgmt.import_load'::text, 'DELETE'::text) OR (EXISTS ( SELECT
   FROM pg_roles r
  WHERE ((r.rolname = import_load.loaded_by) AND pg_has_role(r.oid, 'USAGE'::text))))));


--
-- Name: SCHEMA usage_mgmt; Type: ACL; Schema: -; Owner: postgres
--

GRANT ALL ON SCHEMA usage_mgmt TO usage_owner WITH GRANT OPTION;
SET SESSION AUTHORIZATION usage_owner;
GRANT USAGE ON SCHEMA usage_mgmt TO usage_reader;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION usage_owner;
GRANT USAGE ON SCHEMA usage_mgmt TO usage_loader;
RESET SESSION AUTHORIZATION;


--
-- Name: FUNCTION characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal) TO usage_owner;


--
-- Name: FUNCTION characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal) TO usage_owner;


--
-- Name: FUNCTION characteristics_gin_extract_value(usage_mgmt.characteristics, internal); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.characteristics_gin_extract_value(usage_mgmt.characteristics, internal) TO usage_owner;


--
-- Name: FUNCTION characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal) TO usage_owner;


--
-- Name: FUNCTION hand_over(role_name text); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.hand_over(role_name text) TO usage_owner;


--
-- Name: FUNCTION setting_changed(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.setting_changed() TO usage_owner;


--
-- Name: FUNCTION setting_check(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.setting_check() TO usage_owner;


--
-- Name: FUNCTION usage_check(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_check() TO usage_owner;


--
-- Name: FUNCTION usage_document_begin(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_document_begin() TO usage_owner;


--
-- Name: FUNCTION usage_document_end(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_document_end() TO usage_owner;


--
-- Name: FUNCTION usage_document_refuse(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_document_refuse() TO usage_owner;


--
-- Name: FUNCTION usage_document_row(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_document_row() TO usage_owner;


--
-- Name: FUNCTION usage_keys(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_keys() TO usage_owner;


--
-- Name: FUNCTION usage_specification_changed(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_specification_changed() TO usage_owner;


--
-- Name: FUNCTION usage_specification_check(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_specification_check() TO usage_owner;


--
-- Name: FUNCTION usage_specification_document_begin(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_specification_document_begin() TO usage_owner;


--
-- Name: FUNCTION usage_specification_document_refuse(); Type: ACL; Schema: usage_mgmt; Owner: postgres
--

GRANT ALL ON FUNCTION usage_mgmt.usage_specification_document_refuse() TO usage_owner;


--
-- Name: TABLE import_load; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load.source; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT INSERT(source) ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load.finished_at; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT UPDATE(finished_at) ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load.read; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT UPDATE(read) ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load.rejected; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT UPDATE(rejected) ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load."position"; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT UPDATE("position") ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: COLUMN import_load.declared; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT INSERT(declared),UPDATE(declared) ON TABLE usage_mgmt.import_load TO usage_loader;


--
-- Name: SEQUENCE import_load_id_seq; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT USAGE ON SEQUENCE usage_mgmt.import_load_id_seq TO usage_loader;


--
-- Name: TABLE import_reject; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT INSERT ON TABLE usage_mgmt.import_reject TO usage_loader;


--
-- Name: COLUMN import_reject.load_id; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT(load_id) ON TABLE usage_mgmt.import_reject TO usage_loader;


--
-- Name: COLUMN import_reject.record_number; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT(record_number),UPDATE(record_number) ON TABLE usage_mgmt.import_reject TO usage_loader;


--
-- Name: SEQUENCE import_reject_id_seq; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT USAGE ON SEQUENCE usage_mgmt.import_reject_id_seq TO usage_loader;


--
-- Name: TABLE usage; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage TO usage_reader;
GRANT INSERT ON TABLE usage_mgmt.usage TO usage_loader;


--
-- Name: COLUMN usage_conflict.load_id; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT(load_id) ON TABLE usage_mgmt.usage_conflict TO usage_loader;


--
-- Name: COLUMN usage_conflict.record_number; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT(record_number),UPDATE(record_number) ON TABLE usage_mgmt.usage_conflict TO usage_loader;


--
-- Name: TABLE usage_document; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage_document TO usage_reader;
GRANT INSERT ON TABLE usage_mgmt.usage_document TO usage_loader;


--
-- Name: TABLE usage_party; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage_party TO usage_reader;


--
-- Name: TABLE usage_rating; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage_rating TO usage_reader;


--
-- Name: TABLE usage_specification; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage_specification TO usage_reader;


--
-- Name: TABLE usage_specification_document; Type: ACL; Schema: usage_mgmt; Owner: usage_owner
--

GRANT SELECT ON TABLE usage_mgmt.usage_specification_document TO usage_reader;


--
-- PostgreSQL database dump complete
--



-- Citus: what predict reads, on every worker.
--
-- The registry stays on the coordinator, in plain tables.  Workers read reference
-- tables with the rows and columns that scoring needs, which triggers on the
-- registry keep up within the same transaction; nothing of this exists until
-- mlops.citus_share() makes it.  Roles have names there, as the same role has
-- another OID on each node: 'public' is PUBLIC, and one that is gone has a name
-- that no role can have.  src/pg/catalog_scan.c reads the copies.

CREATE FUNCTION mlops.copy_registry_row() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role_name name;
BEGIN
    IF TG_TABLE_NAME = 'registered_models' THEN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM mlops.shared_registered_models WHERE model_id = OLD.model_id;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            role_name := mlops.role_name(NEW.owner);
            INSERT INTO mlops.shared_registered_models (model_id, name, owner, last_version)
            VALUES (NEW.model_id, NEW.name, role_name, NEW.last_version);
        END IF;
    ELSIF TG_TABLE_NAME = 'model_versions' THEN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM mlops.shared_model_versions WHERE model_id = OLD.model_id AND version = OLD.version;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO mlops.shared_model_versions (model_id, version, stage, run_id, model_sha256)
            VALUES (NEW.model_id, NEW.version, NEW.stage, NEW.run_id, NEW.model_sha256);
        END IF;
    ELSIF TG_TABLE_NAME = 'model_blobs' THEN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM mlops.shared_model_blobs WHERE sha256 = OLD.sha256 AND chunk_no = OLD.chunk_no;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO mlops.shared_model_blobs (sha256, chunk_no, data) VALUES (NEW.sha256, NEW.chunk_no, NEW.data);
        END IF;
    ELSIF TG_TABLE_NAME = 'aliases' THEN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM mlops.shared_aliases WHERE model_id = OLD.model_id AND alias = OLD.alias;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO mlops.shared_aliases (model_id, alias, version) VALUES (NEW.model_id, NEW.alias, NEW.version);
        END IF;
    ELSIF TG_TABLE_NAME = 'stage_history' THEN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM mlops.shared_stage_history WHERE model_id = OLD.model_id AND event = OLD.event;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO mlops.shared_stage_history (model_id, event, version, from_stage, to_stage, changed_at)
            VALUES (NEW.model_id, NEW.event, NEW.version, NEW.from_stage, NEW.to_stage, NEW.changed_at);
        END IF;
    ELSE
        IF TG_OP <> 'INSERT' THEN
            role_name := mlops.role_name(OLD.grantee);
            DELETE FROM mlops.shared_model_grants WHERE model_id = OLD.model_id AND grantee = role_name AND privilege = OLD.privilege;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            role_name := mlops.role_name(NEW.grantee);
            INSERT INTO mlops.shared_model_grants (model_id, grantee, privilege) VALUES (NEW.model_id, role_name, NEW.privilege);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mlops.copy_registry_row() IS 'Trigger of mlops.citus_share: the same change to the copy that workers read.';
REVOKE ALL ON FUNCTION mlops.copy_registry_row() FROM PUBLIC;

CREATE FUNCTION mlops.role_name(role regrole) RETURNS name LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN $1::oid = 0 THEN 'public'::name
                ELSE COALESCE((SELECT r.rolname FROM pg_roles r WHERE r.oid = $1::oid), ('pg_gone_' || $1::oid)::name) END
$$;
COMMENT ON FUNCTION mlops.role_name(regrole) IS 'Internal: name of a role in the copies that workers read';
REVOKE ALL ON FUNCTION mlops.role_name(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.role_name(regrole) TO PUBLIC;

CREATE FUNCTION mlops.copy_registry() RETURNS text[] LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- table, columns of the copy, keys: constraint or index and its columns, first the primary key
    copies CONSTANT jsonb := '[
        ["registered_models", "model_id, name, mlops.role_name(owner) AS owner, last_version",
         [["registered_models_pkey", "model_id"], ["registered_models_name_key", "name"]]],
        ["model_versions", "model_id, version, stage, run_id, model_sha256",
         [["model_versions_pkey", "model_id, version"], ["model_versions_production", "model_id) WHERE (stage = ''Production''"]]],
        ["model_blobs", "sha256, chunk_no, data", [["model_blobs_pkey", "sha256, chunk_no"]]],
        ["aliases", "model_id, alias, version", [["aliases_pkey", "model_id, alias"]]],
        ["stage_history", "model_id, event, version, from_stage, to_stage, changed_at", [["stage_history_pkey", "model_id, event"]]],
        ["model_grants", "model_id, mlops.role_name(grantee) AS grantee, privilege", [["model_grants_pkey", "model_id, grantee, privilege"]]]]';
    -- whoever makes the copies: triggers run as the role that all work on the registry is done as
    writer CONSTANT name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'mlops.registered_models'::regclass);
    made text[] := '{}';
    copy jsonb;
    key  jsonb;
    tab  text;
    grantee oid;
BEGIN
    FOR copy IN SELECT * FROM jsonb_array_elements(copies) LOOP
        tab := copy ->> 0;
        EXECUTE format('LOCK TABLE mlops.%I IN SHARE ROW EXCLUSIVE MODE', tab);
        EXECUTE format('CREATE TABLE mlops.%I AS SELECT %s FROM mlops.%I', 'shared_' || tab, copy ->> 1, tab);
        EXECUTE format('ALTER TABLE mlops.%I OWNER TO %I', 'shared_' || tab, writer);
        -- what ALTER DEFAULT PRIVILEGES gave
        FOR grantee IN SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
                       WHERE c.oid = format('mlops.%I', 'shared_' || tab)::regclass AND a.grantee <> c.relowner LOOP
            EXECUTE format('REVOKE ALL ON mlops.%I FROM %s', 'shared_' || tab,
                           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END);
        END LOOP;
        FOR key IN SELECT * FROM jsonb_array_elements(copy -> 2) LOOP
            IF key ->> 0 LIKE '%\_pkey' THEN
                EXECUTE format('ALTER TABLE mlops.%I ADD CONSTRAINT %I PRIMARY KEY (%s)', 'shared_' || tab, 'shared_' || (key ->> 0), key ->> 1);
            ELSE
                EXECUTE format('CREATE INDEX %I ON mlops.%I (%s)', 'shared_' || (key ->> 0), 'shared_' || tab, key ->> 1);
            END IF;
        END LOOP;
        EXECUTE format('CREATE TRIGGER copy_registry_row AFTER INSERT OR UPDATE OR DELETE ON mlops.%I FOR EACH ROW EXECUTE FUNCTION mlops.copy_registry_row()', tab);
        made := made || ('mlops.shared_' || tab);
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION mlops.copy_registry() IS 'The first half of mlops.citus_share: plain copies of what predict reads, with the triggers that keep them up; returns their names.';
REVOKE ALL ON FUNCTION mlops.copy_registry() FROM PUBLIC;

CREATE FUNCTION mlops.citus_unshare() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tab text;
BEGIN
    FOREACH tab IN ARRAY '{registered_models,model_versions,model_blobs,aliases,stage_history,model_grants}'::text[] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS copy_registry_row ON mlops.%I', tab);
        EXECUTE format('DROP TABLE IF EXISTS mlops.%I', 'shared_' || tab);
    END LOOP;
END
$$;
COMMENT ON FUNCTION mlops.citus_unshare() IS 'undoes mlops.citus_share: workers know no models';
REVOKE ALL ON FUNCTION mlops.citus_unshare() FROM PUBLIC;

CREATE FUNCTION mlops.citus_share() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    copy text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'extension "citus" is not installed in this database',
            HINT = 'Without Citus nothing needs to be shared.';
    END IF;
    PERFORM mlops.citus_unshare();
    FOREACH copy IN ARRAY mlops.copy_registry() LOOP
        EXECUTE 'SELECT pg_catalog.create_reference_table($1::pg_catalog.regclass)' USING copy;
        -- the rows are in the shards now
        EXECUTE 'SELECT pg_catalog.truncate_local_data_after_distributing_table($1::pg_catalog.regclass)' USING copy;
    END LOOP;
END
$$;
COMMENT ON FUNCTION mlops.citus_share() IS 'makes every model known to the workers of Citus, now and after each change, so that predict runs there; for the owner of the extension, on the coordinator; run it again after roles were renamed or dropped';
REVOKE ALL ON FUNCTION mlops.citus_share() FROM PUBLIC;

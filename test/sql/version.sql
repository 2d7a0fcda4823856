-- The extension is there, in its schema, at the version that it was installed as.
SELECT extversion = mlops.version() AS same_version, nspname
FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname = 'mlops';

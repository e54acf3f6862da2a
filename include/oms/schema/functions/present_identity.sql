create or replace function oms.present_identity() returns text language sql stable as $$
    select system_identifier || '/' || (select oid from pg_database where datname = current_database())
      from pg_control_system()
$$;
comment on function oms.present_identity is 'Cluster and database: differs in every restored or copied database.';

create or replace view oms.valid_token as
select token_id, client, scopes
  from oms.api_token
 where revoked_at is null
   and (expires_at is null or expires_at > now());
comment on view oms.valid_token is 'Tokens that open something now.';

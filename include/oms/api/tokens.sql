-- Bearer tokens of the API: kept as hashes, never deleted, so that a name in the ledger stays explained.

-- name: add
insert into oms.api_token (token_id, client, secret_hash, scopes, expires_at)
values (%(token_id)s, %(client)s, %(secret_hash)s, %(scopes)s, %(expires_at)s)

-- name: find
select token_id, client, secret_hash, scopes
  from oms.api_token
 where token_id = %(token_id)s

-- name: is_valid
select
  from oms.valid_token
 where token_id = %(token_id)s

-- name: all_tokens
select token_id, client, scopes, created_at, expires_at, revoked_at
  from oms.api_token
 order by client, created_at

-- name: revoke
-- By id, or all tokens of a client.
update oms.api_token
   set revoked_at = now()
 where (token_id = %(named)s or client = %(named)s)
   and revoked_at is null
returning token_id

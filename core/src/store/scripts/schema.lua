-- Reads what this Redis belongs to, and claims it when it belongs to nobody yet.
-- KEYS  schema
-- ARGV  layout, chain id, genesis hash, random identity
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'chain_id', ARGV[2], 'genesis_hash', ARGV[3], 'identity', ARGV[4])
end
return redis.call('HMGET', KEYS[1], 'layout', 'chain_id', 'genesis_hash', 'identity')

-- Stores the bytes of a transaction, and notes it in the records of the sessions that it serves.
-- KEYS  lease, sessions, transaction, then for each session: record
-- ARGV  token, hash, bytes, then for each session: id
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease has another token')
end
for at = 4, #KEYS do
  if redis.call('HEXISTS', KEYS[2], ARGV[at]) == 0 then
    return redis.error_reply('UNREGISTERED ' .. ARGV[at])
  end
end
redis.call('HSET', KEYS[3], 'bytes', ARGV[3])
for at = 4, #KEYS do
  redis.call('HSET', KEYS[3], 'for:' .. ARGV[at], '')
  redis.call('HSET', KEYS[at], 'tx:' .. ARGV[2], '')
end
return #KEYS - 3

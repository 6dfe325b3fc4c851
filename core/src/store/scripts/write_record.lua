-- Writes the records of sessions, all or none.
-- KEYS  lease, sessions, then for each session: record
-- ARGV  token, then for each session: id, body
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease has another token')
end
for at = 3, #KEYS do
  local id = ARGV[2 * at - 4]
  if redis.call('HEXISTS', KEYS[2], id) == 0 then
    return redis.error_reply('UNREGISTERED ' .. id)
  end
end
for at = 3, #KEYS do
  redis.call('HSET', KEYS[at], 'body', ARGV[2 * at - 3])
end
return #KEYS - 2

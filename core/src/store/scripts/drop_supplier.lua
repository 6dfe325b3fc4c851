-- KEYS  leader, state, looks
-- ARGV  token, supplier, channel
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
redis.call('HDEL', KEYS[3], ARGV[2])
if redis.call('DEL', KEYS[2]) == 1 then
  redis.call('PUBLISH', ARGV[3], 'supplier ' .. ARGV[2])
end
return 1

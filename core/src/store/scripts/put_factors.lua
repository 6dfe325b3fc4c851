-- Publishes the service factors, or takes them back when there are none.
-- KEYS  leader, factors
-- ARGV  token, body or nothing, channel
-- Returns whether they changed.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
local old = redis.call('GET', KEYS[2]) or ''
if old == ARGV[2] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], ARGV[2])
end
redis.call('PUBLISH', ARGV[3], 'factors')
return 1

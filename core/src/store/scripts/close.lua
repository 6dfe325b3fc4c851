-- Marks a session as closed: appends refuse it from then on.
-- KEYS  lease, sessions, record
-- ARGV  token, session id
-- Returns 1 when this call closed it, 0 when it was closed before.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease has another token')
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then
  return redis.error_reply('UNREGISTERED ' .. ARGV[2])
end
local time = redis.call('TIME')
return redis.call('HSETNX', KEYS[3], 'closed', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))

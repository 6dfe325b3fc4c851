-- Writes what the chain says of a supplier, if it changed, and that it was looked at. What was read at a lower height changes nothing.
-- KEYS  leader, state, looks
-- ARGV  token, supplier, body, money, height, channel
-- Returns 1 when the body changed, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
local look = redis.call('HGET', KEYS[3], ARGV[2])
if look and tonumber(string.match(look, ' (%d+)$')) > tonumber(ARGV[5]) then
  return 0
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[3], ARGV[2], now .. ' ' .. ARGV[5])
local old = redis.call('HMGET', KEYS[2], 'body', 'money')
if old[2] ~= ARGV[4] then
  redis.call('HSET', KEYS[2], 'money', ARGV[4])
end
if old[1] == ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[2], 'body', ARGV[3], 'since', now)
redis.call('PUBLISH', ARGV[6], 'supplier ' .. ARGV[2])
return 1

-- Leaves an answer for the others. One that was read at a lower height than the one that is there changes nothing.
-- KEYS  cache, task, leader
-- ARGV  name, height, body, time to live in milliseconds, task or nothing, channel, token of the leader or nothing
-- Returns 0: older than what is there, 1: nothing new, 2: it differs from what was there, and the pool was told.
if ARGV[7] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[7] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
if ARGV[5] ~= '' and redis.call('GET', KEYS[2]) == ARGV[5] then
  redis.call('DEL', KEYS[2])
end
local old = redis.call('HMGET', KEYS[1], 'height', 'body')
if old[1] and tonumber(old[1]) > tonumber(ARGV[2]) then
  return 0
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'height', ARGV[2], 'at', now, 'body', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if old[2] and old[2] ~= ARGV[3] then
  redis.call('PUBLISH', ARGV[6], 'cache ' .. ARGV[1])
  return 2
end
return 1

-- Notes that an instance is alive, with what it has to say, at the server's time.
-- KEYS  a hash of instances
-- ARGV  instance, text
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])

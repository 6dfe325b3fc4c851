-- Lists the names that were used of late, and forgets the others.
-- KEYS  names in use
-- ARGV  age in milliseconds at which a name is forgotten
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - tonumber(ARGV[1])))
return redis.call('ZRANGE', KEYS[1], 0, -1)

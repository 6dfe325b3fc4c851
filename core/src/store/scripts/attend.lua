-- Notes that an instance is alive, and lists all whose last heartbeat is recent by the server's time. Drops the others.
-- KEYS  a hash of instances
-- ARGV  instance, text, age in milliseconds at which an instance counts as dead
-- Returns for each: instance, age in milliseconds, text.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
local all, living = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #all, 2 do
  local beat, text = string.match(all[at + 1], '^(%d+) (.*)$')
  local age = beat and now - tonumber(beat)
  if age and age <= tonumber(ARGV[3]) then
    living[#living + 1] = {all[at], math.max(age, 0), text}
  else
    redis.call('HDEL', KEYS[1], all[at])
  end
end
return living

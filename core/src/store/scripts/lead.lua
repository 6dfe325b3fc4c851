-- Takes the lock of the fleet's leader when it is free, or anew in the name that holds it: its older tokens are void from then on.
-- KEYS  leader, epoch
-- ARGV  instance, random text, time to live in milliseconds, least epoch
-- Returns {1, token}, or {0, token of the holder}.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1] + 1) ~= ARGV[1] .. '/' then
  return {0, held}
end
local epoch = redis.call('INCR', KEYS[2])
if epoch < tonumber(ARGV[4]) then
  epoch = tonumber(ARGV[4])
  redis.call('SET', KEYS[2], string.format('%.0f', epoch))
end
local token = ARGV[1] .. '/' .. string.format('%.0f', epoch) .. '/' .. ARGV[2]
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
return {1, token}

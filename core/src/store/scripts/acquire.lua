-- Takes a lease that is free, or anew one that the same instance holds: its older tokens are void from then on.
-- A token ends with the first epoch of the unbroken row of tenures of its instance.
-- KEYS  lease, epoch
-- ARGV  instance, random text, time to live in milliseconds
-- Returns {1, token, 0}, or {0, token of the holder, milliseconds it has left}.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1] + 1) ~= ARGV[1] .. '/' then
  return {0, held, redis.call('PTTL', KEYS[1])}
end
local epoch = string.format('%.0f', redis.call('INCR', KEYS[2]))
local first = held and string.match(held, '%.(%d+)$') or epoch
local token = ARGV[1] .. '/' .. epoch .. '/' .. ARGV[2] .. '.' .. first
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
return {1, token, 0}

-- KEYS  state, looks
-- ARGV  supplier
-- Returns {body, money, milliseconds since the body changed, milliseconds since the last look, height of that look}, or nothing.
local state = redis.call('HMGET', KEYS[1], 'body', 'money', 'since')
local look = redis.call('HGET', KEYS[2], ARGV[1])
if not (state[1] and state[2] and state[3] and look) then
  return {}
end
local at, height = string.match(look, '^(%d+) (%d+)$')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function ago(moment)
  return string.format('%.0f', math.max(now - tonumber(moment), 0))
end
return {state[1], state[2], ago(state[3]), ago(at), height}

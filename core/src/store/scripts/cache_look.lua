-- Looks up a shared answer. When it does not do, whoever comes first is given the task to ask the chain for a while.
-- KEYS  cache, task, names in use
-- ARGV  name, greatest age in milliseconds, lowest height, random text, life of the task in milliseconds, whether to keep it fresh,
--       how many names are kept fresh
-- Returns {what, height, age in milliseconds, body}; what is 1: it does, 2: the task is the caller's, 3: it is another's, 4: Redis takes
-- no writes. Without an answer the height is -1.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[6] == '1' then
  redis.pcall('ZADD', KEYS[3], now, ARGV[1])
  local over = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[7])
  if over > 0 then
    redis.pcall('ZREMRANGEBYRANK', KEYS[3], 0, over - 1)
  end
end
local found = redis.call('HMGET', KEYS[1], 'height', 'at', 'body')
local height, age, body = -1, 0, ''
if found[1] and found[2] and found[3] then
  height, age, body = tonumber(found[1]), math.max(now - tonumber(found[2]), 0), found[3]
  if age <= tonumber(ARGV[2]) and height >= tonumber(ARGV[3]) then
    return {1, height, age, body}
  end
end
local taken = redis.pcall('SET', KEYS[2], ARGV[4], 'NX', 'PX', ARGV[5])
if type(taken) == 'table' and taken.err then
  return {4, height, age, body}
end
return {taken and 2 or 3, height, age, body}

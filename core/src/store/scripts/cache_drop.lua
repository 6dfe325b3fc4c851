-- Ends the task to ask without an answer, and drops what was known when there is no such thing.
-- KEYS  cache, task, leader
-- ARGV  name, task or nothing, whether it is gone, channel, token of the leader or nothing
-- Returns whether something was dropped.
if ARGV[5] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[5] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('DEL', KEYS[2])
end
if ARGV[3] == '1' and redis.call('DEL', KEYS[1]) == 1 then
  redis.call('PUBLISH', ARGV[4], 'cache ' .. ARGV[1])
  return 1
end
return 0

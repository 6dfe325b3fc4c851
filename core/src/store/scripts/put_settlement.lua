-- Adds what one block settled to the totals, once: only when the block before it was the last one that was added.
-- KEYS  leader, settlement
-- ARGV  token, height of the block before or nothing when none was added yet, height, then for each total: name, increment
-- Returns 1, or 0 when another block is due.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
if (redis.call('HGET', KEYS[2], 'height') or '') ~= ARGV[2] then
  return 0
end
for at = 4, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[at], ARGV[at + 1])
end
redis.call('HSET', KEYS[2], 'height', ARGV[3])
return 1

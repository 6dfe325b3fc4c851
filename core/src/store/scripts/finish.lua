-- Lets a session go: its log, its place among the sessions, and each transaction that served no other session.
-- What stays for a while can earn nothing any more: the record with its outcome, and a tombstone against stragglers.
-- KEYS  lease, sessions, head, ended, log, record, tombstone, budget, then its transactions
-- ARGV  token, session id, milliseconds to keep record and tombstone, how many ended sessions to remember
-- Returns 1, or 0 when the session was gone before.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease has another token')
end
local known = redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SET', KEYS[7], '1', 'PX', ARGV[3])
redis.call('UNLINK', KEYS[5], KEYS[8])
redis.call('PEXPIRE', KEYS[6], ARGV[3])
for at = 9, #KEYS do
  redis.call('HDEL', KEYS[at], 'for:' .. ARGV[2])
  if redis.call('HLEN', KEYS[at]) <= 1 then
    redis.call('UNLINK', KEYS[at])
  end
end
if known == 1 then
  redis.call('LPUSH', KEYS[4], ARGV[2])
  redis.call('LTRIM', KEYS[4], 0, tonumber(ARGV[4]) - 1)
end
return known

-- Freezes a closed log under its root, once. A seal names the log's last entry, so none is made of a log that lost or gained one.
-- KEYS  lease, record, log
-- ARGV  token, id of the last entry, seal
-- Returns {1, seal}, or {0, the seal that is there already}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease has another token')
end
local existing = redis.call('HGET', KEYS[2], 'seal')
if existing then
  return {0, existing}
end
if redis.call('HEXISTS', KEYS[2], 'closed') == 0 then
  return redis.error_reply('OPEN the session is not closed')
end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= ARGV[2] then
  return redis.error_reply('MOVEDON ' .. (last and last[1] or 'none'))
end
redis.call('HSET', KEYS[2], 'seal', ARGV[3])
return {1, ARGV[3]}

-- Appends relays of one supplier, and registers their sessions.
-- KEYS  sessions, head, then for each session of the batch: tombstone, record, log
-- ARGV  number of sessions; for each: id, header; then for each relay:
--       its session (position from 1), bytes, arrival height, milliseconds of an earlier append or ''
-- Returns for each relay the id of its entry, or false when its session takes no more.
local count = tonumber(ARGV[1])
local open, appended, outcomes = {}, {}, {}
for s = 1, count do
  open[s] = redis.call('EXISTS', KEYS[3 * s]) == 0 and redis.call('HEXISTS', KEYS[3 * s + 1], 'closed') == 0
end
for at = 2 + 2 * count, #ARGV, 4 do
  local s = tonumber(ARGV[at])
  local outcome = false
  if open[s] then
    local log = KEYS[3 * s + 2]
    if ARGV[at + 3] == '' then
      outcome = redis.call('XADD', log, '*', 'r', ARGV[at + 1], 'h', ARGV[at + 2])
    else
      outcome = redis.call('XADD', log, '*', 'r', ARGV[at + 1], 'h', ARGV[at + 2], 't', ARGV[at + 3])
    end
    appended[s] = (appended[s] or 0) + 1
  end
  outcomes[#outcomes + 1] = outcome
end
for s = 1, count do
  if appended[s] then
    local id = ARGV[2 * s]
    redis.call('HSETNX', KEYS[1], id, ARGV[2 * s + 1])
    redis.call('HINCRBY', KEYS[2], id, appended[s])
  end
end
return outcomes

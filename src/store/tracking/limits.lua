-- Adds one request to each count, unless one of them is full. This is the generic cell rate algorithm.
-- See https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm.
-- KEYS: the counts. Each holds the instant in microseconds at which it is empty again. ARGV: requests per minute for each of them.
-- Returns the microseconds to wait, 0 if the request is admitted.
local minute = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, empty = 0, {}
for i, key in ipairs(KEYS) do
  local full_at = math.max(tonumber(redis.call('GET', key) or now), now)
  empty[i] = full_at + minute / ARGV[i]
  wait = math.max(wait, math.ceil(empty[i] - minute - now))
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', empty[i]), 'PX', math.ceil((empty[i] - now) / 1000))
end
return 0

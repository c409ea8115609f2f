-- Forgets a job that is on record no more, unless another one of its content has been made known since.
-- KEYS: the job, the active contents, its account's reservations. ARGV: its content, its id.
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).id ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1

-- The commands that change or read several keys of the log atomically. An entry's id is "0-<number>".
-- "marks" are strings "<number> <size> <time>": the newest number at a time of this server's clock, and the bytes of
-- all events up to it. "size" is the number of bytes now. "index" has "<channel> <number>" of each durable event up to
-- the number in "indexed"; later ones, some by an older version of this script, are added by reads and when trimming.
local log, latest, seen, marks, size, index, indexed = unpack(KEYS)

local function number(id)
    return tonumber(string.sub(id, 3))
end

local function newest()
    local found = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    return found and number(found[1]) or 0
end

-- append <bytes of an event's overhead> <deduplication window> <pub/sub channel>
-- <the newest number when the events were read from the outbox, or ''>
-- <token> <channel> <name> <text> <tag> <sent_at> <durable> of each event
-- Returns the newest number and 1, or 0 if the deduplication window does not reach back to that read.
-- Subscribers get a single event with the number and the tag of the one before it; of several or long ones, a number.
-- This comes first, so that an append does not define the functions below.
if ARGV[1] == 'append' then
    local overhead, window, read_at, last = ARGV[2], ARGV[3], ARGV[5], nil
    if read_at ~= '' and tonumber(read_at) < newest() - window then
        return {newest(), 0}
    end
    for i = 6, #ARGV, 7 do
        local token, channel, name, text, tag, sent_at, durable = unpack(ARGV, i, i + 6)
        local known = redis.call('ZSCORE', seen, token)
        if not known then
            local id = redis.call('XADD', log, '0-*', 'channel', channel, 'name', name, 'text', text, 'tag', tag,
                'sent_at', sent_at, 'durable', durable)
            last = number(id)
            redis.call('INCRBY', size, overhead + #channel + #name + #text)
            redis.call('ZADD', seen, last, token)
            if durable == '1' then
                redis.call('ZADD', latest, last, channel)
            end
        elseif known + window / 10 < (last or newest()) then
            -- Remember it for longer: it may be sent again.
            redis.call('ZADD', seen, last or newest(), token)
        end
    end
    if last then
        local id = string.format('0-%d', last)
        local before = #ARGV == 12 and #ARGV[9] < 8000 and redis.call('XREVRANGE', log, '(' .. id, '-', 'COUNT', 1)[1]
        local event = before and cjson.encode({{number(before[1]), before[2][8]}, {id, unpack(ARGV, 7, 12)}})
        redis.call('PUBLISH', ARGV[4], event or last)
    end
    return {last or newest(), 1}
end

local INDEX_AT_ONCE = 1000

local function in_index(channel, number)
    return string.format('%s %016d', channel, number)
end

local function entries(first, last, count)
    return redis.call('XRANGE', log, first, last, 'COUNT', count)
end

local function entry_at(number)
    local id = string.format('0-%d', number)
    return entries(id, id, 1)[1]
end

local function indexed_upto()
    return tonumber(redis.call('GET', indexed) or 0)
end

-- Add the next entries to the index.
local function extend_index(page)
    local added = {}
    for _, entry in ipairs(page) do
        if entry[2][12] == '1' then
            added[#added + 1] = 0
            added[#added + 1] = in_index(entry[2][2], number(entry[1]))
        end
    end
    if #added > 0 then
        redis.call('ZADD', index, unpack(added))
    end
    if #page > 0 then
        redis.call('SET', indexed, number(page[#page][1]))
    end
end

local function oldest()
    return number(entries('-', '+', 1)[1][1])
end

local function seconds()
    local time = redis.call('TIME')
    return time[1] + time[2] / 1000000
end

local function mark(place)
    local found = redis.call('LINDEX', marks, place)
    if found then
        local number, upto, at = string.match(found, '(%S+) (%S+) (%S+)')
        return tonumber(number), tonumber(upto), tonumber(at)
    end
end

-- Return the number of the last event that exceeds the retention, and drop the marks up to it: it was logged at
-- `logged_until` or earlier, or is followed by `bytes`.
local function last_expired(logged_until, bytes)
    local first, total, expired = oldest(), tonumber(redis.call('GET', size) or 0), 0
    local number, upto, at = mark(0)
    while number and (number < first or at <= logged_until or upto <= total - bytes) do
        redis.call('LPOP', marks)
        expired = number
        number, upto, at = mark(0)
    end
    return expired
end

-- Remove the entries with lower numbers than this from the log and from the index; return how many they were.
local function drop_before(first)
    local dropped = 0
    repeat
        local page, members = entries('-', string.format('(0-%d', first), INDEX_AT_ONCE), {}
        for i, entry in ipairs(page) do
            members[i] = in_index(entry[2][2], number(entry[1]))
        end
        if #page > 0 then
            redis.call('ZREM', index, unpack(members))
            dropped = dropped + redis.call('XTRIM', log, 'MAXLEN', '=', redis.call('XLEN', log) - #page)
        end
    until #page < INDEX_AT_ONCE
    return dropped
end

-- trim <maximum count> <maximum age in seconds> <maximum bytes> <deduplication window>
local function trim(count, age, bytes, window)
    if redis.call('XLEN', log) == 0 then
        return 0
    end
    -- pcall: the server refuses this while its memory is full.
    pcall(extend_index, entries(string.format('(0-%d', indexed_upto()), '+', INDEX_AT_ONCE))
    local now, last = seconds(), newest()
    local expired = math.max(last_expired(now - age, tonumber(bytes)), last - count)
    local dropped = drop_before(math.min(expired + 1, last))
    if redis.call('ZCARD', index) > redis.call('XLEN', log) then
        -- An older version of this script has trimmed the log but not the index: build it again.
        redis.call('UNLINK', index, indexed)
    end
    redis.call('ZREMRANGEBYSCORE', latest, '-inf', '(' .. oldest())
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', last - window)
    local marked, _, at = mark(-1)
    if not marked or (marked < last and (marked + 100 <= last or at <= now - age / 1000)) then
        -- pcall: the server refuses this while its memory is full.
        redis.pcall('RPUSH', marks, string.format('%d %s %.6f', last, redis.call('GET', size) or 0, now))
    end
    return dropped
end

-- Return up to `limit` entries of the channels after a number, from the index up to the number `upto`, and the number
-- up to which there are no others.
local function read_index(after, upto, limit)
    local numbers, found = nil, {}
    repeat
        if numbers then
            upto = after + math.floor((upto - after) / 4)
        end
        numbers = {}
        local first, last = in_index('', after + 1), in_index('', upto)
        for i = 5, #ARGV do
            local from, to = '[' .. ARGV[i] .. first, '[' .. ARGV[i] .. last
            for _, member in ipairs(redis.call('ZRANGEBYLEX', index, from, to, 'LIMIT', 0, limit)) do
                numbers[#numbers + 1] = tonumber(string.sub(member, -16))
            end
            if #numbers > 4 * limit then
                break
            end
        end
    until #numbers <= 4 * limit
    table.sort(numbers)
    for i = 1, math.min(#numbers, limit) do
        found[i] = entry_at(numbers[i])
    end
    return found, numbers[limit] or upto
end

-- read_page <number> <entries to return> <entries to read> <channel>...
-- Returns the entry with that number, later durable entries of the channels, and the last one that was considered if
-- there may be more.
local function read_page(number_given, limit, count)
    local after, upto = tonumber(number_given), indexed_upto()
    local there, found = entry_at(number_given), {}
    limit, count = tonumber(limit), tonumber(count)
    -- The log is read instead if it has fewer entries than there are channels to find in the index.
    if there and upto - after > #ARGV - 4 then
        found, after = read_index(after, upto, limit)
        if after < upto then
            return {{there}, found, {entry_at(after)}}
        end
    end
    local wanted, page = {}, entries(string.format('(0-%d', after), '+', count)
    for i = 5, #ARGV do
        wanted[ARGV[i]] = true
    end
    for _, entry in ipairs(page) do
        if #found < limit and wanted[entry[2][2]] and entry[2][12] == '1' then
            found[#found + 1] = entry
        end
    end
    if after == upto then
        pcall(extend_index, page)
    end
    return {{there}, found, {#page == count and page[#page] or nil}}
end

-- tags <number>...
-- Returns the tag of each entry, or nil.
local function tags()
    local found = {}
    for i = 2, #ARGV do
        local entry = entry_at(ARGV[i])
        found[#found + 1] = entry and entry[2][8] or false
    end
    return found
end

-- latest_of <channel>...
-- Returns the newest durable entry of each channel that has one.
local function latest_of()
    local found = {}
    for i = 2, #ARGV do
        local score = redis.call('ZSCORE', latest, ARGV[i])
        if score then
            found[#found + 1] = entry_at(score)
        end
    end
    return found
end

local commands = {latest_of = latest_of, read_page = read_page, tags = tags, trim = trim}
return commands[ARGV[1]](unpack(ARGV, 2, 5))

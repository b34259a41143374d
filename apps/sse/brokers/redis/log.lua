-- What has to happen to the log in one step. An entry's id is "0-<number>".
local log, latest, seen = KEYS[1], KEYS[2], KEYS[3]

local function number(id)
    return tonumber(string.sub(id, 3))
end

-- The id of the first entry that was sent at `oldest` or later, or else of the newest.
local function first_to_stay(oldest)
    local from, id, many = '-', nil, 1
    while true do
        local page = redis.call('XRANGE', log, from, '+', 'COUNT', many)
        for _, entry in ipairs(page) do
            id = entry[1]
            if tonumber(entry[2][10]) >= oldest then
                return id
            end
        end
        if #page < many then
            return id
        end
        from, many = '(' .. id, 100
    end
end

-- trim <how many to keep> <oldest sent_at to keep> <how many numbers to remember>
local function trim(count, oldest, remembered)
    local dropped = redis.call('XTRIM', log, 'MAXLEN', '=', count)
    local first = first_to_stay(tonumber(oldest))
    if not first then
        return 0
    end
    dropped = dropped + redis.call('XTRIM', log, 'MINID', '=', first)
    local newest = number(redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1][1])
    redis.call('ZREMRANGEBYSCORE', latest, '-inf', '(' .. number(first))
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', newest - remembered)
    return dropped
end

local function append_one(token, channel, name, text, tag, sent_at, durable)
    if redis.call('ZSCORE', seen, token) then
        return nil
    end
    local id = redis.call('XADD', log, '0-*', 'channel', channel, 'name', name, 'text', text, 'tag', tag,
        'sent_at', sent_at, 'durable', durable)
    redis.call('ZADD', seen, number(id), token)
    if durable == '1' then
        redis.call('ZADD', latest, number(id), channel)
    end
    return number(id)
end

-- append <trim at multiples of> <the arguments of trim> <whom to tell> <seven of append_one>...
local function append(every, count, oldest, remembered, whom)
    local newest
    for i = 7, #ARGV, 7 do
        local appended = append_one(unpack(ARGV, i, i + 6))
        newest = appended or newest
        if appended and appended % every == 0 then
            trim(count, oldest, remembered)
        end
    end
    if newest then
        redis.call('PUBLISH', whom, newest)
    end
end

-- begin <tag> <sent_at>: a mark, if there is nothing.
local function begin(tag, sent_at)
    if redis.call('XLEN', log) == 0 then
        redis.call('XADD', log, '0-*', 'channel', '', 'name', 'mark', 'text', '', 'tag', tag,
            'sent_at', sent_at, 'durable', '1')
    end
end

-- look <id> <how many to look at> <how many to find> <channel>...: the entry there, those of the
-- channels behind it, and the last that was looked at if there may be more.
local function look(id, many, most)
    local wanted = {}
    for i = 5, #ARGV do
        wanted[ARGV[i]] = true
    end
    local page = redis.call('XRANGE', log, id, '+', 'COUNT', many)
    local there, found, last = page[1], {}, nil
    for i = 2, #page do
        if #found < tonumber(most) and wanted[page[i][2][2]] then
            found[#found + 1] = page[i]
        end
    end
    if #page == tonumber(many) then
        last = page[#page]
    end
    return { {there}, found, {last} }
end

-- latest_of <channel>...: the newest durable entry of each that has one.
local function latest_of()
    local found = {}
    for i = 2, #ARGV do
        local score = redis.call('ZSCORE', latest, ARGV[i])
        if score then
            local id = '0-' .. score
            found[#found + 1] = redis.call('XRANGE', log, id, id)[1]
        end
    end
    return found
end

local commands = {append = append, begin = begin, latest_of = latest_of, look = look, trim = trim}
return commands[ARGV[1]](unpack(ARGV, 2, 6))

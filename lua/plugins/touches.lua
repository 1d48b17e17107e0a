--- What commands may touch, in words that a person decides by.
-- Promise: made from contracts alone; everything that a contract can unlock has its words here, so that what is not said
-- cannot be done.

local touches = {}

local ACCESS = { read = "read files that the caller names", write = "write files that the caller names" }

local function of_params(C, say)
  for _, p in ipairs(C.params or {}) do
    if p.access then say(ACCESS[p.access]) end
    if p.type == "secret" then say("take the secret " .. (p.env or p.name)) end
  end
end

local function of_files(C, say)
  for _, path in ipairs(C.reads or {}) do say("read " .. path) end
  for _, row in ipairs(C.writes or {}) do say(("write %s files at %s"):format(row.type, row.path)) end
  if C.walk then say("walk through folders that the caller names") end
  if C.store then say("keep data in a store of its own") end
  if C.config and C.danger ~= "safe" then say("change configuration") end
end

local function of_programs(C, say)
  if C.runs then
    local more = C.runs.any and " and any other on PATH or in the run's own directory" or ""
    say("run the program " .. C.runs.binary .. more)
  end
  if C.background then say("leave programs running when it is done") end
  if C.job then say("work on in the background") end
  if C.editor then say("open your editor") end
  if C.gui then say("open things on your desktop") end
  if C.terminal then say("take over the terminal") end
  if C.native then say("load the native module " .. C.native) end
end

local function of_network(C, say)
  if C.network then say("talk to the network") end
  if C.serves then say("answer on a port of this machine") end
  if C.auth then say("use your credential" .. (#C.auth.env > 0 and " (" .. table.concat(C.auth.env, ", ") .. ")" or "")) end
  for _, scope in ipairs(C.scopes or {}) do say("use the scope " .. scope) end
end

--- The words for these contracts and the plugin's hooks: sorted array, each once.
function touches.of(contracts, plugin)
  local list, seen = {}, {}
  local function say(text)
    if not seen[text] then list[#list + 1] = text end
    seen[text] = true
  end
  for _, C in ipairs(contracts) do
    if not C.group then
      of_params(C, say)
      of_files(C, say)
      of_programs(C, say)
      of_network(C, say)
      if C.danger == "destructive" then say("destroy data, after a confirmation") end
      if C.danger == "mutating" then say("change data") end
    end
  end
  if plugin and next(plugin.hooks) ~= nil then say("run hooks at the start or end of each of its commands") end
  table.sort(list)
  return list
end

--- What `now` has and `before` has not.
function touches.more(before, now)
  local known, list = {}, {}
  for _, text in ipairs(before) do known[text] = true end
  for _, text in ipairs(now) do
    if not known[text] then list[#list + 1] = text end
  end
  return list
end

return touches

--- Which route a request means.
-- Promise: routes are compiled once; a literal segment wins over a parameter; a path that exists under another method
-- is told apart from one that does not (RFC 9110 §15.5.5, §15.5.6).

local router = {}

--- Decodes %XX (and + as a space with form = true). nil when an escape is broken (RFC 3986 §2.1).
function router.decode(text, form)
  if form then text = text:gsub("+", " ") end
  local broken = text:gsub("%%%x%x", ""):find("%", 1, true)
  if broken then return nil end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Parses a query or a form body into name -> value.
-- @return table, name|nil of a field that came more than once (the last one is kept); or nil when an escape is broken
function router.fields(text)
  local out, repeated = {}, nil
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = router.decode(name, true), router.decode(value, true)
    if not name or not value then return nil end
    if out[name] ~= nil then repeated = name end
    out[name] = value
  end
  return out, repeated
end

local function split(path)
  local out = {}
  for segment in path:gmatch("[^/]+") do out[#out + 1] = segment end
  return out
end

-- Adds one route to a tree of nodes { literals = { segment -> node }, param = node, routes = { METHOD -> entry } }.
local function add(root, method, path, route)
  local node, names = root, {}
  for _, segment in ipairs(split(path)) do
    local name = segment:match("^{([%w_]+)}$")
    if name then
      names[#names + 1] = name
      node.param = node.param or { literals = {}, routes = {} }
      node = node.param
    else
      node.literals[segment] = node.literals[segment] or { literals = {}, routes = {} }
      node = node.literals[segment]
    end
  end
  if node.routes[method] then error(("route %s %s is given twice"):format(method, path), 0) end
  node.routes[method] = { route = route, names = names }
end

-- The node of a path's segments from i on; values of parameters are put into `values`.
local function descend(node, segments, i, values)
  local segment = segments[i]
  if segment == nil then return next(node.routes) and node or nil end
  local literal = node.literals[segment]
  local found = literal and descend(literal, segments, i + 1, values)
  if found or not node.param then return found end
  local depth = #values + 1
  values[depth] = segment
  found = descend(node.param, segments, i + 1, values)
  if not found then values[depth] = nil end
  return found
end

local function allowed(node)
  local out = {}
  for method in pairs(node.routes) do out[#out + 1] = method end
  if node.routes.GET and not node.routes.HEAD then out[#out + 1] = "HEAD" end
  table.sort(out)
  return table.concat(out, ", ")
end

--- Compiles { ["METHOD /path/{id}"] = route }. Raises a message for a key that is no route.
-- @return function(method, path) -> route, params; or nil, "GET, POST" (what the path allows); or nil (no such path)
function router.compile(routes)
  local root = { literals = {}, routes = {} }
  for key, route in pairs(routes) do
    local method, path = tostring(key):match("^(%u+) (/%S*)$")
    if not method or type(route) ~= "table" or type(route.run) ~= "function" then
      error(('route %q must be "METHOD /path" = { run = function(req, ctx) … end }'):format(tostring(key)), 0)
    end
    add(root, method, path, route)
  end
  return function(method, path)
    local segments, values = split(path), {}
    for i, segment in ipairs(segments) do
      segments[i] = router.decode(segment)
      if not segments[i] then return nil, nil end
    end
    local node = descend(root, segments, 1, values)
    if not node then return nil, nil end
    local entry = node.routes[method] or method == "HEAD" and node.routes.GET
    if not entry then return nil, allowed(node) end
    local params = {}
    for i, name in ipairs(entry.names) do params[name] = values[i] end
    return entry.route, params
  end
end

return router

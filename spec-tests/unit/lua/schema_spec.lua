--- Schemas: what is published, and that the check of results reads the same forms.

package.path = "lua/?.lua;spec-tests/unit/lua/?.lua;" .. package.path
package.loaded.host = require "host_shim"

local contract = require "contract"
local host = require "host"
local schema = require "schema"

local null = host.json.null

local function command(fields)
  local raw = { about = "X", danger = "safe", scopes = {}, exits = { SUCCESS = "ok" }, run = function() end }
  for key, value in pairs(fields) do raw[key] = value end
  local C, problems = contract.check(raw, { words = { "x" }, file = "/x.lua" })
  return assert(C, problems[1] and problems[1].message)
end

local function mutating(fields)
  fields.danger, fields.preview = "mutating", fields.preview or function() end
  return command(fields)
end

local function fits(C, data, kind)
  local ok, problem = schema.check(C, data, kind)
  assert.is_true(ok, problem and problem.path .. " " .. problem.message)
end

local function misfits(path, text, C, data, kind)
  local ok, problem = schema.check(C, data, kind)
  assert.is_nil(ok)
  assert.equal(path, problem.path)
  assert.matches(text, problem.message, 1, true)
end

describe("published schema", function()
  it("of an object", function()
    local s = schema.output(command { returns = {
      a = "string", b = "integer?", c = "datetime!", d = { e = "boolean" }, ["f?"] = { g = "any" }, ["…"] = "number",
    } })
    assert.equal("http://json-schema.org/draft-07/schema#", s["$schema"])
    assert.same({ "a", "c", "d" }, s.required)
    assert.same({ type = "string" }, s.properties.a)
    assert.same({ "string", "null" }, s.properties.c.type)
    assert.equal("date-time", s.properties.c.format)
    assert.same({ "e" }, s.properties.d.required)
    assert.is_false(s.properties.d.additionalProperties)
    assert.equal("number", s.additionalProperties.type)
    assert.is_table(s.properties.f)
  end)
  it("of lists, maps and choices", function()
    local s = schema.output(command { returns = { list = { map = "string" }, ordered = true } })
    assert.equal("array", s.type)
    assert.is_true(s["x-ordered"])
    assert.equal("string", s.items.additionalProperties.type)
    s = schema.output(command { returns = { one_of = { { a = "string" }, { b = "string" } } } })
    assert.equal(2, #s.anyOf)
    s = schema.output(command { returns = { schema = { type = "object" } } })
    assert.equal("object", s.type)
  end)
  it("adds effect to what changes something", function()
    local s = schema.output(mutating { returns = { id = "string" } })
    assert.same({ "effect", "id" }, s.required)
    assert.same({ "created", "updated", "deleted", "noop" }, s.properties.effect.enum)
  end)
  it("adds what steps, gui and background add", function()
    local s = schema.output(mutating { returns = { id = "string" }, steps = { "one" },
      gui = { "browser_open", headless = "skip" }, runs = "x", background = { stop = "x", lifetime = "1h" } })
    for _, name in ipairs { "completed_steps", "failed_step", "skipped_steps", "open_url", "opened",
      "background_pid" } do
      assert.is_table(s.properties[name], name)
    end
  end)
  it("tags outside data", function()
    local s = schema.output(command { returns = { a = "string" }, network = true })
    assert.equal("external", s.properties._source.const)
    assert.is_false(s.properties._trusted.const)
    s = schema.output(command { returns = { list = { id = "string" } }, network = true })
    assert.same({ "array", "object" }, s.type)
    assert.same({ "_source", "_trusted", "items" }, s.required)
    assert.equal("array", s.properties.items.type)
    s = schema.output(command { returns = { a = "string" }, network = true, external = false })
    assert.is_nil(s.properties._source)
    s = schema.output(command { returns = { a = "string" }, network = true, external = { "a" } })
    assert.is_table(s.properties._external_fields)
  end)
  it("wraps batches, jobs and streams", function()
    local s = schema.output(mutating { returns = { n = "integer" }, args = { { "ids", "list", "I" } }, batch = "ids" })
    assert.same({ "effect", "partial", "results", "summary" }, s.required)
    assert.same({ "n" }, s.properties.results.items.properties.data.required)
    local C = mutating { returns = { n = "integer" }, job = { poll = "1s", timeout = "1m" } }
    s = schema.output(C)
    assert.is_table(s.properties.job_id)
    assert.is_table(s.properties.effect)
    assert.same({ "n" }, schema.variants(C).job_result.required)
    C = command { returns = { n = "integer" }, stream = true }
    assert.equal("array", schema.output(C).type)
    assert.same({ "n" }, schema.variants(C).row.required)
  end)
  it("publishes the other answers", function()
    local variants = schema.variants(mutating { returns = { id = "string" }, creates = "x", deletes = "x" })
    assert.equal("^would_", variants.would.properties.effect.pattern)
    assert.equal("not_found", variants.missing.properties.status.const)
    assert.same({ "id" }, variants.exists.required)
    assert.is_nil(next(schema.variants(command { returns = { id = "string" } })))
  end)
  it("never hands out the author's table", function()
    local own = { type = "object", properties = { a = { type = "string" } } }
    schema.output(mutating { returns = { schema = own } })
    assert.same({ type = "object", properties = { a = { type = "string" } } }, own)
  end)
end)

describe("flag entries", function()
  local function flag(row, full)
    local C = command { returns = { a = "any" }, args = { row } }
    return schema.param(C.params[1], full)
  end
  it("have the closed keys", function()
    assert.same({ type = "integer", required = false, description = "Count; from 1 to 9", default = 2 },
      flag { "n", "integer", "Count.", min = 1, max = 9, default = 2 })
    assert.same({ type = "enum", required = true, description = "Size", enum_values = { "a4", "a5" } },
      flag { "size", "enum", "Size", one_of = { "a4", "a5" }, required = true })
    assert.equal("array", flag({ "m", "map", "M" }).type)
    assert.equal("string", flag({ "p", "path", "P" }).type)
    assert.matches("a duration", flag({ "d", "duration", "D", min = "1s" }).description)
  end)
  it("say the rest in words, and on request in keys", function()
    local entry = flag({ "x", "string", "X", match = "^[a-z]$", at = 1 }, true)
    assert.matches("pattern ^[a-z]$", entry.description, 1, true)
    assert.equal("^[a-z]$", entry.pattern)
    assert.equal(1, entry.position)
    assert.equal("alphanumeric_id", flag({ "x", "string", "X", match = "id" }, true).pattern_type)
  end)
end)

describe("check", function()
  local C = command { returns = {
    name = "string", count = "integer?", at = "datetime!", tags = { list = "string" }, more = { ["…"] = "any" },
  } }
  local function data(fields)
    local d = { name = "n", at = null, tags = {}, more = {} }
    for key, value in pairs(fields or {}) do d[key] = value end
    return d
  end

  it("accepts what fits", function()
    fits(C, data())
    fits(C, data { count = 3, at = "2031-02-03T10:00:00Z", tags = { "a" }, more = { x = 1, y = null } })
    fits(C, data { count = 3.0 })
  end)
  it("names the first misfit by its path", function()
    misfits("data.name", "must be a string, is an integer", C, data { name = 1 })
    misfits("data.count", "must be an integer, is null", C, data { count = null })
    misfits("data.at", "must be an RFC 3339 time", C, data { at = "yesterday" })
    misfits("data.tags[1]", "must be a string, is a boolean", C, data { tags = { "a", true } })
    misfits("data.tags", "must be an array, is an object", C, data { tags = { a = 1 } })
    misfits("data.extra", "is not declared in returns", C, data { extra = 1 })
    misfits("data", "must be an object, is a string", C, "x")
    misfits("data", "must be an object, is nothing", C, nil)
    local d = data()
    d.name = nil
    misfits("data.name", "is missing", C, d)
  end)
  it("keeps [] and {} apart", function()
    local d = data()
    fits(C, d)
    assert.is_true(host.json.is_array(d.tags))
    assert.is_false(host.json.is_array(d.more))
    misfits("data.tags", "must be an array", C, data { tags = host.json.object {} })
    misfits("data.more", "must be an object", C, data { more = host.json.array {} })
  end)
  it("reads lists, maps, choices and raw schemas", function()
    local list = command { returns = { list = { id = "string" } } }
    fits(list, {})
    fits(list, { { id = "a" } })
    fits(list, { _source = "external", _trusted = false, items = { { id = "a" } } })
    misfits("data[1].id", "is missing", list, { { id = "a" }, {} })
    misfits("data.items[0].id", "is missing", list, { _source = "external", _trusted = false, items = { {} } })
    local map = command { returns = { map = "integer" } }
    fits(map, { a = 1 })
    misfits("data.a", "must be an integer", map, { a = "1" })
    local choice = command { returns = { one_of = { { a = "string" }, { list = "integer" } } } }
    fits(choice, { a = "x" })
    fits(choice, { 1, 2 })
    misfits("data", "fits none", choice, { b = 1 })
    local raw = command { returns = { schema = { type = "object", required = { "a" }, additionalProperties = false,
      properties = { a = { type = { "string", "null" } }, b = { enum = { "x", "y" } },
        c = { type = "array", items = { type = "integer" } } } } } }
    fits(raw, { a = null, b = "x", c = { 1 } })
    misfits("data.a", "is missing", raw, {})
    misfits("data.b", "none of the declared values", raw, { a = "s", b = "z" })
    misfits("data.c[0]", "must be an integer", raw, { a = "s", c = { "1" } })
    misfits("data.d", "is not declared", raw, { a = "s", d = 1 })
  end)
  it("lets the host's keys pass, and only those", function()
    local M = mutating { returns = { id = "string" }, network = true }
    fits(M, { id = "a", effect = "created", _source = "external", _trusted = false })
    misfits("data.effect", "must be created", M, { id = "a", effect = "sent" })
    misfits("data.effect", "is not declared", command { returns = { id = "string" } }, { id = "a", effect = "created" })
  end)
  it("knows the other answers", function()
    local M = mutating { returns = { id = "string" }, creates = "x", deletes = "x" }
    fits(M, { effect = "would_delete", would_affect = { n = 1 } })
    misfits("data", "must be an object or an array, is nothing", M, { effect = "would_delete" })
    fits(M, { effect = "noop", id = "a", status = "not_found" })
    fits(M, { id = "a" }, "exists")
    misfits("data.id", "is missing", M, {}, "exists")
  end)
  it("checks rows, jobs and batches", function()
    local S = command { returns = { n = "integer" }, stream = "default" }
    fits(S, { n = 1 }, "row")
    fits(S, { { n = 1 } })
    fits(S, nil)
    misfits("data.n", "must be an integer", S, { n = "1" }, "row")
    local J = mutating { returns = { n = "integer" }, job = { poll = "1s", timeout = "1m" } }
    local descriptor = { job_id = "j", status = "running", terminal = false, status_command = "s", cancel_command = "c",
      poll_interval_ms = 1, timeout_ms = 2, effect = "created" }
    fits(J, descriptor)
    descriptor.job_id = nil
    misfits("data.job_id", "is missing", J, descriptor)
    fits(J, { n = 1 }, "job_result")
    local B = mutating { returns = { n = "integer" }, args = { { "ids", "list", "I" } }, batch = "ids" }
    local summary = { total = 2, succeeded = 1, failed = 1 }
    fits(B, { summary = summary, partial = true, effect = "updated", results = {
      { id = "a", ok = true, effect = "updated", data = { n = 1 } }, { id = "b", ok = false,
        error = { code = "X" } } } })
    misfits("data.results[0].data.n", "must be an integer", B,
      { summary = summary, partial = true, results = { { id = "a", ok = true, data = { n = "x" } } } })
  end)
end)

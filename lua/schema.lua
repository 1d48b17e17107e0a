--- Schemas of what a command takes and gives.
-- Promise: every schema is derived from the contract and from nothing else (REQ-C-015, REQ-O-013); the check of a
-- result reads the same forms as the published schema. The two halves load separately: a run needs only the check.

local schema = {}

--- Does a result fit the contract? See schema.fit.
-- @param kind nil (found out from the data), "result", "would", "missing", "exists", "job", "job_result" or "row"
-- @return true; or nil, { path = "data.x", message = "…" }
function schema.check(C, data, kind)
  return require("schema.fit").check(C, data, kind)
end

--- The JSON Schema (draft-07) of `data` on success. See schema.publish.
function schema.output(C)
  return require("schema.publish").output(C)
end

--- The schemas of the answers that are not the plain result: would, missing, exists, job_result, row.
function schema.variants(C)
  return require("schema.publish").variants(C)
end

--- The FlagEntry of a parameter; with full = true also the keys that the closed manifest has no room for.
function schema.param(p, full)
  return require("schema.publish").param(p, full)
end

return schema

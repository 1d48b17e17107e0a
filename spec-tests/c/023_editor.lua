-- REQ-C-023: whoever has no editor passes the text as a parameter.
local S = require "lib.spec"

-- A program in a directory of its own that notes that it was called and writes into the file it is given.
local function editor()
  local dir = S.dir()
  local path = S.spit(dir .. "/edit", ('#!/bin/sh\necho called > %s/called\necho edited > "$1"\n'):format(dir))
  assert(S.run({ "chmod", "755", path }).status == 0)
  return path, dir .. "/called"
end

S.req("REQ-C-023", "Editor commands declare a non-interactive alternative", function()
  it("1 an editor without an alternative is refused, and so is one that is no optional parameter", function()
    local r, text = S.check("editor-alone", "editor-unknown", "editor-required", "edit-undeclared")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { "requires_editor: true requires at least one non_interactive_alternative",
      'alternative "nothing" is not a parameter', 'alternative "body" must be optional',
      "ctx.edit used but editor is not declared" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)

  it("2 without a terminal and without a text: exit 4 with a hint, and no editor", function()
    local path, called = editor()
    local r = S.tool({ "fx", "message" }, { env = { EDITOR = path, VISUAL = path } })
    local e = S.failed(r, 4, "EDITOR_REQUIRED")
    S.equal(r, "use --body <text> instead", e.hint, "hint")
    S.truth(r, #(e.suggestion or "") > 3 and #(e.fix_required or "") > 3, "suggestion and fix_required")
    S.equal(r, { { description = "The text", flag = "--body" }, { description = "File with the text", flag = "--body-file" } },
      e.alternatives, "alternatives")
    S.equal(r, "validation", e.phase, "phase")
    assert.is_false(S.exists(called))
  end)

  it("3 a text or a file with it needs no editor", function()
    local path, called = editor()
    local r = S.status(S.tool({ "fx", "message", "--body", "hello" }, { env = { EDITOR = path } }), 0)
    S.equal(r, "hello", r.envelope.data.text, "text")
    local file = S.spit(S.dir() .. "/body", "from a file\n")
    r = S.status(S.tool({ "fx", "message", "--body-file", file }, { env = { EDITOR = path } }), 0)
    S.equal(r, "from a file\n", r.envelope.data.text, "text")
    S.status(S.tool({ "fx", "message", "--dry-run" }, { env = { EDITOR = path } }), 0)
    assert.is_false(S.exists(called))
  end)

  it("4 on a terminal the editor opens, and with a text it does not", function()
    local path, called = editor()
    local r = S.tool({ "fx", "message", "--output", "json", "--body", "x" }, S.terminal { env = { EDITOR = path } })
    S.status(r, 0)
    assert.is_false(S.exists(called))
    r = S.tool({ "fx", "message", "--output", "json" }, S.terminal { env = { EDITOR = path } })
    S.status(r, 0)
    assert.is_true(S.exists(called))
    S.truth(r, r.stdout:find('"text":"edited\\n"', 1, true), "the edited text is not taken")
  end)

  it("--schema names the alternatives", function()
    local data = S.contract "fx message"
    assert.is_true(data.requires_editor)
    assert.same({ "body", "body-file" }, data.non_interactive_alternatives)
    assert.equal("PRECONDITION", data.exit_codes["4"].name)
  end)
end)

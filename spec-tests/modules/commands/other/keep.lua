-- Every operation of ctx.store, as asked for by a JSON list of { name, argument… }.
return {
  about = "Do operations on another store",
  danger = "safe", scopes = {}, store = true,
  args = { { "do", "json", "A list of operations", required = true } },
  returns = { list = "any", ordered = true },
  exits = { SUCCESS = "All were done" },
  examples = { { "Read a value", "tool other keep --do [[\"get\",\"a\"]]" } },
  run = function(args, ctx)
    local out = ctx.array {}
    for i, op in ipairs(args["do"]) do
      local value = ctx.store[op[1]](table.unpack(op, 2))
      if value == nil then value = ctx.null end
      out[i] = value
    end
    return out
  end,
}

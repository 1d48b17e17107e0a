return require("lib.absent")("apps update", "Change an app", {
  { "app", "string", "The app", at = 1, match = "id" },
  { "description", "string", "What the app is for", max_length = 1000 },
}, "Create another app with `minitower-cli apps create`")

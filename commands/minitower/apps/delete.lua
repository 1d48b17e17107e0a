return require("lib.absent")("apps delete", "Delete an app", {
  { "app", "string", "The app", at = 1, match = "id" },
}, "Leave the app as it is; an app without runs costs nothing")

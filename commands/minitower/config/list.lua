return require("lib.commands").list_profiles "minitower-cli config list"

return { about = "Apps: what can be run" }

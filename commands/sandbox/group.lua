return { about = "Run programs inside the sandbox that commands run in" }

return { about = "Jobs: work that goes on when its command has answered" }

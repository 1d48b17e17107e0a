return { about = "Read and write the configuration" }

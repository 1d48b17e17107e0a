return { about = "Install, look after and trust plugins and custom commands" }

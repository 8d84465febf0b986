"""Program files with a damaged byte: noticed, or without any effect."""

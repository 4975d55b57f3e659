"""After the download: check the files and place them."""

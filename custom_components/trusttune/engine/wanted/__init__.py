"""What is missing from the library, according to Lidarr and Jellyfin."""

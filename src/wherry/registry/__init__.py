"""Images: repositories, uploads, pushes, tags, referrers, pulls and deletes."""

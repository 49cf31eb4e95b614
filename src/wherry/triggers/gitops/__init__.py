"""GitOps: the new image is committed to a Git repository, and whoever watches that one rolls it out."""

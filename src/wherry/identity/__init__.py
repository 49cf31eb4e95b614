"""Who: users and organizations, and how a user proves to be one."""

"""The OCI Distribution face: `/v2/` and the Docker token endpoint `/token`."""

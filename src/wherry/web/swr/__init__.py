"""SWR's management API (basic edition), as `huaweicloudsdkswr` speaks it, over the same domains."""

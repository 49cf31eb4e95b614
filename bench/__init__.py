"""Wherry side by side with other registries on this machine: `python -m bench`.

Commands, never timed tests: a missed target is printed, not failed; a wrong answer fails. Not in the wheel.
"""

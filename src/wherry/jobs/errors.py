"""What can go wrong with jobs, and what a handler raises to say how its job goes on.

JobError
├── JobUnknown
├── JobNotWaiting      a job that has ended, or runs, cannot be asked for that
├── LeaseLost          another worker may have the job by now; what this one does no longer counts
├── InvalidSchedule
├── Retry              raised by a handler: not now, but later
└── GiveUp             raised by a handler: never
"""

from datetime import timedelta


class JobError(Exception):
    """The root of these."""


class JobUnknown(JobError):
    def __init__(self, job_id: int) -> None:
        super().__init__(f"there is no job {job_id}")
        self.job_id = job_id


class JobNotWaiting(JobError):
    def __init__(self, job_id: int, state: str, wanted: str) -> None:
        super().__init__(f"job {job_id} is {state}: {wanted}")
        self.job_id = job_id
        self.state = state


class LeaseLost(JobError):
    def __init__(self, job_id: int) -> None:
        super().__init__(f"job {job_id} is no longer this worker's")
        self.job_id = job_id


class InvalidSchedule(JobError):
    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r} is no schedule: {reason}")


class Retry(JobError):
    """Run the job again, `after` so long, or after a pause that doubles with each attempt."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class GiveUp(JobError):
    """The job has failed for good; later ones of its key go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

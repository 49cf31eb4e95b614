"""What this domain tells others when it has happened."""

from wherry.events.kinds import EventKind

TRIGGER_FINISHED = EventKind(
    "trigger.finished",
    "A run of a trigger is over, whatever became of it.",
    {
        "run": "the number of the run",
        "trigger": "the name of the trigger",
        "repository": "the image",
        "tag": "the tag that was pushed",
        "digest": "what it names since",
        "result": "success, failed, rolled back, superseded or skipped",
        "detail": "what happened, in words",
        "cluster": "where",
        "namespace": "in which namespace",
        "kind": "of which kind the workload is",
        "workload": "its name, or the labels that chose it",
        "pushed_by": "who pushed",
        "seconds": "how long it took from the push on",
    },
)
KINDS = (TRIGGER_FINISHED,)

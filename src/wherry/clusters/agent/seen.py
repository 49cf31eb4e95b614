"""When a cluster's agent was last seen, and what to say where it is not there."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """`machine` is the one of Wherry that holds the line now; None where none does."""

    machine: str | None
    connected_at: datetime | None
    left_at: datetime | None
    problem: str | None

    def why_absent(self, here: str) -> str:
        """For who looks for it on the machine `here`, and finds nothing."""
        if self.machine is not None and self.machine != here:
            return (
                f"its agent is connected to Wherry on {self.machine}, and this is {here}: only the machine"
                " that holds an agent's connection reaches the cluster"
            )
        if self.problem is not None:
            return f"its agent is not let in: {self.problem}"
        if self.connected_at is None:
            return "waiting for the agent: apply its manifest in the cluster, with what `cluster join` prints"
        if self.left_at is not None:
            return f"its agent is not connected since {self.left_at:%Y-%m-%d %H:%M:%S} UTC"
        return "its agent is not connected"

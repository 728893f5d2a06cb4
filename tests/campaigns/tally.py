"""What a campaign counts, and what it finds."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Outcomes of the attempts of a campaign.

    Attributes:
        outcomes: how often each kind of attempt had each outcome.
        found: what should not have happened, a sentence each.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def note(self, kind: str, outcome: str, fault: str = "") -> None:
        """Count an attempt.

        Args:
            kind: of the attempt.
            outcome: of it.
            fault: what should not have happened; empty where nothing did.
        """
        self.outcomes[kind, outcome] += 1
        if fault:
            self.found.append(f"{kind}: {fault}")

    def table(self) -> str:
        """The counts in Markdown, then what was found.

        >>> tally = Tally()
        >>> tally.note("flip", "refused")
        >>> print(tally.table())
        | attempt | outcome | count |
        |---|---|--:|
        | flip | refused | 1 |
        <BLANKLINE>
        1 attempts, 0 found
        """
        lines = ["| attempt | outcome | count |", "|---|---|--:|"]
        lines += [f"| {kind} | {out} | {n} |" for (kind, out), n in sorted(self.outcomes.items())]
        lines += ["", f"{self.outcomes.total()} attempts, {len(self.found)} found"]
        return "\n".join(lines + [f"- {fault}" for fault in self.found])
